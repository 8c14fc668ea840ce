"""Sound for players and pictures of it: peaks of the waveform, media types, formats that browsers play."""
