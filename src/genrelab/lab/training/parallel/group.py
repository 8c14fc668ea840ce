"""The processes that train one network together.

Process 0 does everything that a single process does: it checks, decodes, writes the run folder, tests and
reports. It starts the other processes of its machine when it begins to train. They only train: they wait
until process 0 has prepared everything, prepare the same from the stores that are there now, and end after
the last epoch.

The processes talk through a store of torch that process 0 serves, on one machine only at its loopback
address. Its texts are JSON. `watch` notices if a process ends.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import site
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

import genrelab
from genrelab import errors
from genrelab.errors import GenrelabError, RunError
from genrelab.lab.training.parallel.place import LOOPBACK, Place
from genrelab.lab.training.parallel.watch import FAILED, Failure, Speaks, Watch, ended

_POLL = 0.1  # seconds
_JOIN = timedelta(minutes=10)
_LINGER = 5.0  # seconds in which other machines learn why process 0 ends
_START = 60.0  # seconds in which they start

_current: Group | None = None


def current() -> Group | None:
    """Return the group of this process; None if it trains alone."""
    return _current


class Group:
    """The processes that train together, as one of them sees them.

    Parameters
    ----------
    place : Place
        Of this process.
    command : sequence of str
        The arguments of `genrelab`, with which to start the other processes of this machine.
    """

    def __init__(self, place: Place, command: Sequence[str]) -> None:
        self.place = place
        self.command = command
        self.children: list[tuple[int, subprocess.Popen[bytes]]] = []
        self._told = False
        self._port = place.port
        self._store = self._opened()
        # If process 0 is gone, one process of each machine says so.
        speaks: Speaks = "always" if place.local == 0 else "orphaned" if place.rank == 1 else "never"
        self._watch = Watch(
            self._connected, rank=place.rank, size=place.size, children=self.children, speaks=speaks
        )
        self._watch.start()

    @property
    def leads(self) -> bool:
        """Whether this is process 0."""
        return self.place.rank == 0

    @property
    def first_here(self) -> bool:
        """Whether this is the first process of its machine, which verifies or makes stores."""
        return self.place.local == 0

    def start(self) -> None:
        """Start the other processes of this machine."""
        place = self.place
        if not place.started:
            for local in range(1, place.devices):
                environment = {**os.environ, **_importable(), **place.variables(local, self._port)}
                child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "genrelab", *self.command],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    process_group=0,  # Ctrl-C is for process 0
                )
                self.children.append((place.rank + local, child))

    def lead(self, prepared: dict[str, Any], report: Callable[[int, int], None] | None) -> None:
        """Tell the others what process 0 has prepared, and wait until they have prepared the same.

        Parameters
        ----------
        prepared : dict
            For JSON.
        report : callable or None
            Called with the number of prepared processes and of all.
        """
        self._tell("ready", prepared)
        for rank in range(1, self.place.size):
            if report is not None:
                report(rank, self.place.size)
            self._await(f"prepared/{rank}")
        if report is not None:
            report(self.place.size, self.place.size)

    def ready(self) -> dict[str, Any] | None:
        """Wait until process 0 has prepared everything; return what it says, None if nothing is trained."""
        own_turn = "ready" if self.first_here or self.place.node == 0 else f"here/{self.place.node}"
        told = json.loads(self._await(own_turn))
        if told is None and self.first_here:
            self._tell(f"here/{self.place.node}", None)
        return told if isinstance(told, dict) else None

    def prepared(self, told: dict[str, Any], found: dict[str, Any]) -> None:
        """Tell process 0 that this process is prepared.

        Raises
        ------
        RunError
            If it has prepared something else than process 0.
        """
        different = [key for key in told if told[key] != found.get(key)]
        if different:
            raise RunError(
                f"process {self.place.rank} found other values than process 0 of: {', '.join(different)}. "
                "All machines need the same music, recipe and versions, and an --out that they share",
                code="processes-differ",
            )
        if self.first_here:
            self._tell(f"here/{self.place.node}", told)
        self._tell(f"prepared/{self.place.rank}", True)

    @contextmanager
    def training(self, *, gpu: bool) -> Iterator[None]:
        """Connect the processes for the exchange of tensors, within this context.

        Raises
        ------
        GenrelabError
            The error of the process that failed first.
        """
        place = self.place
        if place.address == LOOPBACK and sys.platform == "linux":
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        try:
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if gpu else "gloo",
                store=PrefixStore("tensors", self._store),
                rank=place.rank,
                world_size=place.size,
            )
            yield
            dist.barrier()
        except KeyboardInterrupt:
            raise
        except Exception as error:
            failure = None if isinstance(error, GenrelabError) else self._noticed(wait=5.0)
            if failure is None:
                raise
            raise _error(failure) from error
        self._stop_watch()
        dist.destroy_process_group()

    def close(self, failure: Failure | None = None) -> None:
        """End: tell the others why, and end those that this process started."""
        self._stop_watch()
        with suppress(RuntimeError):  # process 0 may be gone
            if failure is not None and not self._watch.orphaned and not self._store.check([FAILED]):
                self._store.set(FAILED, failure.text())
            if self.leads and failure is None and not self._told:
                self._tell("ready", None)  # nothing is to be trained
                self._linger()
            elif self.leads and failure is not None:
                self._linger()
        for _, child in self.children:
            if failure is not None:
                child.terminate()
            try:
                child.wait(timeout=10.0)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _linger(self) -> None:
        """Let the other machines learn why process 0 ends, also those that are still starting."""
        until = time.monotonic() + _START
        for node in range(1, self.place.nodes):
            while not self._store.check([f"beat/{node * self.place.devices}"]) and time.monotonic() < until:
                time.sleep(_POLL)
        if self.place.nodes > 1:
            time.sleep(_LINGER)

    def last_words(self) -> None:
        """Print why this process ends, if the one that should print it has ended."""
        if self._watch.orphaned:
            self._watch.print_failure()

    def _opened(self) -> Store:
        """Return the common store; process 0 serves it, unless `torchrun` does."""
        place = self.place
        if place.rank > 0 or _served_by_torchrun(place):
            return self._connected()
        if place.nodes > 1 or place.started:
            return TCPStore(place.address, place.port, is_master=True, wait_for_workers=False)
        # No other machine can connect, and no other program can take the port in between.
        listener = socket.create_server((LOOPBACK, 0))
        self._port = listener.getsockname()[1]
        return TCPStore(
            LOOPBACK,
            self._port,
            is_master=True,
            wait_for_workers=False,
            master_listen_fd=listener.detach(),
        )

    def _connected(self) -> Store:
        """Return a new connection to the common store; each thread needs its own."""
        place = self.place
        client = TCPStore(place.address, self._port, is_master=False, wait_for_workers=False, timeout=_JOIN)
        if not _served_by_torchrun(place):
            return client
        return PrefixStore(f"genrelab/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", client)

    def _tell(self, key: str, value: Any) -> None:
        self._told = self._told or key == "ready"
        self._store.set(key, json.dumps(value))

    def _await(self, key: str) -> bytes:
        """Wait for what another process tells."""
        while not self._store.check([key]):
            failure = self._noticed(wait=_POLL)
            if failure is not None:
                raise _error(failure)
        text: bytes = self._store.get(key)
        return text

    def _noticed(self, *, wait: float) -> Failure | None:
        self._watch.noticed.wait(wait)
        return self._watch.failure

    def _stop_watch(self) -> None:
        self._watch.stopped.set()
        self._watch.join(timeout=5.0)


def _served_by_torchrun(place: Place) -> bool:
    return place.started and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _error(failure: Failure) -> GenrelabError:
    """Return the error of another process."""
    kind = getattr(errors, failure.kind, RunError)
    known = isinstance(kind, type) and issubclass(kind, GenrelabError)
    error: GenrelabError = (kind if known else RunError)(failure.message, code=failure.code)
    return error


def _importable() -> dict[str, str]:
    """Return environment variables with which another process imports the same genrelab."""
    home = str(Path(genrelab.__file__).parents[1])
    if home in (*site.getsitepackages(), site.getusersitepackages()):
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), home]))}


@contextmanager
def together(place: Place, command: Sequence[str]) -> Iterator[Group]:
    """Make this process one of a group, within this context.

    Process 0 raises the error of the process that failed first. The others exit: process 0 has printed it.

    Parameters
    ----------
    place : Place
    command : sequence of str
        The arguments of `genrelab`.
    """
    global _current
    if place.rank > 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # process 0 heeds it
        logging.disable(logging.CRITICAL)
    try:
        group = Group(place, command)
    except (RuntimeError, OSError) as error:
        raise RunError(
            f"no connection to process 0 at {place.address}, port {place.port}: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}. Start the command on "
            "machine 0, with a free port that the others can reach",
            code="no-connection",
        ) from error
    _current = group
    try:
        yield group
    except GenrelabError as error:
        group.close(Failure(type(error).__name__, error.code, str(error)))
        if group.place.local > 0:  # the first process of this machine prints it, unless that is what ended
            group.last_words()
            raise SystemExit(1) from error
        raise
    except (KeyboardInterrupt, SystemExit):
        group.close(ended(place.rank, place.size, "was interrupted"))
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        group.close(ended(place.rank, place.size, f"failed: {what}"))
        raise
    else:
        group.close()
    finally:
        _current = None
