"""Convert arrays of samples to a model's sample rate and channels, exactly as files are converted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.audio.excerpts import Excerpts
from genrelab.audio.level import LOUDEST, describe
from genrelab.audio.mixing import mix, mix_window
from genrelab.audio.resample import check_rates, resample_blocks
from genrelab.errors import UsageError
from genrelab.recognize.given import MOST_CHANNELS, as_array, check_rate

Waveform = npt.NDArray[np.float32]

_BLOCK_SECONDS = 10.0  # as in `genrelab.audio.decode.stream`, for identical numbers
_FULL_SCALE = {np.dtype(kind): -float(np.iinfo(kind).min) for kind in (np.int8, np.int16, np.int32)}


def array_blocks(array: Any, sample_rate: int, *, to_rate: int, to_channels: int) -> Iterator[Waveform]:
    """Stream an array as `genrelab.audio.decode.stream` streams a file.

    Parameters
    ----------
    array : np.ndarray [shape=(samples,) or (channels, samples)]
        Floating-point samples with the full scale -1..1, or PCM as int8, int16, int32 or uint8 (with zero
        at 128, as in WAV files). The array is not modified, and only blocks of it are copied.
    sample_rate, to_rate : int > 0
        Of the array and of the result, in Hz.
    to_channels : {1, 2}
        Channels of the result.

    Returns
    -------
    iterator of np.ndarray [shape=(channels, samples)], float32

    Raises
    ------
    UsageError
        If the array is empty or has another shape or type, a value is not finite or is beyond
        `genrelab.audio.level.LOUDEST`, or a rate is invalid.

    Examples
    --------
    >>> blocks = array_blocks(np.int16([[0, 16384]]), 8000, to_rate=8000, to_channels=1)
    >>> next(blocks).tolist()
    [[0.0, 0.5]]
    """
    sample_rate = check_rate(sample_rate)
    check_rates(to_rate)
    waveform = _check_shape(as_array(array))
    samples = waveform.shape[1]
    length = max(1, round(_BLOCK_SECONDS * sample_rate))
    blocks = (to_float(waveform[:, start : start + length]) for start in range(0, samples, length))
    return resample_blocks(mix(blocks, to_channels, sample_rate), sample_rate, to_rate)


def array_excerpts(array: Any, sample_rate: int, *, to_rate: int, to_channels: int) -> Excerpts:
    """Read excerpts of an array as `genrelab.audio.decode.open_excerpts` reads those of a file.

    Parameters
    ----------
    array, sample_rate, to_rate, to_channels
        As `array_blocks` takes them.

    Returns
    -------
    Excerpts

    Raises
    ------
    UsageError
        As `array_blocks` does.
    """
    sample_rate = check_rate(sample_rate)
    waveform = _check_shape(as_array(array))

    def read(first: int, count: int) -> Waveform:
        window = mix_window(sample_rate)  # the way to mix is chosen per window
        begin, end = first // window * window, -(-(first + count) // window) * window
        mixed = mix([to_float(waveform[:, begin:end])], to_channels, sample_rate)
        pieces = [np.empty((to_channels, 0), np.float32), *mixed]
        return np.concatenate(pieces, axis=1)[:, first - begin :][:, :count]

    return Excerpts(read, waveform.shape[1], sample_rate, to_rate)


def to_float(samples: npt.NDArray[np.generic]) -> Waveform:
    """Convert samples of any type that `array_blocks` takes to float32 with the full scale -1..1."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - np.float32(128.0)) / np.float32(128.0)
    scale = _FULL_SCALE.get(samples.dtype.newbyteorder("="))
    if scale is not None:
        return samples.astype(np.float32) / np.float32(scale)
    return samples.astype(np.float32)


def _check_shape(waveform: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return the array as [channels, samples], or raise a `UsageError` if it is not audio."""
    if waveform.ndim not in (1, 2) or waveform.size == 0:
        message = (
            "audio is an array [samples] or [channels, samples] with at least one of each, not "
            f"{list(waveform.shape)}"
        )
        raise UsageError(message, code="array-shape")
    waveform = np.atleast_2d(waveform)
    channels, samples = waveform.shape
    if channels > samples:
        message = f"this array has {channels} channels of {samples} samples. Transpose it: waveform.T."
        raise UsageError(message, code="array-transposed")
    if channels > MOST_CHANNELS:
        message = f"an array of audio has at most {MOST_CHANNELS} channels, not {channels}"
        raise UsageError(message, code="array-channels")
    kind = waveform.dtype.newbyteorder("=")
    if kind.kind == "f":
        for extreme in (float(waveform.max()), float(waveform.min())):  # NaN if there is one
            if not abs(extreme) <= LOUDEST:
                message = f"the array contains {describe(extreme)}. Find out where they come from."
                raise UsageError(message, code="array-values")
    elif kind != np.uint8 and kind not in _FULL_SCALE:
        raise UsageError(
            "an array of audio has floating-point numbers from -1 to 1, or PCM of the type int8, int16, "
            f"int32 or uint8, not {kind}. Convert it.",
            code="array-type",
        )
    return waveform
