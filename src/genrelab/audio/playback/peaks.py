"""The peaks of a waveform, for its picture. Memory does not grow with the file."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from genrelab.audio.decode import stream
from genrelab.audio.flaws import Flaws

Peaks = npt.NDArray[np.float32]
"""The lowest and the highest sample of consecutive pieces of equal length [shape=(n, 2)], in -1..1."""

FINEST = 8192
"""Most pieces of a file."""

_FIRST_PIECE = 64  # samples; pieces are joined by two when there are too many
_BLOCK_SECONDS = 10.0


def measure_peaks(path: str | os.PathLike[str], *, wanted: Callable[[], bool] = lambda: True) -> Peaks | None:
    """Decode a sound file, mixed to mono, and return its peaks.

    Parameters
    ----------
    path : str or path-like
    wanted : callable
        Asked about every ten seconds of sound; once it returns False, decoding ends.

    Returns
    -------
    np.ndarray [shape=(n, 2)], float32, or None
        Between 4,096 and 8,192 pieces, or fewer of 64 samples for a short file; damaged parts are silent. The
        last piece may be shorter than the others. None if it was no longer wanted.

    Raises
    ------
    AudioError
        If nothing of the file can be decoded.
    """
    pieces = _Pieces()
    for block in stream(path, block_seconds=_BLOCK_SECONDS, channels=1, flaws=Flaws()):
        if not wanted():
            return None
        pieces.add(block[0])
    return pieces.finish()


def reduce_peaks(peaks: Peaks, points: int) -> Peaks:
    """Join neighbouring pieces.

    Parameters
    ----------
    peaks : np.ndarray [shape=(n, 2)]
    points : int > 0
        Pieces wanted.

    Returns
    -------
    np.ndarray [shape=(min(n, points), 2)]
    """
    if len(peaks) <= points:
        return peaks
    starts = np.arange(points) * len(peaks) // points
    return _join(peaks, starts)


def _join(peaks: Peaks, starts: npt.NDArray[np.int64]) -> Peaks:
    low, high = np.minimum.reduceat(peaks[:, 0], starts), np.maximum.reduceat(peaks[:, 1], starts)
    return np.column_stack([low, high])


class _Pieces:
    def __init__(self) -> None:
        self._samples = _FIRST_PIECE  # of a piece
        self._peaks: Peaks = np.empty((0, 2), np.float32)
        self._rest: npt.NDArray[np.float32] = np.empty(0, np.float32)

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Add the next samples [shape=(n,)]."""
        samples = np.concatenate([self._rest, samples])
        count = len(samples) // self._samples
        if count and (len(self._peaks) + count) % 2:  # pieces are joined in pairs
            count -= 1
        whole = count * self._samples
        self._rest = samples[whole:].copy()
        if count:
            self._append(samples[:whole].reshape(count, self._samples))
        while len(self._peaks) >= FINEST and len(self._peaks) % 2 == 0:
            self._peaks = _join(self._peaks, np.arange(0, len(self._peaks), 2))
            self._samples *= 2

    def finish(self) -> Peaks:
        """Return the peaks of all samples, the rest included."""
        for start in range(0, len(self._rest), self._samples):
            self._append(self._rest[None, start : start + self._samples])
        return np.clip(self._peaks, -1.0, 1.0)

    def _append(self, pieces: npt.NDArray[np.float32]) -> None:
        found = np.column_stack([pieces.min(axis=1), pieces.max(axis=1)])
        self._peaks = np.concatenate([self._peaks, found])
