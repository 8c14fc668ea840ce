"""Pages of a library: what they cost, and that they are never older than they may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from many_tracks import fill, track_path
from raising import raises

from genrelab.library import Library
from genrelab.library.store.listing import kept
from genrelab.library.store.listing.kept import Kept
from genrelab.library.store.listing.listing import Listing
from genrelab.library.store.listing.query import TrackQuery, fold, search_words
from genrelab.library.store.track_filter import below

COUNT = 1200


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("library") / "many.db", COUNT, numbers=4)


@pytest.fixture
def listing(path: Path) -> Iterator[Listing]:
    with Library(path) as library:
        listing = Listing(library, Library(path), Library(path))
        yield listing
        listing.close()


@pytest.mark.parametrize(
    "query",
    [
        TrackQuery(),
        TrackQuery(sort="-path"),
        TrackQuery(sort="confidence"),
        TrackQuery(sort="-duration", genres=("jazz",)),
        TrackQuery(search="artist 0003"),
        TrackQuery(folders=(b"/music/Artist 0001", b"/music/Artist 0004/Album 00041 \xc3\x9cmlaut/")),
        TrackQuery(least=0.5, most=0.7, unsure=False),
    ],
)
def test_pages_are_slices_of_one_order(listing: Listing, query: TrackQuery) -> None:
    whole = listing.page(query, limit=COUNT)
    assert whole.total == len(whole.tracks) == len(listing.numbers(query)) > 0
    found = [
        track
        for offset in range(0, COUNT, 157)
        for track in listing.page(query, offset=offset, limit=157).tracks
    ]
    assert found == whole.tracks


def test_a_page_reads_no_other_rows(listing: Listing) -> None:
    """The plan of the first page uses the index of paths, and sorts nothing."""
    clause, values = TrackQuery(folders=(b"/music",)).condition()
    plan = listing.library.database.rows(
        f"EXPLAIN QUERY PLAN SELECT id FROM tracks WHERE {clause} ORDER BY path LIMIT 100", values
    )
    assert [row[3] for row in plan] == [
        "SEARCH tracks USING COVERING INDEX sqlite_autoindex_tracks_1 (path>? AND path<?)"
    ]


def test_rows_and_tracks_are_found_by_path_below_the_roots_alone(path: Path) -> None:
    with Library(path) as library:
        inner = Listing(library, Library(path), Library(path), [b"/music/Artist 0002"])
        inside, outside = track_path(205), track_path(305)
        assert inner.row(inside).path == inside
        assert inner.row(outside) is None and inner.row(b"/music/Artist 0002") is None
        assert set(inner.tracks([inside, outside, b"/none"])) == {inside}
        assert inner.page(TrackQuery()).total == 100
        inner.close()


def test_many_paths_are_looked_up_in_parts(listing: Listing) -> None:
    paths = [track_path(number) for number in range(COUNT)]
    assert set(listing.tracks(paths)) == set(paths)


@settings(deadline=None)
@example("\N{MODIFIER LETTER CAPITAL A}")
@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper()) == fold(text.lower()) or any(ord(letter) > 127 for letter in text)


def test_accents_and_case_are_ignored() -> None:
    assert fold("Bjo\u0308rk") == fold("BJÖRK") == "bjork"
    assert fold("Чайковский") == fold("ЧАЙКОВСКИЙ") and fold("東京") == "東京"
    assert search_words("  Two  wÖrds ") == ["two", "words"]
    with raises("search-too-long"):
        search_words("x" * 201)


def test_a_folder_is_no_prefix() -> None:
    clause, bounds = below([b"/a/b/", b"/"])
    assert bounds == [b"/a/b/", b"/a/b0", b"/", b"0"]
    assert clause.count("?") == 4


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_only_what_took_long_may_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, version, counts = Clock(), [1], {"fast": 0, "slow": 0}
    monkeypatch.setattr(kept, "time", clock)
    results = Kept(lambda: version[0])

    def compute(name: str, seconds: float) -> int:
        counts[name] += 1
        clock.now += seconds
        return counts[name]

    def ask() -> tuple[int, int]:
        return results.get("fast", lambda: compute("fast", 0.04)), results.get(
            "slow", lambda: compute("slow", 2.0)
        )

    assert ask() == ask() == (1, 1)
    version[0] = 2
    assert ask() == (2, 1)
    clock.now += 20
    assert ask() == (2, 2)


def test_threads_wait_for_the_same_result_alone() -> None:
    results, begun, go, counts = Kept(lambda: 0), threading.Event(), threading.Event(), []

    def slow() -> str:
        counts.append(1)
        begun.set()
        assert go.wait(30)
        return "slow"

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(results.get, "slow", slow)
        assert begun.wait(30)
        second = pool.submit(results.get, "slow", slow)
        assert results.get("fast", lambda: "fast") == "fast", "while the other is computed"
        go.set()
        assert (first.result(30), second.result(30), len(counts)) == ("slow", "slow", 1)


def test_after_a_failure_the_result_is_computed_again() -> None:
    results = Kept(lambda: 0)
    with pytest.raises(ZeroDivisionError):
        results.get("x", lambda: 1 // 0)
    assert results.get("x", lambda: 7) == 7


def test_results_are_bounded() -> None:
    results = Kept(lambda: 0)
    for number in range(kept._MOST + 5):
        results.get(number, lambda: object())
    assert len(results._results) == kept._MOST
