"""Work in other threads: items made ahead of their use, and a function called on several items at once."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from genrelab.errors import UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")

_POLL_SECONDS = 0.05  # how often a thread that waits for room checks whether it should stop


class _End:
    """Follows the last item and carries the error that ended the items, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterable[Item], *, most: int = 2) -> Generator[Item]:
    """Produce items in a background thread while the caller uses earlier ones.

    Parameters
    ----------
    items : iterable
        Iterated in the background thread only.
    most : int > 0
        How many finished items may wait; one more may be in production.

    Yields
    ------
    object
        The items, in order. Closing the iterator stops the thread after its current item.

    Raises
    ------
    Exception
        Whatever `items` raises.
    """
    made: queue.Queue[Item | _End] = queue.Queue(most)
    stopped = threading.Event()
    maker = threading.Thread(target=_make, args=(items, made, stopped), name="recognize-ahead", daemon=True)
    maker.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        maker.join()


def map_in_order(
    function: Callable[[Item, threading.Event], Result],
    items: Iterable[Item],
    *,
    jobs: int,
    ready: Callable[[Item], Result | None] | None = None,
) -> Iterator[Result]:
    """Call a function on several items at once and return the results in the order of the items.

    Parameters
    ----------
    function : callable
        Takes an item and an event. The event is set when the results are no longer wanted.
    items : iterable
        Read at most `2 * jobs` items ahead of the results.
    jobs : int > 0
        Number of threads.
    ready : callable or None
        Returns the result of an item for which the function need not be called, or None. It must be fast.

    Returns
    -------
    iterator
        The results. Closing it sets the event, waits for calls in progress and drops those not started.

    Raises
    ------
    UsageError
        If `jobs` is not positive.
    Exception
        While iterating, whatever `function` or `items` raises.

    Examples
    --------
    >>> list(map_in_order(lambda number, stop: number**2, [1, 2, 3], jobs=2))
    [1, 4, 9]
    """
    if jobs < 1:
        raise UsageError(f"the number of jobs must be at least 1, not {jobs}", code="too-few-jobs")
    return _map_in_order(function, items, jobs, ready)


def _map_in_order(
    function: Callable[[Item, threading.Event], Result],
    items: Iterable[Item],
    jobs: int,
    ready: Callable[[Item], Result | None] | None,
) -> Iterator[Result]:
    stop = threading.Event()
    waiting: deque[Callable[[], Result]] = deque()
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="recognize")
    try:
        for item in items:
            known = None if ready is None else ready(item)
            if known is None:
                waiting.append(pool.submit(function, item, stop).result)
            elif waiting:
                waiting.append(partial(_itself, known))
            else:
                yield known
            if len(waiting) > 2 * jobs:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _itself(result: Result) -> Result:
    return result


def _make(items: Iterable[Item], made: queue.Queue[Item | _End], stopped: threading.Event) -> None:
    end = _End(None)
    try:
        for item in items:
            if not _put(item, made, stopped):
                return
    except BaseException as error:  # raised again in the thread that uses the items
        end = _End(error)
    finally:
        close = getattr(items, "close", None)
        if close is not None:  # closes the file without waiting for garbage collection
            close()
    _put(end, made, stopped)


def _put(item: Item | _End, made: queue.Queue[Item | _End], stopped: threading.Event) -> bool:
    """Put an item as soon as there is room; return False if the consumer stopped."""
    while not stopped.is_set():
        try:
            made.put(item, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
