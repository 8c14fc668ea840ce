"""The sound of tracks: opened files, ranges of them, encoded sound, peaks of waveforms."""
