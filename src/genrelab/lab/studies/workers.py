"""Processes that train at the same time: on this machine, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import torch

from genrelab.cluster import Cluster, cause_of, check_address, describe, is_of_ray, open_cluster
from genrelab.errors import ClusterError
from genrelab.lab.plugins import load_same, plugin_files
from genrelab.lab.registry import Origin

T = TypeVar("T")

_VARIABLES = ("GENRELAB_", "HF_", "TORCH_")
"""Beginnings of the environment variables that workers of a cluster get."""

_SECRET = ("TOKEN", "SECRET", "PASSWORD", "KEY")
"""In the names of those that they never get: each machine has its own credentials."""


def variables_for_workers(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that workers of a cluster get.

    Examples
    --------
    >>> variables_for_workers({"HF_HOME": "/cache", "HF_TOKEN": "hf_x", "HOME": "/root"})
    {'HF_HOME': '/cache'}
    """
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_VARIABLES) and not any(word in name.upper() for word in _SECRET)
    }


class WorkerDiedError(Exception):
    """A process was killed, or its machine was lost, while it worked."""


class Workers(Protocol):
    """Runs calls in other processes, as many at the same time as there are slots."""

    @property
    def slots(self) -> int:
        """The calls that run at the same time."""
        ...

    def submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Start a call; all plugins of this process are loaded there first."""
        ...


@dataclass(frozen=True, slots=True)
class Launcher:
    """How trainings are started.

    Parameters
    ----------
    engine : {"local", "ray"}
    jobs : int > 0 or None
        Trainings at the same time. None is one on this machine; on a cluster, one per GPU, or one per machine
        if there is none.
    address : str or None
        Of the Ray cluster; see `genrelab.cluster.open_cluster`.

    Raises
    ------
    UsageError
        If there is an address, but no cluster.
    """

    engine: Literal["local", "ray"] = "local"
    jobs: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        check_address(self.engine, self.address)

    @property
    def alone(self) -> bool:
        """Whether trainings run in this process, one after the other."""
        return self.engine == "local" and (self.jobs or 1) == 1

    @contextmanager
    def start(self, folder: Path) -> Iterator[Workers]:
        """Start the processes, and end them after the block.

        Parameters
        ----------
        folder : Path
            Where trainings write; every machine of a cluster must have it.

        Raises
        ------
        MissingExtraError, UsageError, ClusterError
            If the cluster cannot be used.
        """
        if self.engine == "local":
            with _local(self.jobs or 1) as workers:
                yield workers
            return
        with open_cluster(self.address) as cluster, _marked(folder) as marker:
            yield _on_ray(cluster, self.jobs, marker)


ALONE = Launcher()
"""Trainings one after the other, in this process."""


def result_of(future: Future[T]) -> T:
    """Return the result of a call.

    Raises
    ------
    WorkerDiedError
        If its process died. Errors of the call are raised too.
    ClusterError
        If the cluster failed.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkerDiedError from error
    except Exception as error:
        if not is_of_ray(error):
            raise
        from ray import exceptions

        cause = cause_of(error)
        if cause is not None:
            raise cause from error
        if isinstance(error, exceptions.WorkerCrashedError | exceptions.OutOfMemoryError):
            raise WorkerDiedError from error
        if isinstance(error, exceptions.NodeDiedError):
            raise WorkerDiedError from error
        raise ClusterError(
            f"the Ray cluster failed: {describe(error)} Give the same command again to continue.",
            code="cluster-training-failed",
        ) from error


@dataclass(frozen=True, slots=True)
class _Processes:
    """Processes of this machine."""

    slots: int
    pool: ProcessPoolExecutor

    def submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        return self.pool.submit(_with_plugins, plugin_files(), call, arguments)


@contextmanager
def _local(jobs: int) -> Iterator[Workers]:
    context = multiprocessing.get_context("spawn")
    counter = context.Value("i", 0)
    with ProcessPoolExecutor(
        jobs, context, initializer=_start_worker, initargs=(counter, jobs, torch.cuda.device_count())
    ) as pool:
        yield _Processes(jobs, pool)


def _start_worker(counter: Any, jobs: int, gpus: int) -> None:
    """Assign a GPU or a share of the cores to a new process."""
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number % gpus)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


def _with_plugins(
    plugins: Sequence[tuple[Path, Origin]], call: Callable[..., T], arguments: Sequence[Any]
) -> T:
    load_same(plugins)
    return call(*arguments)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a worker of a cluster needs of the process that started the study."""

    folder: str
    marker: Path
    variables: dict[str, str]
    plugins: list[tuple[Path, Origin]]
    threads: int


@dataclass(frozen=True, slots=True)
class _RayWorkers:
    """Workers of a Ray cluster: one process per call."""

    slots: int
    ray: Any
    remote: Any
    marker: Path
    threads: int

    def submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        variables = variables_for_workers(os.environ)
        place = _Place(os.getcwd(), self.marker, variables, plugin_files(), self.threads)
        # Pickled apart, because what is in it may be a plugin's, which the worker has to load first.
        future: Future[T] = self.remote.remote(place, pickle.dumps((call, arguments))).future()
        return future


def _on_ray(cluster: Cluster, jobs: int | None, marker: Path) -> _RayWorkers:
    """Divide a cluster into equal parts."""
    machines = [node["Resources"] for node in cluster.ray.nodes() if node["Alive"]]
    slots = jobs or cluster.gpus or max(1, len(machines))
    largest = max((int(each.get("CPU", 0)) for each in machines), default=1)
    threads = max(1, min(cluster.cpus // slots, largest))
    gpus = min(1.0, cluster.gpus / slots)
    remote = cluster.ray.remote(_at).options(num_cpus=threads, num_gpus=gpus, max_retries=0)
    return _RayWorkers(slots, cluster.ray, remote, marker, threads)


def _at(place: _Place, work: bytes) -> Any:
    """Run a call on a machine of the cluster, with the folder, plugins and variables of the driver."""
    os.environ.update(place.variables)
    try:
        os.chdir(place.folder)
        shared = place.marker.is_file()
    except OSError:
        shared = False
    if not shared:
        raise ClusterError(
            f"{platform.node()} does not have the folder {place.marker.parent}, or another one of that name. "
            "Give folders of the music and for the results that all machines of the cluster share, such as a "
            "network file system.",
            code="cluster-folder-not-shared",
        )
    load_same(place.plugins)
    torch.set_num_threads(place.threads)
    call, arguments = pickle.loads(work)  # from this run's own driver, over the cluster's connection
    return call(*arguments)


@contextmanager
def _marked(folder: Path) -> Iterator[Path]:
    """Put a file into a folder, by which workers see that they have the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = (folder / f".cluster-{secrets.token_hex(8)}").resolve()
    marker.touch()
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)
