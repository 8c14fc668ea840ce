"""Items made in a thread of their own, a few ahead of their use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from genrelab.recognize.prefetch import read_ahead


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "recognize-ahead"]


class Counted:
    """Numbers from 0 on; how many were made, and whether their maker was closed."""

    def __init__(self, end: int, error: Exception | None = None) -> None:
        self.made, self.closed = 0, False
        self.items = self._items(end, error)

    def _items(self, end: int, error: Exception | None) -> Iterator[int]:
        try:
            for number in range(end):
                self.made += 1
                yield number
            if error is not None:
                raise error
        finally:
            self.closed = True


def test_all_in_order() -> None:
    assert list(read_ahead(range(1000))) == list(range(1000))
    assert list(read_ahead(iter(()))) == []
    assert _threads() == []


@pytest.mark.parametrize("most", [1, 2, 5])
def test_it_makes_a_few_more_than_are_used(most: int) -> None:
    counted = Counted(100)
    ahead = read_ahead(counted.items, most=most)
    for used in range(1, 6):
        next(ahead)
        deadline = time.monotonic() + 5
        while counted.made < used + most + 1 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert counted.made == used + most + 1  # one waits for room
    ahead.close()
    assert counted.closed and _threads() == []


def test_an_error_comes_behind_what_was_made() -> None:
    used = []
    with pytest.raises(ZeroDivisionError):
        for item in read_ahead(Counted(3, ZeroDivisionError()).items):
            used.append(item)  # noqa: PERF402
    assert used == [0, 1, 2]
    assert _threads() == []


def test_closing_before_the_first_item() -> None:
    counted = Counted(10)
    read_ahead(counted.items).close()
    assert counted.made == 0 and _threads() == []
