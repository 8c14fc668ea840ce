"""What the libraries that train print by themselves, and no user needs."""

from __future__ import annotations

import logging
import threading
import warnings


def keep_quiet() -> None:
    """Keep advertisements, hints about workers and second tracebacks out of a user's terminal."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*defined a `validation_step` but have no.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
    threading.excepthook = _tell_of_threads


_TELL = threading.excepthook


def _tell_of_threads(about: threading.ExceptHookArgs) -> None:
    """Pass on what ended a thread, but for TensorBoard's writer: it raises the same in the main thread."""
    if not type(about.thread).__module__.startswith("tensorboard."):
        _TELL(about)
