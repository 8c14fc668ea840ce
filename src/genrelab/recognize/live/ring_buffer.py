"""The last seconds of sound that goes on coming: one thread puts it in, another looks at it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float32]

_PATIENCE = 0.2  # seconds: so often a waiting thread looks up, for an interrupt to be noticed everywhere


class RingBuffer:
    """Keeps the last seconds of sound; memory does not grow, however slowly it is looked at.

    Who looks asks for one moment after the other, each `step` samples later. Where sound comes no faster
    than it is played, it is never kept waiting: moments are left out if looking takes too long. Where it
    comes faster, as out of a file, putting waits until the last moment has been looked at, or until as
    much time has passed as the sound lasts.

    Parameters
    ----------
    channels, sample_rate : int > 0
    window : int > 0
        Samples that are seen at once, at most.
    step : int > 0
        Samples from one moment to the next.
    clock : callable
        Returns seconds that pass.
    """

    def __init__(
        self,
        channels: int,
        sample_rate: int,
        window: int,
        step: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = sample_rate
        self._window = window
        self._step = step
        self._clock = clock
        self._kept = window + step  # so that the last whole moment is always there
        self._ring = np.zeros((channels, 2 * self._kept), np.float32)
        self._filled = 0  # columns of the ring that hold sound, the last one sample number `_heard` - 1
        self._heard = 0
        self._looked = 0  # the moment that was looked at last
        self._began: float | None = None
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    @property
    def nbytes(self) -> int:
        """Bytes of sound that are held."""
        return self._ring.nbytes

    def put(self, block: Waveform) -> bool:
        """Add sound `[channels, samples]`; return whether anybody still wants to see it."""
        while block.shape[1]:
            with self._changed:
                if self._began is None:
                    self._began = self._clock()
                while not self._stopped and self._room() <= 0 and (early := self._early()) > 0:
                    self._changed.wait(min(early, _PATIENCE))
                if self._stopped:
                    return False
                taken = self._room() if self._room() > 0 else self._step
                self._append(block[:, :taken])
                block = block[:, taken:]
                self._changed.notify_all()
        return True

    def _room(self) -> int:
        """Return how many samples there may be until the next moment has been looked at."""
        return self._looked + self._step - self._heard

    def _early(self) -> float:
        """Return for how many seconds the source could wait without being late."""
        began = self._clock() if self._began is None else self._began
        return self._heard / self._rate - (self._clock() - began)

    def _append(self, piece: Waveform) -> None:
        if self._filled + piece.shape[1] > self._ring.shape[1]:
            kept = min(self._filled, self._kept)
            self._ring[:, :kept] = self._ring[:, self._filled - kept : self._filled].copy()
            self._filled = kept
        self._ring[:, self._filled : self._filled + piece.shape[1]] = piece
        self._filled += piece.shape[1]
        self._heard += piece.shape[1]

    @property
    def stopped(self) -> bool:
        """Whether nobody looks any more."""
        return self._stopped

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more sound comes, and why if it should."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """Say that nobody looks any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def look(self) -> tuple[int, int, Waveform] | None:
        """Wait for the next moment, and return the sound before it.

        Returns
        -------
        tuple of int, int and np.ndarray [shape=(channels, samples)], float32; or None
            The moment, as the number of samples heard until then; how many moments were left out before
            it; and up to `window` samples. The last moment is the end of the sound, wherever it is. Then
            None.

        Raises
        ------
        BaseException
            What `end` was given, when all sound before it has been seen.
        """
        with self._changed:
            while not self._ended and self._heard < self._looked + self._step:
                self._changed.wait(_PATIENCE)
            whole = self._heard - self._heard % self._step
            moment = whole if whole > self._looked else self._heard
            if moment <= self._looked:
                if self._error is not None:
                    raise self._error
                return None
            left_out = max(0, (moment - self._looked - 1) // self._step)
            self._looked = moment
            self._changed.notify_all()
            last = self._filled - (self._heard - moment)
            return moment, left_out, self._ring[:, max(0, last - self._window) : last].copy()
