"""Run a program for a bounded time, and keep a bounded part of what it prints."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from genrelab.system import NEW_GROUP, kill_group

_KEPT = 2000  # bytes
_PIECE = 2**16
_AFTER_SECONDS = 1.0  # for the output of a program that has ended


def run_bounded(words: Sequence[str], timeout: float) -> tuple[int | None, bytes]:
    """Run a program without a shell and without input.

    Parameters
    ----------
    words : sequence of str
        Program and arguments.
    timeout : float > 0
        In seconds; then the program and the processes of its group are killed.

    Returns
    -------
    code : int or None
        The exit code; None if it was killed.
    output : bytes
        The last 2,000 bytes of what it printed.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the watcher, which waits for the program
        creationflags=NEW_GROUP,
    )
    kept = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout, kept), daemon=True)
    reader.start()
    code: int | None
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        code = None
        kill_group(process)
        process.wait()
    reader.join(_AFTER_SECONDS)
    if not reader.is_alive() and process.stdout is not None:  # otherwise a process in the background has it
        process.stdout.close()
    return code, bytes(kept)


def _read(pipe: IO[bytes] | None, kept: bytearray) -> None:
    if pipe is None:
        return
    with suppress(OSError, ValueError):
        while piece := os.read(pipe.fileno(), _PIECE):
            kept += piece
            del kept[:-_KEPT]
