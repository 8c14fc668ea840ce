"""Run untrusted networks with limits of time and memory."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from genrelab.bundle.bounds import MOST_MEMORY
from genrelab.bundle.runtime import load_onnxruntime

T = TypeVar("T")

_FAREWELL_SECONDS = 5.0


def call_within(call: Callable[[], T], seconds: float, stop: Callable[[], object]) -> T:
    """Return the result of a call, unless it takes too long.

    The call runs in its own thread, because onnxruntime stops only between operators, and one may never end.
    Such a thread is abandoned.

    Parameters
    ----------
    call : callable
    seconds : float > 0
        Time limit.
    stop : callable
        Asks the call to end; called after the time limit or an interrupt.

    Raises
    ------
    TimeoutError
        If the call takes longer. Errors of the call are raised too.
    """
    result: Future[T] = Future()

    def work() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=work, name="network", daemon=True)
    thread.start()
    try:
        return result.result(seconds)
    except BaseException:
        if not result.done():
            stop()
            thread.join(_FAREWELL_SECONDS)
        raise


@functools.cache
def limit_memory() -> bool:
    """Limit the total memory of sessions that have the entry `session.use_env_allocators`.

    Returns
    -------
    bool
        False if another library has already set such a limit in this process.
    """
    ort = load_onnxruntime()
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"max_mem": most_memory()}))
    except Exception:  # no public class
        return False
    return True


def most_memory() -> int:
    """Return the memory limit in bytes for all networks of this process."""
    if sys.platform == "win32":
        return MOST_MEMORY
    try:
        present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return MOST_MEMORY
    return min(MOST_MEMORY, present // 2) if present > 0 else MOST_MEMORY
