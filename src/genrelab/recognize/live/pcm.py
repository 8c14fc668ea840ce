"""Convert raw PCM, samples without a header as `ffmpeg -f s16le` writes them, to arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from genrelab.audio.level import describe, usable
from genrelab.errors import AudioError, UsageError
from genrelab.recognize.arrays import to_float
from genrelab.recognize.given import MOST_CHANNELS

Waveform = npt.NDArray[np.float32]
PcmFormat = Literal["s16le", "s24le", "s32le", "f32le"]
PCM_FORMATS: tuple[PcmFormat, ...] = get_args(PcmFormat)
"""FFmpeg's names: signed integers or floating point, bits, little-endian."""

_BYTES: dict[PcmFormat, int] = {"s16le": 2, "s24le": 3, "s32le": 4, "f32le": 4}


def pcm_blocks(pieces: Iterable[bytes], format: PcmFormat, channels: int) -> Iterator[Waveform]:
    r"""Convert bytes to samples.

    Parameters
    ----------
    pieces : iterable of bytes
        Of any size; a sample may span two pieces. An incomplete frame (one sample of each channel) at the end
        is dropped. An empty piece yields an empty block.
    format : {"s16le", "s24le", "s32le", "f32le"}
        Format of a sample.
    channels : int, 1 to 64
        Number of interleaved channels.

    Returns
    -------
    iterator of np.ndarray [shape=(channels, samples)], float32
        With the full scale -1..1.

    Raises
    ------
    UsageError
        If the format is unknown or the number of channels is invalid.
    AudioError
        While iterating, if a floating-point sample is not finite or is beyond `genrelab.audio.level.LOUDEST`.

    Examples
    --------
    >>> [block.tolist() for block in pcm_blocks([b"\x00", b"\x40\x00\x00\x00"], "s16le", 2)]
    [[[0.5], [0.0]]]
    """
    if format not in PCM_FORMATS:
        message = f"unknown raw format {format!r}. Choose one of {', '.join(PCM_FORMATS)}"
        raise UsageError(message, code="raw-format")
    if not 1 <= channels <= MOST_CHANNELS:
        raise UsageError(f"raw audio has 1 to {MOST_CHANNELS} channels, not {channels}", code="raw-channels")
    return _pcm_blocks(pieces, format, channels)


def frame_bytes(format: PcmFormat, channels: int) -> int:
    """Return the number of bytes in one sample of each channel."""
    return _BYTES[format] * channels


def _pcm_blocks(pieces: Iterable[bytes], format: PcmFormat, channels: int) -> Iterator[Waveform]:
    frame = frame_bytes(format, channels)
    held = b""
    for piece in pieces:
        held += piece
        whole = len(held) - len(held) % frame
        if whole or not piece:
            samples = _to_samples(held[:whole], format)
            fits = usable(samples)
            if not fits.all():
                found = describe(float(samples[fits.argmin()]))
                message = f"the raw audio contains {found}. Is it {format}, {channels} channels?"
                raise AudioError(message, code="raw-values")
            yield np.ascontiguousarray(samples.reshape(-1, channels).T)
            held = held[whole:]


def _to_samples(data: bytes, format: PcmFormat) -> Waveform:
    if format == "f32le":
        return np.frombuffer(data, "<f4").astype(np.float32)
    if format == "s24le":
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)  # the upper three bytes of 32 bits
        return to_float(wide.view("<i4")[:, 0].astype(np.int32, copy=False))
    narrow = np.int16 if format == "s16le" else np.int32
    return to_float(np.frombuffer(data, np.dtype(narrow).newbyteorder("<")).astype(narrow, copy=False))
