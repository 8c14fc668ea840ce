"""Ctrl-C ends a training soon and reliably, with a KeyboardInterrupt."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from lightning.pytorch.callbacks import Callback


class Interrupt(Callback):
    """Turn Ctrl-C into a KeyboardInterrupt after the current batch; a second one raises immediately.

    Python raises at its current position and drops the exception inside a finalizer: the training would
    continue. Lightning ends the process on a KeyboardInterrupt and leaves Ctrl-C disabled. Use this object
    both as a context around `Trainer.fit` and as a callback of the trainer.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None
        self._mine = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Interrupt:
        if self._mine:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._mine:
            signal.signal(signal.SIGINT, self._before)
        if self.asked:
            raise KeyboardInterrupt from None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop after a batch."""
        if self.asked:
            raise KeyboardInterrupt

    def on_validation_batch_end(self, *_: Any) -> None:
        """Stop after a batch."""
        if self.asked:
            raise KeyboardInterrupt
