"""Bring a catalogue up to date with a listing."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from genrelab.bundle.bundle import read_facts
from genrelab.bundle.find import find_model
from genrelab.catalogue.manifest import begin_run, check_catalogue, end_run, make_catalogue
from genrelab.catalogue.reader import read_known
from genrelab.catalogue.records import TRANSIENT
from genrelab.catalogue.resume import KnownKeys, left_to_do
from genrelab.catalogue.settings import Settings
from genrelab.catalogue.shards import ShardWriter, list_shards
from genrelab.catalogue.storage import Storage
from genrelab.cluster import check_address
from genrelab.errors import UsageError
from genrelab.system import ending_signals

if TYPE_CHECKING:
    from genrelab.catalogue.engines.engine import Engine

ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Job:
    """Where a run reads and writes, besides its settings.

    Parameters
    ----------
    listing : str
        What the manifest says about where the files come from.
    storage : Storage
        The catalogue.
    shard_rows : int
        Rows of a shard.
    retry_errors : bool
        Whether files with an error row are tried again, not only after errors of the store.
    """

    listing: str
    storage: Storage
    shard_rows: int = 2000
    retry_errors: bool = False


@dataclass(slots=True)
class RunCounts:
    """What a run did.

    Attributes
    ----------
    files, unsure : int
        Files with a new record, and those of them without a genre.
    errors : Counter of str
        Error code -> files.
    bytes_read : int
        From object stores.
    seconds : float
        Length of the sound.
    """

    files: int = 0
    unsure: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0
    seconds: float = 0.0

    def add(self, records: pa.Table) -> None:
        """Count records."""
        self.files += records.num_rows
        self.errors.update(code for code in records.column("error_code").to_pylist() if code is not None)
        self.unsure += pc.sum(pc.equal(records.column("genre"), "unsure")).as_py() or 0
        self.bytes_read += pc.sum(records.column("bytes_read")).as_py() or 0
        self.seconds += pc.sum(records.column("duration")).as_py() or 0.0


def find_engine(name: str, *, ray_address: str | None = None, workers: int | None = None) -> Engine:
    """Return an engine by its name.

    Parameters
    ----------
    name : {"local", "ray"}
    ray_address : str or None
        As `genrelab.cluster.open_cluster` takes it.
    workers : int > 0 or None
        Workers of a cluster; None means one per CPU.

    Raises
    ------
    UsageError
        If there is no such engine, or it has no use for the address.
    MissingExtraError
        If its package is not installed.
    """
    check_address(name, ray_address)
    if name == "local":
        from genrelab.catalogue.engines.local import LocalEngine

        return LocalEngine()
    if name == "ray":
        from genrelab.catalogue.engines.ray import RayEngine

        return RayEngine(ray_address, workers)
    raise UsageError(f"unknown engine {name!r}. Choose one of {', '.join(ENGINES)}.", code="catalogue-engine")


def with_identity(settings: Settings) -> Settings:
    """Return the settings with the model file that they name here, and its identity.

    Raises
    ------
    ModelFileError, UsageError
        If the file cannot be used.
    """
    model = find_model(settings.model).absolute()
    return replace(settings, model=str(model), identity=read_facts(model)[1])


def known_files(storage: Storage, *, retry_errors: bool = False, full: bool = False) -> KnownKeys:
    """Return the keys of what a catalogue has and need not be done again; `full` as in `Settings`.

    Raises
    ------
    CatalogueError
        If there is none, or it cannot be read.
    """
    check_catalogue(storage)
    return read_known(storage, list_shards(storage), None if retry_errors else TRANSIENT, full=full)


def run_catalogue(
    files: Iterable[pa.Table],
    job: Job,
    engine: Engine,
    settings: Settings,
    progress: Callable[[RunCounts], object] = lambda counts: None,
) -> RunCounts:
    """Recognize the files of a listing that a catalogue lacks, and add them to it.

    Shards are written while the engine works, so a killed run loses at most one shard of work, which the next
    run does again. An interrupt (Ctrl-C) writes what is finished.

    Parameters
    ----------
    files : iterable of pyarrow.Table
        From `genrelab.catalogue.listing.list_files`.
    job : Job
    engine : Engine
    settings : Settings
        From `with_identity`.
    progress : callable
        Called with the counts after each table of records.

    Returns
    -------
    RunCounts

    Raises
    ------
    CatalogueError
        If the catalogue cannot be read or written, or the engine cannot work.
    ModelFileError
        If a worker cannot use the model.
    """
    with _Interrupts() as interrupts:
        return _run(files, job, engine, settings, _Watched(progress, interrupts))


def _run(
    files: Iterable[pa.Table], job: Job, engine: Engine, settings: Settings, watched: _Watched
) -> RunCounts:
    storage, counts = job.storage, RunCounts()
    ShardWriter(storage, 1, rows=job.shard_rows)  # refuses a wrong number before anything is written
    make_catalogue(storage)
    known = known_files(storage, retry_errors=job.retry_errors, full=settings.full)
    facts: dict[str, Any] = {"listing": job.listing, "engine": engine.name, "model": settings.identity}
    entry = begin_run(storage, {**facts, "workers": settings.workers, "full": settings.full})
    writer = ShardWriter(storage, entry.generation, rows=job.shard_rows)
    state = "interrupted"
    try:
        for records in engine.run(left_to_do(files, known, settings.identity or ""), settings):
            with watched.interrupts.held():
                writer.add(records)
                counts.add(records)
            watched.progress(counts)
        state = "finished"
    finally:
        with watched.interrupts.held():
            writer.flush()
            facts = {"state": state, "files": counts.files, "errors": dict(counts.errors)}
            end_run(storage, entry, {**facts, "shards": writer.written})
    return counts


class _Interrupts:
    """Ctrl-C and SIGTERM, which ends the job of a cluster, as `KeyboardInterrupt`, but not amid a write."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._is_held = self._is_pending = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # the only one that may set handlers
            for number in ending_signals():
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self._is_held:
            raise KeyboardInterrupt
        self._is_pending = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put interrupts off to the end of the block."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_pending:
            self._is_pending = False
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class _Watched:
    """Who sees how a run goes, and what may interrupt it."""

    progress: Callable[[RunCounts], object]
    interrupts: _Interrupts
