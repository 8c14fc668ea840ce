"""How files are recognized: the same on every worker of every engine."""

from __future__ import annotations

import os
from dataclasses import dataclass

from genrelab.bundle.runtime import Provider
from genrelab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """How files are recognized; small, immutable, and the same for every worker.

    Parameters
    ----------
    model : str or None
        The model file on the worker; None means the one that `genrelab.bundle.find.find_model` returns.
    identity : str or None
        `Bundle.identity` of the model that a worker must load; None accepts any.
    full : bool
        Whether to process whole files, not only segments spread over long ones.
    approximate : bool
        Whether to seek in MP3 files of variable bit rate by the table in their header. Positions may then be
        off by up to about 1 % of the file. Otherwise these files are read whole. It concerns object stores.
    workers : int > 0
        Processes of the engine, with one session of one thread each.
    file_seconds : float > 0
        A worker that needs longer for one file is stopped, and the file gets an error row.
    provider : {"cpu", "cuda", "tensorrt"}
        Where the network runs.

    Raises
    ------
    UsageError
        If a number is not positive.
    """

    model: str | None = None
    identity: str | None = None
    full: bool = False
    approximate: bool = False
    workers: int = 1
    file_seconds: float = 900.0
    provider: Provider = "cpu"

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"--workers must be at least 1, not {self.workers}.", code="catalogue-workers")
        if not self.file_seconds > 0:
            message = f"the time per file must be above 0 s, not {self.file_seconds} s."
            raise UsageError(message, code="catalogue-file-seconds")


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
