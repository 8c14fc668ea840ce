"""The picture of the collection: its layout, and its page."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_pages import read_data, unpacked
from raising import raises
from sklearn.manifold import trustworthiness

from genrelab.library import Library
from genrelab.library.explore.chart.columns import TrackColumns
from genrelab.library.explore.chart.components import principal_components
from genrelab.library.explore.chart.payload import Tiles, divide, on_grid, pack
from genrelab.library.explore.chart.placing import place
from genrelab.library.explore.chart.quality import kept_neighbours
from genrelab.library.explore.map import Survey, write_map
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.pages.palette import assign
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import TagScore

Put = Callable[..., Path]


def directions(count: int, length: int = 24, *, groups: int = 6) -> np.ndarray:
    """Embeddings that lie about curves, as those of music do."""
    generator = np.random.default_rng(count)
    middles = generator.standard_normal((groups, length))
    found = middles[np.arange(count) % groups] + 0.5 * generator.standard_normal((count, length))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def lay_out(points: np.ndarray) -> np.ndarray:
    return place(principal_components(points, np.arange(len(points)))).places


def test_the_layout_keeps_more_neighbours_than_principal_components() -> None:
    points = directions(300)
    plain, refined = principal_components(points, np.arange(300))[:, :2], lay_out(points)
    before, after = (trustworthiness(points, y, n_neighbors=10, metric="cosine") for y in (plain, refined))
    assert after > before + 0.02 and after > 0.95
    assert kept_neighbours(points, refined) > kept_neighbours(points, plain) + 0.05
    assert kept_neighbours(points, points) == 1.0


def test_the_same_again() -> None:
    points = directions(80)
    np.testing.assert_array_equal(lay_out(points), lay_out(points.copy()))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(1, 70), st.booleans())
def test_any_number_of_tracks_is_on_the_page(count: int, length: int, alike: bool) -> None:
    points = directions(count, length)
    if alike:
        points[:] = points[0]
    places = lay_out(points)
    assert places.shape == (count, 2) and np.isfinite(places).all()
    assert places.min() >= -1e-6 and places.max() <= 1 + 1e-6
    assert 0 <= kept_neighbours(points, places) <= 1


@pytest.fixture
def put(library: Library, tmp_path: Path) -> Put:
    def put(
        name: bytes, embedding: np.ndarray | None, *, genre: str = "rock", model: str = "m", sound: str = ""
    ) -> Path:
        path = Path(os.fsdecode(os.fsencode(tmp_path / "music") + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound.encode() or name)
        recognition = Recognition(
            path, model, duration=60.0, genre=genre, confidence=0.5, embedding=embedding
        )
        library.tracks.store(FileSnapshot(path), recognition)
        return path

    return put


class Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        self.data = read_data(unpacked(text.encode(), "data"))
        self.names = unpacked(text.encode(), "names").decode().split("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and not self.scripts[-1].strip():
            self.scripts[-1] = data
        elif self.lasttag not in ("script", "style"):
            self.words += data


def page(library: Library, *paths: Path, model: str | None = None) -> Page:
    out = io.BytesIO()
    write_map(Survey.take(library, paths, model=model), out)
    return Page(out.getvalue().decode("utf-8"))


ODD = [
    *(b"</script><script>alert(1)</script>.mp3", b"<b>&amp;.mp3", b"\xff\xfe.mp3", b"a\nb.mp3", b"$data.mp3"),
    "\u202egnp.mp3".encode(),
]


def test_the_page_has_every_track_and_no_way_out(put: Put, library: Library) -> None:
    for name, vector in zip(ODD, directions(6), strict=True):
        put(name.replace(b"/", b"_"), vector, genre="<i>rock</i>")
    found = page(library)
    assert sorted(found.names) == sorted(
        [
            "<_script><script>alert(1)<_script>.mp3",
            "<b>&amp;.mp3",
            "\\udcff\\udcfe.mp3",
            "a\\nb.mp3",
            "$data.mp3",
        ]
        + ["\\u202egnp.mp3"]
    )
    assert len(found.scripts) == 3 and "<i>rock</i>" in found.words
    assert {len(found.data[key]) for key in ("row", "genre", "confidence", "copies", "x", "y")} == {6}
    assert sorted(found.data["row"]) == list(range(6))
    kinds = {tag for tag, _ in found.tags}
    assert not kinds & {"i", "b", "link", "img", "iframe", "object", "base", "form"}
    assert not [
        attrs for _, attrs in found.tags if {"src", "href", "onclick", "onload", "style"} & set(attrs)
    ]
    (policy,) = (attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(found.scripts[-1].encode()).digest()).decode()
    assert policy is not None and f"'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")
    assert not re.search(r"https?:|//[a-z]", re.sub(r"^ *//.*$", "", found.scripts[-1], flags=re.MULTILINE))


def test_the_table_has_the_counts_for_those_who_do_not_see(put: Put, library: Library) -> None:
    for number, vector in enumerate(directions(10)):
        put(b"%d.mp3" % number, vector, genre=["jazz", "unsure", "classical"][number % 3])
    found = page(library)
    assert re.search(r"classical\s*3\s*30 %\s*50 %\s*jazz\s*4\s*40 %\s*50 %\s*unsure\s*3", found.words)
    (canvas,) = (attrs for tag, attrs in found.tags if tag == "canvas" and "aria-label" in attrs)
    assert canvas["aria-label"] is not None and "classical 3, jazz 4, unsure 3" in canvas["aria-label"]
    marks = [(attrs.get("fill"), attrs["d"]) for tag, attrs in found.tags if tag == "path"]
    assert len(set(marks)) == 3
    assert [fill for fill, _ in marks] == [assign([genre])[genre][0] for genre in ("classical", "jazz")] + [
        None
    ]


def test_forty_genres_have_marks_of_their_own(put: Put, library: Library) -> None:
    for number, vector in enumerate(directions(40)):
        put(b"%d.mp3" % number, vector, genre=f"genre {number:02}")
    marks = [(attrs["fill"], attrs["d"]) for tag, attrs in page(library).tags if tag == "path"]
    assert len(set(marks)) == 40


def test_files_without_a_mark_are_counted(put: Put, library: Library) -> None:
    vectors = directions(8)
    put(b"a/1.mp3", vectors[0], sound="same")
    put(b"b/1.mp3", vectors[0], sound="same")
    put(b"b/2.mp3", vectors[1])
    put(b"b/3.mp3", vectors[2]).unlink()
    put(b"b/4.mp3", None)
    put(b"b/5.mp3", vectors[4], model="another")
    survey = Survey.take(library)
    assert [os.path.basename(path) for path in survey.tracks.paths] == [b"1.mp3", b"2.mp3"]
    assert survey.tracks.copies.tolist() == [1, 0]
    text = " ".join(survey.left_out())
    for words in (
        "1 file with the same",
        "1 whose file no longer",
        "1 recognized with a model other",
        "1 that are silent",
    ):
        assert words in text and words in page(library).words.replace("\n", " ")
    assert page(library).names == [os.path.join("a", "1.mp3"), os.path.join("b", "2.mp3")]
    assert page(library, model="another").names == ["5.mp3"]
    folder = Path(os.fsdecode(survey.tracks.paths[0])).parent.parent / "b"
    assert page(library, folder).names == ["1.mp3", "2.mp3"]


def test_tags_can_be_chosen_on_the_page(put: Put, library: Library, tmp_path: Path) -> None:
    for number, vector in enumerate(directions(4)):
        put(b"%d.mp3" % number, vector)
    without = page(library)
    assert not [tag for tag, _ in without.tags if tag == "select"] and not len(without.data["tags"])
    for number, present in ((0, True), (1, False), (2, True)):
        path = tmp_path / "music" / f"{number}.mp3"
        tags = (TagScore("style", "<b>&", 0.9, present), TagScore("mood", "calm", 0.8, True))
        said = Recognition(path, "m", 60.0, "rock", 0.5, tags=tags, embedding=directions(4)[number])
        library.tracks.store(FileSnapshot(path), said)
    found = page(library)
    (options,) = re.findall(r"all recordings\s*(.*?)\n\s*\n", found.words, re.S)
    assert [line.strip() for line in options.splitlines()] == ["mood:calm (3)", "style:<b>& (2)"]
    assert [attrs["value"] for tag, attrs in found.tags if tag == "option"] == ["", "0", "1"]
    ends = np.cumsum(found.data["tagCounts"])
    tags = {row: set(found.data["tags"][end - count : end]) for row, end, count in zip(
        found.data["row"], ends, found.data["tagCounts"], strict=True)}  # fmt: skip
    assert tags == {0: {0, 1}, 1: {0}, 2: {0, 1}, 3: set()}
    assert found.data["tagNames"] == found.data["tagLabels"] == ["mood:calm", "style:<b>&"]


def test_nothing_to_draw(put: Put, library: Library) -> None:
    with raises("map-without-tracks", library.path, "`genrelab recognize`"):
        Survey.take(library)
    put(b"silent.mp3", None)
    with raises("map-without-tracks", library.path):
        Survey.take(library)


def boxes(tiles: Tiles) -> list[tuple[slice, float, float, float]]:
    """The positions of the points of each tile, its left and low edge, and its side."""
    ends = np.cumsum(tiles.count)
    return [
        (slice(end - count, end), column / 2.0**level, row / 2.0**level, 1 / 2.0**level)
        for end, count, level, column, row in zip(
            ends, tiles.count, tiles.level.astype(int), tiles.column, tiles.row, strict=True
        )
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 400), st.booleans())
def test_each_point_is_in_one_tile_and_within_it(count: int, most: int, alike: bool) -> None:
    places = np.random.default_rng(count).random((count, 2), dtype=np.float32) ** 2
    if alike:
        places[:] = places[0]
    grid = on_grid(places)
    tiles = divide(grid, most=most)
    assert sorted(tiles.order) == list(range(count))
    assert sorted(tiles.level) == list(tiles.level), "coarse tiles come first"
    assert (tiles.count[tiles.level < 8] <= most).all() and tiles.count.sum() == count
    for some, left, low, side in boxes(tiles):
        inside = grid[tiles.order[some]] / 2.0**20
        assert (inside >= (left, low)).all() and (inside < (left + side, low + side)).all()


def test_the_first_tile_is_a_sample_of_the_whole() -> None:
    places = np.random.default_rng(3).random((20_000, 2), dtype=np.float32)
    tiles = divide(on_grid(places), most=2000)
    assert tiles.count[0] == 2000
    counts, _, _ = np.histogram2d(*places[tiles.order[:2000]].T, bins=4, range=[[0, 1], [0, 1]])
    assert counts.min() > 2000 / 16 * 0.6, "every region has its share"


def test_places_are_packed_to_the_last_bit() -> None:
    draw = np.random.default_rng(4)
    places = draw.random((500, 2), dtype=np.float32)
    genre = draw.integers(2, size=500).astype(np.uint16)
    tracks = TrackColumns(
        np.arange(500), [b"/%03d" % n for n in range(500)], ("a", "b"), genre,
        draw.random(500).astype(np.float32), draw.integers(9, size=500).astype(np.uint32),
    )  # fmt: skip
    found = read_data(pack(tracks, places, {}))
    row = found["row"]
    grid = on_grid(places)[row]
    np.testing.assert_array_equal(found["x"].astype(int) << 4 | found["low"] >> 4, grid[:, 0])
    np.testing.assert_array_equal(found["y"].astype(int) << 4 | found["low"] & 15, grid[:, 1])
    for name in ("genre", "copies"):
        np.testing.assert_array_equal(found[name], getattr(tracks, name)[row])
    np.testing.assert_allclose(found["confidence"] / 100, tracks.confidence[row], atol=0.00501)
