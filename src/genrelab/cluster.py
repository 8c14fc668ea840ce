"""A Ray cluster: connect to one, or start one on this machine for the time of a command.

Safe defaults, all of which the environment can change: connections need a token (`RAY_AUTH_MODE=token`), Ray
reports nothing to its maker (`RAY_USAGE_STATS_ENABLED=0`), and a cluster that starts here has no dashboard.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelab.errors import ClusterError, GenrelabError, UsageError
from genrelab.extras import need_extra
from genrelab.printing import shorten

ADDRESS_VARIABLE = "RAY_ADDRESS"
"""The environment variable that names the cluster to connect to."""

_MODE, _TOKEN, _TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_DEFAULTS = {_MODE: "token", "RAY_USAGE_STATS_ENABLED": "0"}
_OBJECT_STORE_BYTES = 256 << 20  # records are small
_ADDRESS = re.compile(r"auto|local|[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")
_LONGEST_FOLDER = 30  # characters; the sockets of Ray lie below it, and a socket's path has at most 107
_CONNECT_SECONDS = 10.0
_LINE = 400  # characters of Ray's messages


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster to which this process is connected.

    Attributes
    ----------
    ray : module
    cpus, gpus : int
        Of all machines of the cluster together.
    started : bool
        Whether it runs on this machine and ends with the command.
    """

    ray: Any
    cpus: int
    gpus: int
    started: bool


@contextmanager
def open_cluster(address: str | None = None, *, cpus: int | None = None) -> Iterator[Cluster]:
    """Connect to a cluster, or start one on this machine; leave or stop it at the end.

    Parameters
    ----------
    address : str or None
        `HOST:PORT` of a running cluster, or `auto` for the one on this machine; None means the environment
        variable `RAY_ADDRESS`, else a cluster is started here.
    cpus : int > 0 or None
        CPUs of a cluster that is started here; None means all cores.

    Yields
    ------
    Cluster
        A process that is connected already stays so, whatever the address.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    UsageError
        If the address is none, or there is no token to connect with.
    ClusterError
        If the cluster cannot be reached or started.
    """
    address = address or os.environ.get(ADDRESS_VARIABLE) or "local"
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"the address of a Ray cluster is HOST:PORT, such as 10.0.0.5:6379, or auto, not "
            f"{shorten(address)!r}. Run the command on a machine of the cluster.",
            code="cluster-address",
        )
    ray = load_ray()
    with ExitStack() as stack:
        started = address == "local"
        if not ray.is_initialized():
            _check_token(started=started)
            _start(ray, address, cpus, stack)
            stack.callback(ray.shutdown)
        there = ray.cluster_resources()
        yield Cluster(ray, max(1, int(there.get("CPU", 1))), int(there.get("GPU", 0)), started)


def check_address(engine: str, address: str | None) -> None:
    """Raise a `UsageError` if the address of a cluster is given to another engine than `ray`."""
    if engine != "ray" and address is not None:
        raise UsageError(
            f"--ray-address {shorten(address)} has no effect with --engine {engine}. Add --engine ray, or "
            "omit the address.",
            code="cluster-address-unused",
        )


def load_ray() -> Any:
    """Import Ray with safe defaults.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)  # Ray reads them when it is imported
    return need_extra("cluster", "--engine ray", "ray", "ray.exceptions")


def describe(error: BaseException) -> str:
    """Return the first line of what an error of Ray says, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shorten(lines[0] if lines else type(error).__name__, _LINE)


def cause_of(error: BaseException | None) -> GenrelabError | None:
    """Return the error of genrelab that a worker raised and Ray wrapped; None if there is none.

    What Ray raises is an instance of the class that it wraps, with the traceback as its message.
    """
    for _ in range(20):
        inner = getattr(error, "cause", None)
        if error is None or (inner is None and isinstance(error, GenrelabError)):
            return error
        error = inner or error.__cause__
    return None


def is_of_ray(error: BaseException) -> bool:
    """Whether Ray raised an error, by itself or around one of a worker."""
    return type(error).__module__.startswith("ray.")


def _start(ray: Any, address: str, cpus: int | None, stack: ExitStack) -> None:
    """Connect to a cluster, or start one."""
    settings: dict[str, Any] = {"address": address}
    if address == "local":
        short = len(tempfile.gettempdir()) <= _LONGEST_FOLDER
        folder = tempfile.TemporaryDirectory(
            prefix="genrelab-ray-", dir=None if short else "/tmp", ignore_cleanup_errors=True
        )
        settings |= {
            "num_cpus": cpus,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_temp_dir": stack.enter_context(folder),
            "_node_ip_address": "127.0.0.1",
        }
    error = _unreachable(address) or _try_to_start(ray, settings)
    if error is not None and address == "local":  # Ray gives its processes 30 s, too few for a busy machine
        error = _try_to_start(ray, settings)
    if error is not None:
        where = "started on this machine" if address == "local" else f"reached at {address}"
        raise ClusterError(
            f"a Ray cluster cannot be {where}: {describe(error)} Check that it runs (`ray status`), that "
            "this machine belongs to it, and that its Ray, Python and token are the same here.",
            code="cluster-unreachable",
        ) from error
    _keep_quiet()


def _unreachable(address: str) -> Exception | None:
    """Return why nothing answers at an address; Ray itself tries for minutes."""
    host, colon, port = address.rpartition(":")
    try:
        if colon:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        return error
    return None


def _try_to_start(ray: Any, settings: dict[str, Any]) -> Exception | None:
    """Return the error with which Ray does not start, if it does not."""
    try:
        ray.init(**settings, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray has no common base class for what it raises here
        with contextlib.suppress(Exception):
            ray.shutdown()
        return error
    return None


def _keep_quiet() -> None:
    """Keep what Ray says about dead workers out of the standard output; it stays in Ray's log files."""
    from ray._private import worker

    worker._worker_logs_enabled = False


@functools.cache
def _own_token() -> str:
    """Return a token for clusters that start here; one per process, because Ray reads it once."""
    return secrets.token_hex(32)


def _check_token(*, started: bool) -> None:
    """Give a cluster that starts here a token of its own; raise unless there is one for another cluster."""
    if os.environ[_MODE].lower() != "token" or os.environ.get(_TOKEN):
        return
    named = os.environ.get(_TOKEN_PATH)
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    try:
        if path.read_text(encoding="utf-8").strip():
            return
        reason = "is empty"
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error}"
    if started and not named:
        os.environ[_TOKEN] = _own_token()  # the processes of the cluster inherit it
        return
    raise UsageError(
        f"there is no token for the Ray cluster: the file {path} {reason}. Copy the cluster's token into it, "
        f"or name it in {_TOKEN_PATH} or {_TOKEN}; {_MODE}=disabled connects to a cluster without one.",
        code="cluster-token",
    )
