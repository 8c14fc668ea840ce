"""Excerpts of a resampled file, equal to slices of the whole, without resampling the whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Self

import numpy as np
import numpy.typing as npt

from genrelab.audio.resample import check_rates, resample

Waveform = npt.NDArray[np.float32]

# Context on each side of a piece for the resampling filter, which is longer at lower rates.
_REACH_SECONDS = 0.05


class Excerpts:
    """A sound to read in pieces.

    The resampler starts at a sample that both rates share and gets context on both sides, so a piece equals
    the same slice of the resampled whole, up to rounding (about 1e-7).

    Parameters
    ----------
    read : callable
        Takes the number of the first sample and a count; returns `[channels, samples]`, float32, with fewer
        samples where the sound ends.
    n_samples : int > 0
        Of the sound.
    source_rate, target_rate : int > 0
        Of the sound, and of the pieces, in Hz.

    Attributes
    ----------
    samples : int
        Of the whole sound at the pieces' rate.
    seconds : float
        Length of the sound.

    Raises
    ------
    UsageError
        If a rate is not positive.

    Examples
    --------
    >>> sound = np.arange(20, dtype=np.float32)[None]
    >>> excerpts = Excerpts(lambda first, count: sound[:, first : first + count], 20, 8000, 8000)
    >>> excerpts.take(5, 3).tolist()
    [[5.0, 6.0, 7.0]]
    """

    def __init__(
        self, read: Callable[[int, int], Waveform], n_samples: int, source_rate: int, target_rate: int
    ) -> None:
        check_rates(source_rate, target_rate)
        self._read = read
        self._rates = source_rate, target_rate
        self.samples = n_samples * target_rate // source_rate
        self.seconds = n_samples / source_rate
        self._first = 0

    def between(self, start: float, end: float | None) -> Self | None:
        """Return a part of the sound as excerpts of its own.

        Parameters
        ----------
        start : float >= 0
            In seconds.
        end : float or None
            In seconds; None or a time after the end of the sound means that end.

        Returns
        -------
        Excerpts or None
            None if the part has no sample.
        """
        rate = self._rates[1]
        first = round(start * rate)
        last = self.samples if end is None else min(self.samples, round(end * rate))
        if last <= first:
            return None
        part = copy(self)
        part._first = self._first + first
        part.samples = last - first
        part.seconds = (self.seconds if end is None else min(self.seconds, end)) - start
        return part

    def take(self, first: int, count: int) -> Waveform:
        """Return a piece.

        Parameters
        ----------
        first : int >= 0
            Number of its first sample, at the pieces' rate.
        count : int > 0
            Samples of it.

        Returns
        -------
        np.ndarray [shape=(channels, samples)], float32
            Fewer samples than wanted where the sound ends.
        """
        source, target = self._rates
        count = min(count, max(0, self.samples - first))
        if count <= 0:
            return self._read(0, 1)[:, :0]
        first += self._first
        if source == target:
            return self._read(first, count)
        common = math.gcd(source, target)
        step, source_step = target // common, source // common  # these last equally long
        reach = math.ceil(_REACH_SECONDS * target * max(1.0, 8000 / source))
        begin = max(0, first - reach) // step
        end = -(-(first + count + reach) // step)
        around = self._read(begin * source_step, (end - begin) * source_step)
        if not around.shape[1]:
            return around
        offset = first - begin * step
        return resample(around, source, target)[:, offset : offset + count]
