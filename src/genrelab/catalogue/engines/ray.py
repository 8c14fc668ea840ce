"""Ray Data: files recognized by the workers of a cluster.

A pool of actors processes batches of files. Each actor holds one session of the network, on one CPU with one
thread. Ray restarts an actor whose process dies and gives the batch to another one; a ledger on the driver's
machine knows which file a dead worker was processing, so that a file that ends its worker again and again
becomes an error row. Ray's own checkpoints are not used: what is written is the state, on every engine.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

import genrelab
from genrelab.bundle.bundle import read_facts
from genrelab.bundle.find import find_model
from genrelab.bundle.read import read_file
from genrelab.catalogue.engines.ledger import Ledger
from genrelab.catalogue.engines.ray_worker import Job, Worker
from genrelab.catalogue.schema import FILES, RECORDS
from genrelab.catalogue.settings import Settings
from genrelab.cluster import Cluster, describe, is_of_ray, open_cluster
from genrelab.errors import ClusterError, UsageError

WAVE_FILES = 4096
"""Files per worker that one run of the pool processes: about a quarter of an hour, so that its start does not
count. The driver holds their names in memory."""

_ANSWER_SECONDS = 30.0
_MOST_BATCH = 64  # files that a dead worker's successor processes again
_BATCHES = 16  # of a short run per worker, so that the last ones end at about the same time


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Runs `records` on a Ray cluster.

    Parameters
    ----------
    address : str or None
        As `genrelab.cluster.open_cluster` takes it.
    workers : int > 0 or None
        Actors; None means one per CPU of a running cluster, or the settings' number for one that is started
        here.
    """

    address: str | None = None
    workers: int | None = None

    @property
    def name(self) -> str:
        """As `--engine` takes it."""
        return "ray"

    def run(self, files: Iterable[pa.Table], settings: Settings) -> Iterator[pa.Table]:
        """Yield the records of files as they are made, in any order, exactly one row per file.

        Parameters
        ----------
        files : iterable of pyarrow.Table
            Of the schema `FILES`.
        settings : Settings
            The model file is read here and sent to the workers; they need no copy of it.

        Yields
        ------
        pyarrow.Table
            Of the schema `RECORDS`.

        Raises
        ------
        MissingExtraError
            If Ray is not installed.
        ClusterError
            If the cluster cannot be reached or fails.
        UsageError
            If the address, the token or the provider cannot be used.
        ModelFileError
            If the model cannot be used.
        """
        model = find_model(settings.model)
        _, identity = read_facts(model)
        settings = replace(settings, model=None, identity=settings.identity or identity)
        with open_cluster(self.address, cpus=self.workers or settings.workers) as cluster:
            workers = self.workers or (settings.workers if cluster.started else cluster.cpus)
            with _ledger(cluster.ray, read_file(model)) as ledger, _failing(cluster.ray, ledger):
                job = Job(ledger, settings, genrelab.__version__)
                for wave in _waves(files, workers * WAVE_FILES):
                    yield from _run(wave, job, workers, cluster)


def _run(wave: pa.Table, job: Job, workers: int, cluster: Cluster) -> Iterator[pa.Table]:
    """Yield the records of the files of a wave."""
    data = _load_ray_data()
    size = max(1, min(_MOST_BATCH, len(wave) // (workers * _BATCHES)))
    batches = [wave.slice(start, size).combine_chunks() for start in range(0, len(wave), size)]
    pool = data.ActorPoolStrategy(size=min(workers, len(batches)))
    made = data.from_blocks(batches).map_batches(  # `from_arrow` would run a task per batch
        Worker,
        fn_constructor_args=(job,),
        batch_size=None,
        batch_format="pyarrow",
        compute=pool,
        num_cpus=1,
        num_gpus=_gpu_share(job.settings, workers, cluster),
    )
    for table in made.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield table.cast(RECORDS)


def _load_ray_data() -> Any:
    """Import Ray Data, and keep its progress bars and messages out of the terminal."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return ray.data


def _gpu_share(settings: Settings, workers: int, cluster: Cluster) -> float | None:
    """Return the part of a GPU that each worker gets; None without a GPU."""
    if settings.provider == "cpu":
        return None
    if not cluster.gpus:
        raise UsageError(
            f"the Ray cluster has no GPU for the provider {settings.provider!r}. Use --provider cpu.",
            code="cluster-without-gpu",
        )
    return min(1.0, cluster.gpus / workers)


@contextmanager
def _ledger(ray: Any, model: bytes) -> Iterator[str]:
    """Start the ledger on this machine, whose loss would end the run anyway; yield its name."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    name = f"genrelab-{uuid.uuid4().hex}"
    actor = ray.remote(Ledger).options(name=name, num_cpus=0, scheduling_strategy=here).remote(model)
    try:
        yield name
    finally:
        ray.kill(actor)


@contextmanager
def _failing(ray: Any, ledger: str) -> Iterator[None]:
    """Turn what Ray raises into the error of the worker, or into one that says that the cluster failed."""
    try:
        yield
    except Exception as error:
        if not is_of_ray(error):
            raise
        refusal = None
        with suppress(Exception):  # the ledger may be what failed
            refusal = ray.get(ray.get_actor(ledger).refusal.remote(), timeout=_ANSWER_SECONDS)
        raise refusal or ClusterError(
            f"the Ray cluster failed: {describe(error)} Give the same command again to continue. `ray "
            "status` and Ray's log files say more.",
            code="cluster-failed",
        ) from error


def _waves(files: Iterable[pa.Table], most: int) -> Iterator[pa.Table]:
    """Join and cut tables so that each has `most` rows, but the last one; files are read when needed."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in files:
        waiting.append(table)
        rows += len(table)
        while rows >= most:
            joined = pa.concat_tables(waiting).cast(FILES)
            yield joined.slice(0, most)
            waiting = [joined.slice(most)]
            rows = len(waiting[0])
    if rows:
        yield pa.concat_tables(waiting).cast(FILES)
