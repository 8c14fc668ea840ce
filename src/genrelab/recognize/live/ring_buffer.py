"""Keep the last seconds of live audio: one thread writes it, another reads it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float32]

_WAIT_SECONDS = 0.2  # how often a waiting thread wakes up, so that it notices an interrupt


class RingBuffer:
    """Keeps the last seconds of live audio in constant memory.

    The reader asks for one moment after the other, `step` samples apart. If audio arrives in real time, the
    writer never waits: moments are skipped if the reader is too slow. If audio arrives faster, as from a
    file, the writer waits until the last moment has been read, or until real time has caught up.

    Parameters
    ----------
    channels, sample_rate : int > 0
    window : int > 0
        Most samples returned at once.
    step : int > 0
        Samples between two moments.
    clock : callable
        Returns the time in seconds.
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
        self._kept = window + step  # keeps the last whole moment available
        self._ring = np.zeros((channels, 2 * self._kept), np.float32)
        self._filled = 0  # columns of the ring in use; the last is sample `_received` - 1
        self._received = 0
        self._read = 0  # the last moment that was read
        self._began: float | None = None
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    @property
    def nbytes(self) -> int:
        """Size of the buffer in bytes."""
        return self._ring.nbytes

    def put(self, block: Waveform) -> bool:
        """Add audio `[channels, samples]`; return False once the reader has stopped."""
        while block.shape[1]:
            with self._changed:
                if self._began is None:
                    self._began = self._clock()
                while not self._stopped and self._room() <= 0 and (early := self._early()) > 0:
                    self._changed.wait(min(early, _WAIT_SECONDS))
                if self._stopped:
                    return False
                taken = self._room() if self._room() > 0 else self._step
                self._append(block[:, :taken])
                block = block[:, taken:]
                self._changed.notify_all()
        return True

    def _room(self) -> int:
        """Return how many samples may be added before the next moment is read."""
        return self._read + self._step - self._received

    def _early(self) -> float:
        """Return how many seconds the audio is ahead of real time."""
        began = self._clock() if self._began is None else self._began
        return self._received / self._rate - (self._clock() - began)

    def _append(self, piece: Waveform) -> None:
        if self._filled + piece.shape[1] > self._ring.shape[1]:
            kept = min(self._filled, self._kept)
            self._ring[:, :kept] = self._ring[:, self._filled - kept : self._filled].copy()
            self._filled = kept
        self._ring[:, self._filled : self._filled + piece.shape[1]] = piece
        self._filled += piece.shape[1]
        self._received += piece.shape[1]

    @property
    def stopped(self) -> bool:
        """Whether the reader has stopped."""
        return self._stopped

    def end(self, error: BaseException | None = None) -> None:
        """Mark the end of the audio, with the error that ended it, if any."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """Tell the writer that the reader has stopped."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def look(self) -> tuple[int, int, Waveform] | None:
        """Wait for the next moment and return the audio before it.

        Returns
        -------
        tuple of int, int and np.ndarray [shape=(channels, samples)], float32; or None
            The moment as the number of samples received, the number of moments skipped before it, and up to
            `window` samples. The last moment is the end of the audio. After that, None.

        Raises
        ------
        BaseException
            The error passed to `end`, after all audio before it was returned.
        """
        with self._changed:
            while not self._ended and self._received < self._read + self._step:
                self._changed.wait(_WAIT_SECONDS)
            whole = self._received - self._received % self._step
            moment = whole if whole > self._read else self._received
            if moment <= self._read:
                if self._error is not None:
                    raise self._error
                return None
            skipped = max(0, (moment - self._read - 1) // self._step)
            self._read = moment
            self._changed.notify_all()
            last = self._filled - (self._received - moment)
            return moment, skipped, self._ring[:, max(0, last - self._window) : last].copy()
