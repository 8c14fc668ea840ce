"""Decode ahead of the network, a little."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

_LOOK_SECONDS = 0.05  # how often a thread that may not go on looks whether anybody still wants it to


class _End:
    """What comes behind the last item: an error, or none."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterable[Item], *, most: int = 2) -> Generator[Item]:
    """Take items in a thread of its own, so that they are made while others are being used.

    Parameters
    ----------
    items : iterable
        Used in that thread alone.
    most : int > 0
        How many are made and not yet used, at most; one more is in the making.

    Yields
    ------
    object
        The items, in their order. Closing the iterator ends the thread behind the item that it is at.

    Raises
    ------
    Exception
        What making them raises.
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


def _make(items: Iterable[Item], made: queue.Queue[Item | _End], stopped: threading.Event) -> None:
    end = _End(None)
    try:
        for item in items:
            if not _put(item, made, stopped):
                return
    except BaseException as error:  # raised where the items are used
        end = _End(error)
    finally:
        close = getattr(items, "close", None)
        if close is not None:  # the file, at once
            close()
    _put(end, made, stopped)


def _put(item: Item | _End, made: queue.Queue[Item | _End], stopped: threading.Event) -> bool:
    """Put an item when there is room; False if nobody wants it any more."""
    while not stopped.is_set():
        try:
            made.put(item, timeout=_LOOK_SECONDS)
        except queue.Full:
            continue
        return True
    return False
