"""Paths through the sound of a library."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from raising import raises

from genrelab.library import Library
from genrelab.library.playlists.journey import MOST_STEPS, _choose, find_path
from genrelab.library.playlists.make import Seed, find_seed
from genrelab.library.playlists.rules import Playlist, Rules
from genrelab.library.playlists.scope import Scope
from genrelab.library.store.file_snapshot import real_path


def on_arc(degrees: float, beside: float = 0.0) -> tuple[float, float, float]:
    angle = np.radians(degrees)
    return float(np.cos(angle)), float(np.sin(angle)), beside


def seed(library: Library, path: Path) -> Seed:
    return find_seed(library, real_path(path))


def names(found: Playlist) -> list[str]:
    return [item.path.name for item in found.items]


@pytest.fixture
def ends(put, library: Library) -> tuple[Seed, Seed]:
    return seed(library, put("start", on_arc(0))), seed(library, put("xend", on_arc(90)))


def test_the_steps_are_even(put, library: Library, ends: tuple[Seed, Seed]) -> None:
    for degrees in range(2, 90, 2):
        put(f"{degrees:02}", on_arc(degrees))
    found = find_path(library, *ends, Scope(), Rules(length=10))
    assert names(found) == ["start", "10", "20", "30", "40", "50", "60", "70", "80", "xend"]
    expected = np.cos(np.radians(10))
    np.testing.assert_allclose([item.similarity for item in found.items[1:]], expected, atol=1e-5)
    assert found.items[0].similarity is None
    np.testing.assert_allclose(
        [item.to_start for item in found.items], np.cos(np.radians(range(0, 91, 10))), atol=1e-5
    )
    back = find_path(library, *ends[::-1], Scope(), Rules(length=10))
    assert names(back) == names(found)[::-1]


def test_detours_are_avoided(put, library: Library, ends: tuple[Seed, Seed]) -> None:
    put("30 far", on_arc(30, 0.8))
    put("34 near", on_arc(34, 0.05))
    put("60 near", on_arc(58, 0.05))
    put("60 far", on_arc(60, -0.7))
    assert names(find_path(library, *ends, Scope(), Rules(length=4))) == [
        *("start", "34 near", "60 near", "xend")
    ]


def test_no_track_occurs_twice_and_the_path_never_turns_back(put, library: Library) -> None:
    generator = np.random.default_rng(3)
    vectors = generator.standard_normal((300, 16)) + 1.0
    paths = [put(f"{number:03}", list(map(float, row))) for number, row in enumerate(vectors)]
    for length in (2, 3, 17, MOST_STEPS):
        start, end = seed(library, paths[0]), seed(library, paths[1])
        found = find_path(library, start, end, Scope(), Rules(length=length))
        assert len(found.items) == length == len(set(names(found)))
        assert names(found)[0] == "000" and names(found)[-1] == "001"
        directions = [seed(library, item.path).direction for item in found.items]
        along = [float(each @ (end.direction - start.direction)) for each in directions]
        assert along == sorted(along)
        assert names(find_path(library, start, end, Scope(), Rules(length=length))) == names(found)


def test_the_choice_is_the_best_of_all(put) -> None:
    generator = np.random.default_rng(8)
    rows = generator.standard_normal((9, 4)) + 0.5
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    start, end, pool = rows[0], rows[1], rows[2:]

    def cost(numbers: tuple[int, ...]) -> float:
        path = [start, *pool[list(numbers)], end]
        pairs = itertools.pairwise(path)
        return sum(float(np.arccos(np.clip(a @ b, -1, 1))) ** 2 for a, b in pairs)

    best = min(itertools.combinations(range(len(pool)), 4), key=cost)
    assert tuple(_choose(pool, start, end, 4)) == best


def test_too_few_tracks_make_a_shorter_path(put, library: Library, ends: tuple[Seed, Seed]) -> None:
    put("middle", on_arc(45))
    put("gone", on_arc(50)).unlink()
    found = find_path(library, *ends, Scope(), Rules(length=8))
    assert names(found) == ["start", "middle", "xend"]
    assert found.omitted.vanished == 1


def test_copies_on_the_way(put, library: Library) -> None:
    first = put("start", on_arc(0), duration=9.0)
    last = put("xend", on_arc(90), duration=9.0)
    put("a", on_arc(1), duration=9.0)  # like the start
    put("b", on_arc(45), duration=9.0)
    put("c", on_arc(46), duration=9.0)  # like b
    put("d", on_arc(46), duration=20.0)
    found = find_path(library, seed(library, first), seed(library, last), Scope(), Rules(length=9))
    assert names(found) == ["start", "b", "d", "xend"]
    assert found.omitted.copies == 2


def test_artists_on_the_way(by_artist, library: Library) -> None:
    first = by_artist("start", "One", on_arc(0))
    last = by_artist("xend", "Two", on_arc(90))
    for degrees in range(10, 90, 10):
        by_artist(f"{degrees} one", "One", on_arc(degrees))
        by_artist(f"{degrees} other", f"Artist {degrees}", on_arc(degrees, 0.3))
        by_artist(f"{degrees} third", "Three", on_arc(degrees, 0.1))
    ends = seed(library, first), seed(library, last)
    found = find_path(library, *ends, Scope(), Rules(length=8, max_per_artist=2))
    by_name = [name.partition(" ")[2] for name in names(found)]
    assert len(found.items) == 8
    assert by_name.count("one") <= 1 and by_name.count("third") <= 2
    assert found.omitted.crowded > 0
    free = find_path(library, *ends, Scope(), Rules(length=8))
    assert [name.partition(" ")[2] for name in names(free)].count("one") == 6


def test_ends_that_sound_alike_or_opposite(put, library: Library) -> None:
    for number, degrees in enumerate((0, 0, 20, 100, 180)):
        put(str(number), on_arc(degrees))
    same = [seed(library, path) for path in sorted(put("0", on_arc(0)).parent.iterdir())]
    assert names(find_path(library, same[0], same[1], Scope(), Rules(length=3)))[1] == "2"
    assert len(find_path(library, same[0], same[4], Scope(), Rules(length=4)).items) == 4


def test_wrong_use(put, library: Library, ends: tuple[Seed, Seed]) -> None:
    for length in (1, MOST_STEPS + 1):
        with raises("playlist-path-length", length):
            find_path(library, *ends, Scope(), Rules(length=length))
    with raises("playlist-path-ends", ends[0].track.name()):
        find_path(library, ends[0], ends[0], Scope(), Rules())


def test_twenty_thousand_tracks_need_little_memory(library: Library, tmp_path: Path) -> None:
    """The embeddings alone would be 20 MB."""
    import tracemalloc

    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((20_000, 256)).astype("<f4") + np.float32(0.5)
    path = tmp_path / "x.mp3"
    path.write_bytes(b"x")
    rows = [
        (
            f"{tmp_path}/{number:05}".encode(), 1, 1, number.to_bytes(32, "big"), "m", "", "1", 60.0,
            "rock", 0.5, None, "[]", b"", vector.tobytes(), None, 1, None, "[]", "[]",
        )
        for number, vector in enumerate(vectors)
    ]  # fmt: skip
    marks = ", ".join("?" * 19)
    with library.database.transaction():
        for row in rows:
            library.database.execute(
                "INSERT INTO tracks (path, size, mtime_ns, sound, model, settings, version, duration, genre, "
                "confidence, reason, genres, timeline, embedding, error, full, probabilities, notices, tags) "
                f"VALUES ({marks})",
                row,
            )
    for number in range(0, 20_000, 40):
        (tmp_path / f"{number:05}").write_bytes(b"")
    start, end = (find_seed(library, f"{tmp_path}/{name}".encode()) for name in ("00000", "19960"))
    del rows, vectors
    tracemalloc.start()
    try:
        found = find_path(library, start, end, Scope(), Rules(length=25))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 2 < len(found.items) <= 25
    assert peak < 40e6
