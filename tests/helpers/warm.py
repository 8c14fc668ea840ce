"""Commands in processes of their own that begin warm: forked from one that has imported what they need.

For tests that start a command many times and are about what happens to it, not about how Python starts: its
imports take a second, with those of the laboratory ten. `multiprocessing`'s fork server is the process that
imports; it runs nothing itself and has one thread, so that its copies are whole.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import IO

_PRELOADED = [
    *("genrelab.cli.main", "genrelab.library", "genrelab.recognize", "genrelab.recognize.writers"),
    *("genrelab.library.tags", "genrelab.bundle.runtime", "soxr", "soundfile", "rich.progress"),
]
_LABORATORY = [
    *("torch", "torch._dynamo", "lightning", "timm", "pandas", "sklearn.metrics"),
    *("genrelab.lab.experiment.run", "genrelab.lab.studies.reproduce"),
]
_CONTEXT = multiprocessing.get_context("forkserver")


class Warm:
    """A running command, with what the tests use of `subprocess.Popen`; its other output is dropped.

    Parameters
    ----------
    *arguments : str
        Those behind `genrelab`.
    read : str
        `stdout` or `stderr`: what can be read, as `output`.
    """

    def __init__(self, *arguments: str, read: str = "stdout") -> None:
        laboratory = _LABORATORY if importlib.util.find_spec("torch") else []
        _CONTEXT.set_forkserver_preload([*_PRELOADED, *laboratory])  # counts for the first start alone
        reader, writer = _CONTEXT.Pipe(duplex=False)
        given = (arguments, dict(os.environ), writer, {"stdout": 1, "stderr": 2}[read])
        self._process = _CONTEXT.Process(target=_run, args=given)
        self._process.start()
        writer.close()
        self.output: IO[bytes] = os.fdopen(os.dup(reader.fileno()), "rb")
        reader.close()

    @property
    def returncode(self) -> int | None:
        """The exit code, or the number of the signal that ended it, negative; None while it runs."""
        return self._process.exitcode

    def send_signal(self, sent: signal.Signals) -> None:
        """Send a signal to the process alone."""
        assert self._process.pid is not None
        if self._process.is_alive():
            os.kill(self._process.pid, sent)

    def end(self, seconds: float = 300.0) -> bytes:
        """Wait for the end; return the rest of what can be read."""
        rest = self.output.read()
        self.output.close()
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"no end after {seconds:.0f} s"
        return rest


def _run(arguments: tuple[str, ...], environment: dict[str, str], writer: Connection, number: int) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 3 - number)
    os.dup2(writer.fileno(), number)
    writer.close()
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as Python opens them at its start
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["genrelab", *arguments]
    from genrelab.cli.main import run

    run()
