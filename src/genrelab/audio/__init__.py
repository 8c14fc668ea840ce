"""A sound file in, a waveform out: decode, resample, mix channels, cut and pad.

Waveforms are float32 arrays `[channels, samples]`, full scale is -1..1. Importing this package loads
no decoder; the modules hold the functions:

- `decode`: `probe`, `decode`, `stream`, `AUDIO_SUFFIXES`
- `resample`, `channels`: another rate, another number of channels
- `segments`, `pad`: pieces of a fixed length
"""
