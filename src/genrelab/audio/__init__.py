"""Sound files to waveforms: decode, resample, mix channels, cut and pad.

Waveforms are float32 arrays `[channels, samples]`, full scale is -1..1. Importing this package loads
no decoder; the modules hold the functions:

- `decode`: `probe`, `decode`, `stream`, `AUDIO_SUFFIXES`
- `resample`, `channels`: change the sample rate or the number of channels
- `segments`, `pad`: segments of a fixed length
"""
