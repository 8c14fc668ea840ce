"""Run a network of a stranger within bounds of time and memory."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from genrelab.bundle.bounds import MOST_MEMORY

T = TypeVar("T")

_FAREWELL_SECONDS = 5.0


def call_within(call: Callable[[], T], seconds: float, stop: Callable[[], object]) -> T:
    """Return what a call returns, unless it takes too long.

    The call runs in a thread of its own: onnxruntime stops between two operators only, and a single operator
    may take for ever. Such a thread is left behind.

    Parameters
    ----------
    call : callable
    seconds : float > 0
        How long to wait.
    stop : callable
        Asks the call to end soon; called where it takes too long, and where the wait is interrupted.

    Raises
    ------
    TimeoutError
        If it takes longer. What the call raises is raised as well.
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
    """Bound what sessions take together that have the entry `session.use_env_allocators`.

    Returns
    -------
    bool
        False where the process has such a bound of another library already.
    """
    import onnxruntime as ort

    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"max_mem": most_memory()}))
    except Exception:  # of no class that has a name
        return False
    return True


def most_memory() -> int:
    """Return how many bytes the networks of this process may take together."""
    try:
        present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return MOST_MEMORY
    return min(MOST_MEMORY, present // 2) if present > 0 else MOST_MEMORY
