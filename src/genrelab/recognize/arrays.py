"""Sound in arrays, brought to a model's form as sound in files is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from genrelab.audio.excerpts import Excerpts
from genrelab.audio.mixing import mix, mix_window
from genrelab.audio.resample import check_rates, resample_blocks
from genrelab.errors import UsageError

Waveform = npt.NDArray[np.float32]

_BLOCK_SECONDS = 10.0  # those of `genrelab.audio.decode.stream`: the same blocks give the same numbers
_FULL_SCALE = {np.dtype(kind): -float(np.iinfo(kind).min) for kind in (np.int8, np.int16, np.int32)}


def array_blocks(
    array: npt.ArrayLike, sample_rate: int, *, to_rate: int, to_channels: int
) -> Iterator[Waveform]:
    """Give sound in an array as `genrelab.audio.decode.stream` gives that of a file.

    Parameters
    ----------
    array : np.ndarray [shape=(samples,) or (channels, samples)]
        Floating-point numbers with the full scale -1..1, or PCM as int8, int16, int32 or uint8 (whose zero is
        128, as in WAV files). It is neither changed nor copied as a whole.
    sample_rate, to_rate : int > 0
        Of the array and wanted, in Hz.
    to_channels : {1, 2}
        Channels wanted.

    Returns
    -------
    iterator of np.ndarray [shape=(channels, samples)], float32

    Raises
    ------
    UsageError
        If the array is empty, has another shape or type, or holds what is no finite number, or a rate is
        not positive.

    Examples
    --------
    >>> blocks = array_blocks(np.int16([[0, 16384]]), 8000, to_rate=8000, to_channels=1)
    >>> next(blocks).tolist()
    [[0.0, 0.5]]
    """
    check_rates(sample_rate, to_rate)
    waveform = _check_shape(np.asarray(array))
    samples = waveform.shape[1]
    length = max(1, round(_BLOCK_SECONDS * sample_rate))
    blocks = (to_float(waveform[:, start : start + length]) for start in range(0, samples, length))
    return resample_blocks(mix(blocks, to_channels, sample_rate), sample_rate, to_rate)


def array_excerpts(array: npt.ArrayLike, sample_rate: int, *, to_rate: int, to_channels: int) -> Excerpts:
    """Give pieces of sound in an array as `genrelab.audio.decode.open_excerpts` gives those of a file.

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
    waveform = _check_shape(np.asarray(array))

    def read(first: int, count: int) -> Waveform:
        window = mix_window(sample_rate)  # how to mix is decided for whole windows
        begin, end = first // window * window, -(-(first + count) // window) * window
        mixed = mix([to_float(waveform[:, begin:end])], to_channels, sample_rate)
        pieces = [np.empty((to_channels, 0), np.float32), *mixed]
        return np.concatenate(pieces, axis=1)[:, first - begin :][:, :count]

    return Excerpts(read, waveform.shape[1], sample_rate, to_rate)


def to_float(samples: npt.NDArray[np.generic]) -> Waveform:
    """Return samples of any type that `array_blocks` takes as float32 with the full scale -1..1."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - np.float32(128.0)) / np.float32(128.0)
    scale = _FULL_SCALE.get(samples.dtype)
    if scale is not None:
        return samples.astype(np.float32) / np.float32(scale)
    return samples.astype(np.float32)


def _check_shape(waveform: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return it as [channels, samples], or raise where it is no sound."""
    if waveform.ndim not in (1, 2) or waveform.size == 0:
        raise UsageError(
            "sound is an array [samples] or [channels, samples] with at least one sample, not "
            f"{list(waveform.shape)}"
        )
    waveform = np.atleast_2d(waveform)
    channels, samples = waveform.shape
    if channels > samples:
        raise UsageError(
            f"this array would be {channels} channels of {samples} samples. Channels come first: "
            "transpose it (waveform.T)."
        )
    kind = waveform.dtype
    if kind.kind == "f":
        if not np.isfinite(waveform).all():
            raise UsageError(
                "the array holds values that are not finite (NaN or infinity). Find out where they come from."
            )
    elif kind != np.uint8 and kind not in _FULL_SCALE:
        raise UsageError(
            f"sound is floating-point numbers of -1 to 1, or PCM of the type int8, int16, int32 or uint8, "
            f"not {kind}. Convert the array."
        )
    return waveform
