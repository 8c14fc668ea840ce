"""The layout of a large library around a sample keeps what the layout of all tracks shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from many_tracks import GENRES, MODEL, fill, track_path
from raising import raises

from genrelab.library import Library
from genrelab.library.explore.embeddings import read_embeddings
from genrelab.library.explore.layout import LayoutStopped, lay_out_library
from genrelab.library.explore.projection import kept_neighbours, lay_out
from genrelab.library.store.database import Database

COUNT = 2000
FAILED = COUNT // 500


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("library") / "many.db", COUNT, numbers=24)


def directions(library: Library) -> np.ndarray:
    return np.concatenate([block for _, block in read_embeddings(library, MODEL)])


def test_a_small_library_is_laid_out_as_the_map_is(path: Path) -> None:
    with Library(path) as library:
        found = lay_out_library(library, MODEL, sample=COUNT)
        np.testing.assert_array_equal(found.places, lay_out(directions(library)))
    assert not found.sampled and len(found.tracks) == COUNT - FAILED


def test_all_tracks_are_put_around_the_sample(path: Path) -> None:
    shares: list[float] = []

    def note(share: float) -> bool:
        shares.append(share)
        return True

    with Library(path) as library:
        found = lay_out_library(library, MODEL, sample=400, progress=note)
        again = lay_out_library(library, MODEL, sample=400)
        whole = directions(library)
        np.testing.assert_allclose(found.places[::5], lay_out(whole[::5]), atol=1e-6, err_msg="the sample")
        kept = kept_neighbours(whole, found.places)
        kept_by_all = kept_neighbours(whole, lay_out(whole))
    assert found.sampled and found.places.shape == (COUNT - FAILED, 2)
    assert [track.path for track in found.tracks] == sorted(
        track_path(number) for number in range(COUNT) if number % 500 != 499
    )
    np.testing.assert_array_equal(found.places, again.places)
    assert found.places.min() >= 0 and found.places.max() <= 1
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == pytest.approx(1)
    assert kept > 0.5 * kept_by_all > 0.1
    assert kept > 5 * 15 / COUNT, "chance"


def test_tracks_of_one_genre_and_artist_are_near(path: Path) -> None:
    with Library(path) as library:
        found = lay_out_library(library, MODEL, sample=300)
    number = [int(track.path[-10:-4]) for track in found.tracks]
    groups = np.array([each // 100 * len(GENRES) + each % len(GENRES) for each in number])
    middles = {group: found.places[groups == group].mean(axis=0) for group in np.unique(groups)}
    within = np.linalg.norm(found.places - np.stack([middles[group] for group in groups]), axis=1).mean()
    across = np.linalg.norm(found.places - found.places.mean(axis=0), axis=1).mean()
    assert within < 0.4 * across


def test_copies_lie_on_one_another_and_folders_are_left_out(tmp_path: Path) -> None:
    path = fill(tmp_path / "l.db", 600, numbers=8)
    with Library(path) as library:
        library.database.execute(
            "UPDATE tracks SET embedding = (SELECT embedding FROM tracks WHERE id = 1) WHERE id <= 200"
        )
        found = lay_out_library(library, MODEL, sample=100)
        some = lay_out_library(library, MODEL, sample=100, folders=(b"/music/Artist 0003",))
        none = lay_out_library(library, MODEL, folders=(b"/music/Artist 000",))
    copies = found.places[:200]
    assert np.linalg.norm(copies - copies.mean(axis=0), axis=1).max() < 0.1
    assert {track.path.split(b"/")[2] for track in some.tracks} == {b"Artist 0003"} and len(
        some.tracks
    ) == 100
    assert len(none.tracks) == 0 and none.places.shape == (0, 2)


def test_a_layout_can_be_given_up(path: Path) -> None:
    with Library(path) as library, pytest.raises(LayoutStopped):
        lay_out_library(library, MODEL, sample=100, progress=lambda share: share < 0.5)


def test_too_long_embeddings_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.library.explore.layout.MOST_NUMBERS", 23)
    with Library(path) as library, raises("layout-embedding-too-long", MODEL, 24):
        lay_out_library(library, MODEL)


def test_many_tracks_make_a_valid_library(path: Path) -> None:
    with Library(path) as library:
        records = list(library.tracks.all())
    assert len(records) == COUNT
    assert sum(record.error is not None for record in records) == FAILED
    assert not any(record.error and "damaged" in record.error for record in records)
    assert Database(path).rows("SELECT count(*) FROM tracks") == [(COUNT,)]
