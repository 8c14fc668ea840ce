"""The layout of a large library around a sample keeps what the layout of all tracks shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from many_tracks import GENRES, MODEL, fill, track_path
from raising import raises

from genrelab.library import Library
from genrelab.library.explore.chart import placing
from genrelab.library.explore.chart.columns import Wanted
from genrelab.library.explore.chart.components import principal_components
from genrelab.library.explore.chart.placing import place
from genrelab.library.explore.chart.quality import kept_neighbours, nearest_places
from genrelab.library.explore.layout import LayoutStopped, lay_out_library
from genrelab.library.store.database import Database
from genrelab.library.vectors import open_vectors

COUNT = 2000
FAILED = COUNT // 500


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("library") / "many.db", COUNT, numbers=24)


@pytest.fixture
def sample_of_400(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.library.explore.chart.placing.WHOLE", 400)
    monkeypatch.setattr("genrelab.library.explore.chart.placing._NEARBY", 200)
    monkeypatch.setattr("genrelab.library.explore.chart.placing._FACTOR", 3)
    monkeypatch.setattr("genrelab.library.explore.layout.WHOLE", 400)


def test_a_small_library_is_laid_out_as_a_whole(path: Path) -> None:
    with Library(path) as library:
        found = lay_out_library(library, Wanted(MODEL))
        vectors = open_vectors(library, MODEL)
        assert vectors is not None
        whole = principal_components(vectors.matrix, found.rows)
    np.testing.assert_array_equal(found.places, place(whole).places)
    assert not found.sampled and len(found.tracks) == COUNT - FAILED
    assert found.kept == kept_neighbours(vectors.matrix, found.places, found.rows) > 0.3


@pytest.mark.usefixtures("sample_of_400")
def test_all_tracks_settle_around_a_sample(path: Path) -> None:
    shares: list[float] = []

    def note(share: float) -> bool:
        shares.append(share)
        return True

    with Library(path) as library:
        found = lay_out_library(library, Wanted(MODEL), progress=note)
        again = lay_out_library(library, Wanted(MODEL))
    assert found.sampled and found.places.shape == (COUNT - FAILED, 2)
    assert found.tracks.paths == sorted(track_path(number) for number in range(COUNT) if number % 500 != 499)
    np.testing.assert_array_equal(found.places, again.places)
    np.testing.assert_array_equal(found.neighbours, again.neighbours)
    assert found.places.min() >= 0 and found.places.max() <= 1
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == pytest.approx(1)


def test_a_sample_loses_few_neighbours(path: Path, request: pytest.FixtureRequest) -> None:
    with Library(path) as library:
        whole = lay_out_library(library, Wanted(MODEL)).kept
        request.getfixturevalue("sample_of_400")
        around = lay_out_library(library, Wanted(MODEL)).kept
    assert around > 0.95 * whole > 0.3


@pytest.mark.usefixtures("sample_of_400")
def test_a_map_is_enlarged_as_its_tracks_grow_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[tuple[int, float]] = []

    def watched(places: np.ndarray, *_: object, **__: object) -> np.ndarray:
        sides.append((len(places), float(np.ptp(places, axis=0).max())))
        return places

    monkeypatch.setattr(placing, "refine_nearby", watched)
    draw = np.random.default_rng(2)
    place(
        (draw.normal(size=(40, 8))[np.arange(3000) % 40] * 3 + draw.normal(size=(3000, 8))).astype(np.float32)
    )
    assert [count for count, _ in sides] == [1200, 3000]
    assert sides[1][1] / sides[0][1] == pytest.approx((3000 / 1200) ** 0.5, rel=0.1)
    assert sides[0][1] > 15 * (1200 / 200) ** 0.5 / 2, "and from the first sample on"


@pytest.mark.usefixtures("sample_of_400")
def test_tracks_of_one_genre_and_artist_are_near(path: Path) -> None:
    with Library(path) as library:
        found = lay_out_library(library, Wanted(MODEL))
    number = [int(path[-10:-4]) for path in found.tracks.paths]
    groups = np.array([each // 100 * len(GENRES) + each % len(GENRES) for each in number])
    middles = {group: found.places[groups == group].mean(axis=0) for group in np.unique(groups)}
    within = np.linalg.norm(found.places - np.stack([middles[group] for group in groups]), axis=1).mean()
    across = np.linalg.norm(found.places - found.places.mean(axis=0), axis=1).mean()
    assert within < 0.4 * across


def test_copies_lie_together_and_folders_are_left_out(tmp_path: Path) -> None:
    path = fill(tmp_path / "l.db", 600, numbers=8)
    with Library(path) as library:
        library.database.execute(
            "UPDATE tracks SET embedding = (SELECT embedding FROM tracks WHERE id = 1) WHERE id <= 200"
        )
        found = lay_out_library(library, Wanted(MODEL))
        some = lay_out_library(library, Wanted(MODEL, folders=(b"/music/Artist 0003",)))
        none = lay_out_library(library, Wanted(MODEL, folders=(b"/music/Artist 000",)))
    near = nearest_places(found.places, np.arange(200), 5)
    assert (near < 200).mean() > 0.95, "copies are one group"
    assert {each.split(b"/")[2] for each in some.tracks.paths} == {b"Artist 0003"}
    assert len(some.tracks) == 100
    assert len(none.tracks) == 0 and none.places.shape == (0, 2)


def test_a_layout_can_be_given_up(path: Path) -> None:
    with Library(path) as library, pytest.raises(LayoutStopped):
        lay_out_library(library, Wanted(MODEL), progress=lambda share: share < 0.5)


def test_too_long_embeddings_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.library.explore.layout.MOST_NUMBERS", 23)
    with Library(path) as library, raises("layout-embedding-too-long", MODEL, 24):
        lay_out_library(library, Wanted(MODEL))


def test_many_tracks_make_a_valid_library(path: Path) -> None:
    with Library(path) as library:
        records = list(library.tracks.all())
    assert len(records) == COUNT
    assert sum(record.error is not None for record in records) == FAILED
    assert not any(record.error and "damaged" in record.error for record in records)
    assert Database(path).rows("SELECT count(*) FROM tracks") == [(COUNT,)]
