"""Resample waveforms with soxr's high-quality filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from genrelab.audio.channels import Waveform
from genrelab.errors import UsageError

_QUALITY = "HQ"


def resample(waveform: Waveform, source_rate: int, target_rate: int) -> Waveform:
    """Resample a waveform.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
    source_rate, target_rate : int > 0
        In Hz.

    Returns
    -------
    np.ndarray [shape=(channels, samples * target_rate / source_rate)], float32
        Aligned with the input. The same array if the rates are equal.

    Raises
    ------
    UsageError
        If a rate is not positive, or the waveform is not two-dimensional.

    Examples
    --------
    >>> resample(np.zeros((2, 44100), np.float32), 44100, 22050).shape
    (2, 22050)
    """
    check_rates(source_rate, target_rate)
    if waveform.ndim != 2:
        raise UsageError(f"a waveform is [channels, samples], not {waveform.shape}", code="waveform-shape")
    if source_rate == target_rate:
        return waveform.astype(np.float32, copy=False)
    resampled = soxr.resample(waveform.T.astype(np.float32), source_rate, target_rate, quality=_QUALITY)
    return np.ascontiguousarray(resampled.T)


def resample_blocks(blocks: Iterable[Waveform], source_rate: int, target_rate: int) -> Iterator[Waveform]:
    """Resample the blocks of a waveform with one continuous filter.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(channels, samples)], float32
        Consecutive pieces of one waveform.
    source_rate, target_rate : int > 0
        In Hz.

    Yields
    ------
    np.ndarray [shape=(channels, samples)], float32
        Together equal to `resample` of the concatenated blocks; never empty.

    Raises
    ------
    UsageError
        If a rate is not positive.
    """
    check_rates(source_rate, target_rate)
    if source_rate == target_rate:
        yield from (block for block in blocks if block.size)
        return
    filtering: soxr.ResampleStream | None = None
    channels = 1
    for block in blocks:
        if filtering is None:
            channels = block.shape[0]
            filtering = soxr.ResampleStream(
                source_rate, target_rate, channels, dtype="float32", quality=_QUALITY
            )
        resampled = filtering.resample_chunk(np.ascontiguousarray(block.T))
        if resampled.size:
            yield np.ascontiguousarray(resampled.T)
    if filtering is not None:
        rest = filtering.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        if rest.size:
            yield np.ascontiguousarray(rest.T)


def check_rates(*rates: int) -> None:
    """Refuse sample rates that are not positive."""
    for rate in rates:
        if rate < 1:
            raise UsageError(f"a sample rate must be at least 1 Hz, not {rate}", code="sample-rate")
