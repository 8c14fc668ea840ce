"""Convert decoded frames to float32 with one sample rate and one number of channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from genrelab.audio.channels import Waveform, match_channels
from genrelab.audio.resample import resample_blocks

# Integer samples by type: the value of silence, and full scale.
_SCALES = {
    "uint8": (128.0, 2.0**7),
    "int16": (0.0, 2.0**15),
    "int32": (0.0, 2.0**31),
    "int64": (0.0, 2.0**63),
}


class Piece(NamedTuple):
    """Decoded sound: sample rate in Hz, waveform `[channels, samples]`."""

    sample_rate: int
    samples: Waveform


def to_float(frame: av.AudioFrame) -> Waveform:
    """Return a frame's samples as `[channels, samples]`, full scale -1..1."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    if samples.dtype == np.float32:
        return np.asarray(samples, np.float32)
    zero, full_scale = _SCALES.get(samples.dtype.name, (0.0, 1.0))
    return ((samples - zero) / full_scale).astype(np.float32)


def make_uniform(pieces: Iterable[Piece], sample_rate: int, channels: int) -> Iterator[Waveform]:
    """Yield pieces converted to one sample rate and one number of channels."""
    for rate, run in groupby(pieces, key=lambda piece: piece.sample_rate):
        mixed = (_match(piece.samples, channels) for piece in run)
        yield from resample_blocks(mixed, rate, sample_rate)


def _match(samples: Waveform, channels: int) -> Waveform:
    if samples.shape[0] == channels:
        return samples
    if channels <= 2:
        return match_channels(samples, channels)
    mono = match_channels(samples, 1)
    return np.repeat(mono, channels, axis=0)
