"""A worker of the Ray engine: an actor with one session of the network."""

from __future__ import annotations

import faulthandler
import hashlib
import os
import platform
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import genrelab
from genrelab.catalogue.records import failed, load_recognizer, records
from genrelab.catalogue.settings import Settings
from genrelab.errors import ClusterError, GenrelabError

if TYPE_CHECKING:
    from genrelab.recognize import Recognizer

_GRACE_SECONDS = 30.0  # a decoder that keeps Python from running is ended by the system after these


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker of a run gets.

    Attributes
    ----------
    ledger : str
        Name of the ledger's actor.
    settings : Settings
    version : str
        Of genrelab on the driver.
    """

    ledger: str
    settings: Settings
    version: str


class Worker:
    """Recognizes batches of files; Ray Data calls it.

    Nothing is loaded before the first batch: what Ray reports about a failing constructor names no reason.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._name = uuid.uuid4().hex
        self._ledger: Any = None
        self._recognizer: Recognizer | None = None

    def __call__(self, files: pa.Table) -> pa.Table:
        """Return the records of files."""
        import ray

        if self._recognizer is None:
            self._ledger = ray.get_actor(self._job.ledger)
            try:
                self._recognizer = self._load(ray.get(self._ledger.model.remote()))
            except GenrelabError as error:
                ray.get(self._ledger.refuse.remote(error))
                raise
        batch = hashlib.sha256(repr(files["path_bytes"].to_pylist()).encode()).digest()
        given_up = ray.get(self._ledger.begin.remote(batch, self._name))
        made = []
        for at in range(len(files)):
            file = files.slice(at, 1)
            code = (given_up or {}).get(at)
            if code is not None:
                made.append(failed(file, self._job.settings, code))
                continue
            if given_up is not None:  # a worker has died of this batch, and this one may
                ray.get(self._ledger.note.remote(batch, at))
            with _limit(self._job.settings.file_seconds, partial(self._give_up, batch, at)):
                made.append(records(file, self._job.settings, self._recognizer))
        self._ledger.end.remote(batch)
        return pa.concat_tables(made)

    def _load(self, model: bytes) -> Recognizer:
        """Load the model that the driver sent."""
        if genrelab.__version__ != self._job.version:
            raise ClusterError(
                f"the worker on {platform.node()} has genrelab {genrelab.__version__}, the command "
                f"{self._job.version}. Install the same version on all machines of the cluster.",
                code="cluster-versions",
            )
        with tempfile.TemporaryDirectory(prefix="genrelab-model-") as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model)
            return load_recognizer(replace(self._job.settings, model=str(path)))

    def _give_up(self, batch: bytes, file: int) -> None:
        """Tell the ledger that a file takes too long, and end this process; Ray starts another one."""
        import ray

        try:
            ray.get(self._ledger.give_up.remote(batch, file, "worker-timeout"), timeout=_GRACE_SECONDS)
        finally:
            os._exit(1)


@contextmanager
def _limit(seconds: float, give_up: Any) -> Iterator[None]:
    """Call a function in another thread if the block takes too long; end the process if even that hangs."""
    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    faulthandler.dump_traceback_later(seconds + 2 * _GRACE_SECONDS, exit=True)
    try:
        yield
    finally:
        timer.cancel()
        faulthandler.cancel_dump_traceback_later()
