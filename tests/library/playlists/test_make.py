"""Which tracks a playlist has, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from raising import raises

from genrelab.library import Library
from genrelab.library.playlists import rules as rules_module
from genrelab.library.playlists.make import by_fit, find_seed, from_tracks, mean_direction, similar_to
from genrelab.library.playlists.rules import Playlist, Rules
from genrelab.library.playlists.scope import Scope
from genrelab.library.store.file_snapshot import real_path


def names(found: Playlist) -> list[str]:
    return [item.path.name for item in found.items]


def test_a_genre_begins_with_the_most_confident_tracks(put, library: Library) -> None:
    put("b", genre="jazz", confidence=0.9)
    put("a", genre="jazz", confidence=0.9)
    put("c", genre="jazz", confidence=0.95)
    put("d", genre="jazz", confidence=0.2)
    put("e", genre="rock", confidence=1.0)
    assert names(by_fit(library, Scope(genres=["Jazz"]), Rules())) == ["c", "a", "b", "d"]
    assert names(by_fit(library, Scope(genres=["jazz", "rock"]), Rules(length=2))) == ["e", "c"]
    assert names(by_fit(library, Scope(genres=["jazz"], min_confidence=0.9), Rules())) == ["c", "a", "b"]


def test_moods_begin_with_the_most_probable_tags(put, library: Library) -> None:
    put("a", calm=0.6, confidence=0.99)
    put("b", calm=0.9, confidence=0.1)
    put("c", calm=0.4)
    assert names(by_fit(library, Scope(tags=["mood=calm"]), Rules())) == ["b", "a"]
    # of several tags the weakest counts: both are dark to 0.7
    found = by_fit(library, Scope(tags=["mood:Calm", "mood=dark"]), Rules())
    assert names(found) == ["b", "a"]


def test_names_that_the_library_does_not_have(put, library: Library) -> None:
    put("a")
    with raises("where-name-unknown", "jaz", "jazz"):
        by_fit(library, Scope(genres=["jaz"]), Rules())
    with raises("where-kind-unknown", "colour"):
        by_fit(library, Scope(tags=["colour=red"]), Rules())
    for odd in ("calm", "mood>0.5", "confidence=1", ""):
        with raises("where-tag-unreadable"):
            by_fit(library, Scope(tags=[odd]), Rules())
    with raises("playlist-nothing-fits", library.path):
        by_fit(library, Scope(genres=["jazz"]), Rules())


def test_unsure_and_folders(put, library: Library, tmp_path: Path) -> None:
    put("in/a", genre="unsure", confidence=0.4)
    put("in/b")
    put("inside/c")
    below = Scope(folders=[real_path(tmp_path / "in")])
    assert names(by_fit(library, below, Rules())) == ["b", "a"]
    assert names(by_fit(library, Scope(no_unsure=True), Rules())) == ["b", "c"]


def test_files_that_are_gone_are_counted(put, library: Library) -> None:
    put("a").unlink()
    put("b")
    found = by_fit(library, Scope(), Rules())
    assert names(found) == ["b"] and found.omitted.vanished == 1


def test_shuffling_is_repeatable_and_draws_from_all(put, library: Library) -> None:
    for number in range(30):
        put(f"{number:02}", confidence=number / 30)
    once = names(by_fit(library, Scope(), Rules(length=5, shuffle=1)))
    assert once == names(by_fit(library, Scope(), Rules(length=5, shuffle=1)))
    drawn = {name for seed in range(40) for name in names(by_fit(library, Scope(), Rules(5, shuffle=seed)))}
    assert len(drawn) == 30


def test_artists_are_limited_and_unknown_ones_are_not(by_artist, library: Library) -> None:
    for number in range(3):
        by_artist(f"a{number}", "The Band", confidence=0.9)
    by_artist("b", "BAND feat. Someone", confidence=0.8)  # the same artist
    by_artist("c", "Other", confidence=0.7)
    for number in range(3):
        by_artist(f"v{number}", "Various Artists", confidence=0.6)
        by_artist(f"u{number}", "", confidence=0.5)
    found = by_fit(library, Scope(), Rules(max_per_artist=2))
    assert names(found) == ["a0", "a1", "c", "v0", "v1", "v2", "u0", "u1", "u2"]
    assert found.omitted.crowded == 2


def test_copies(put, library: Library) -> None:
    put("a", (1.0, 0.0), duration=60.0, sound="one", confidence=0.9)
    put("b", (0.0, 1.0), duration=60.0, sound="one", confidence=0.8)  # the same audio
    put("c", (1.0, 0.15), duration=60.9, confidence=0.7)  # the same recording in another format
    put("d", (1.0, 0.15), duration=61.9, confidence=0.6)  # a longer one
    put("e", (1.0, 0.01), model="another", duration=60.0, confidence=0.5)  # cannot be compared
    put("f", (1.0, 0.5), duration=60.0, confidence=0.4)  # another
    put("g", None, duration=60.0, confidence=0.3)
    put("h", (1.0, 0.0), duration=None, confidence=0.2)  # nobody knows
    found = by_fit(library, Scope(), Rules())
    assert names(found) == ["a", "d", "e", "f", "g", "h"]
    assert found.omitted.copies == 2
    assert len(by_fit(library, Scope(), Rules(no_copies=False)).items) == 8


def test_given_tracks_keep_their_order(put, library: Library) -> None:
    paths = [real_path(put(name)) for name in ("c", "a", "b")]
    assert names(from_tracks(library, [*paths, paths[0]], Rules())) == ["c", "a", "b"]
    with raises("playlist-track-unknown", "/nowhere/x"):
        from_tracks(library, [b"/nowhere/x"], Rules())


def test_several_seeds_find_what_is_between_them(put, library: Library) -> None:
    first, second = put("first", (1.0, 0.0, 0.0)), put("second", (0.0, 1.0, 0.0))
    put("between", (1.0, 1.0, 0.3))
    put("like first", (1.0, 0.1, 0.0))
    put("like second", (0.2, 1.0, 0.0))
    put("neither", (0.0, 0.0, 1.0))
    seeds = [find_seed(library, real_path(path)) for path in (first, second)]
    found = similar_to(library, seeds, Scope(), Rules())
    assert names(found) == ["between", "like second", "like first", "neither"]
    mean = (seeds[0].direction + seeds[1].direction) / np.sqrt(2)
    np.testing.assert_allclose(mean_direction(seeds), mean, atol=1e-6)
    assert found.items[0].similarity == pytest.approx(2 / np.sqrt(2) / np.sqrt(2.09), abs=1e-5)
    whole = similar_to(library, seeds, Scope(), Rules(length=3), with_seeds=True)
    assert names(whole) == ["first", "second", "between"]
    assert names(similar_to(library, seeds[::-1], Scope(), Rules())) == names(found)


def test_copies_of_a_seed_are_omitted(put, library: Library) -> None:
    seed = put("seed", (1.0, 0.0), duration=9.0, sound="one")
    put("twin", (1.0, 0.0), duration=9.0, sound="one")
    put("other format", (1.0, 0.001), duration=9.0)
    put("far", (0.0, 1.0))
    found = similar_to(library, [find_seed(library, real_path(seed))], Scope(), Rules())
    assert names(found) == ["far"] and found.omitted.copies == 2


def test_seeds_that_cannot_be_used(put, library: Library) -> None:
    good = find_seed(library, real_path(put("a", (1.0, 0.0))))
    with raises("playlist-seed-silent", "silent"):
        find_seed(library, real_path(put("silent", None)))
    other = find_seed(library, real_path(put("b", (1.0, 0.0), model="another")))
    with raises("playlist-models-differ", good.track.name(), other.track.name()):
        similar_to(library, [good, other], Scope(), Rules())
    opposite = find_seed(library, real_path(put("c", (-1.0, 0.0))))
    with raises("playlist-seeds-opposite"):
        similar_to(library, [good, opposite], Scope(), Rules())
    with raises("playlist-seed-number", 0):
        similar_to(library, [], Scope(), Rules())


def test_names_that_are_not_text(put, library: Library) -> None:
    odd = put(os.fsdecode(b"\xff<b>\n.mp3"))
    (item,) = by_fit(library, Scope(), Rules()).items
    assert item.path == odd


def test_the_work_is_bounded(put, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "MOST_EXAMINED", 4)
    for number in range(6):
        path = put(str(number))
        if number < 3:
            path.unlink()
    found = by_fit(library, Scope(), Rules())
    assert names(found) == ["3"] and found.omitted.unexamined == 2
