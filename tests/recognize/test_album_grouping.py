"""Which tracks form an album by their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_onnx import tiny_metadata

from genrelab.recognize import Problem, RankedGenre, Recognition, SheetTrack
from genrelab.recognize.albums import AlbumPlace, AlbumTags, combine, follow_albums, places_by_tags
from genrelab.recognize.albums.names import artist_key, is_various, title_key

Tags = Mapping[str, AlbumTags]


def album(title: str | None, album_artist: str | None = None, artist: str | None = None) -> AlbumTags:
    return AlbumTags(title, album_artist, artist)


def groups(tags: Tags) -> dict[str, AlbumPlace]:
    """Return the album of each path."""
    paths = [Path(path) for path in tags]
    places = places_by_tags(paths, lambda path: tags[path.as_posix()])
    return {path: place for path, place in zip(tags, places, strict=True) if place is not None}


def together(tags: Tags) -> list[list[str]]:
    """Return the paths of each album."""
    found: dict[str, list[str]] = {}
    for path, place in groups(tags).items():
        found.setdefault(place.key, []).append(path)
    return list(found.values())


def test_albums_in_one_folder() -> None:
    tags = {"m/1.mp3": album("Debut", "Band"), "m/2.mp3": album("DEBUT ", "band")}
    found = groups({**tags, "m/3.mp3": album("Second", "Band")})
    one, two, three = found.values()
    assert one.key == two.key != three.key
    assert (one.unit, one.path, one.title, one.artist) == ("album", Path("m"), "Debut", "Band")
    assert one.compilation is None


@pytest.mark.parametrize(
    "folders",
    [
        ("Band/Box", "Band/Box"),
        ("Band/Box/CD1", "Band/Box/CD2"),
        ("Band/Box (Disc 1)", "Band/Box (Disc 2)"),
        ("Band/Box", "Band/Box/Bonus"),
        ("Band/Box", "Band/Box/Extras/More"),
        ("a", "a"),
        ("/a", "/b"),
    ],
)
def test_folders_that_belong_together(folders: tuple[str, str]) -> None:
    tags = {f"{folder}/{number}.mp3": album("Box", "Band") for number, folder in enumerate(folders)}
    assert len(together(tags)) == 1
    assert len(together({path: album("Box", None, "Band") for path in tags})) == 1


@pytest.mark.parametrize("folders", [("a/x", "b/x"), ("flac/Band/Box", "mp3/Band/Box"), ("a/b/c", "d")])
def test_folders_that_do_not(folders: tuple[str, str]) -> None:
    """Copies of an album in different places have records of their own."""
    assert len(together({f"{folder}/1.mp3": album("Box", "Band") for folder in folders})) == 2


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Box (Disc 1)", "Box (Disc 2)"), ("Box [CD 1]", "Box CD2"), ("Box, Disc One", "box"),
        ("Box  Set", "BOX SET"), ("Ｂｏｘ", "Box"), ("Straße", "STRASSE"), ("Box - CD 1 of 2", "Box"),
    ],
)  # fmt: skip
def test_titles_that_are_the_same(one: str, two: str) -> None:
    assert title_key(one) == title_key(two) != ""
    assert len(together({"m/1.mp3": album(one, "Band"), "m/2.mp3": album(two, "Band")})) == 1


@pytest.mark.parametrize(
    ("one", "two"),
    [("Volume 1", "Volume 2"), ("Live", "Live (Deluxe Edition)"), ("ABCD1", "ABCD2"), ("Disc 1", "Disc 2")]
    + [("1", "2"), ("1989", "1999"), ("!", "!!")],
)  # fmt: skip
def test_titles_that_differ(one: str, two: str) -> None:
    assert title_key(one) != title_key(two)


def test_equal_titles_of_two_artists_are_two_albums() -> None:
    hits = "Greatest Hits"
    with_artist = {f"m/{n}.mp3": album(hits, "Queen" if n < 4 else "ABBA") for n in range(9)}
    assert sorted(map(len, together(with_artist))) == [4, 5]
    without = {f"m/{n}.mp3": album(hits, None, "Queen" if n < 4 else "ABBA") for n in range(9)}
    assert sorted(map(len, together(without))) == [4, 5]
    beside = {f"m/{a}/{n}.mp3": album(hits, None, a) for a, some in (("Q", 9), ("A", 2)) for n in range(some)}
    assert sorted(map(len, together(beside))) == [2, 9]
    assert all(place.unit == "album" for place in groups(beside).values())


def test_guests_do_not_divide_an_album() -> None:
    artists = ["Queen"] * 5 + ["QUEEN feat. David Bowie", "Queen (ft. X)", "Bowie", "Freddie", "Brian"]
    tags = {f"m/{n}.mp3": album("Box", None, artist) for n, artist in enumerate(artists)}
    ((paths),) = together(tags)
    assert len(paths) == 10 and groups(tags)["m/0.mp3"].compilation is None
    classical = {f"m/{n}.mp3": album("Box", "Orchestra", f"Composer {n}") for n in range(9)}
    assert len(together(classical)) == 1 and groups(classical)["m/0.mp3"].unit == "album"


def test_a_missing_artist_of_the_album_is_that_of_the_others() -> None:
    tags = {f"m/{n}.mp3": album("Box", "Band" if n else None, f"Artist {n}") for n in range(6)}
    assert len(together(tags)) == 1


@pytest.mark.parametrize(
    ("tags", "sign"),
    [
        ([album("Hits", "Various Artists", "A")] * 2, "various artists"),
        ([album("Hits", "VA", "A")] * 2, "various artists"),
        ([album("Hits", "Verschiedene Interpreten")], "various artists"),
        ([album("Hits", None, "Various Artists")] * 3, "various artists"),
        ([album("Hits", None, f"Artist {n}") for n in range(3)], "many artists"),
        ([album("Hits", None, artist) for artist in "AAAABBCCD"], "many artists"),
        ([album("Debut", None, artist) for artist in "AAAAABBCD"], None),
        ([album("Hits", None, f"Artist {n}")._replace(compilation=True) for n in range(3)], "flag"),
        ([album("Mix", "DJ", f"Artist {n}")._replace(compilation=True) for n in range(5)], "flag"),
        ([album("Best of", "Queen", "Queen")._replace(compilation=True)] * 3, None),
        ([album("Split", None, "A"), album("Split", None, "B")], None),
        ([album("Hits", None, None)] * 3, None),
    ],
)
def test_compilations(tags: Sequence[AlbumTags], sign: str | None) -> None:
    found = groups({f"m/{number}.mp3": each for number, each in enumerate(tags)})
    assert {place.compilation for place in found.values()} == {sign}
    assert {place.unit for place in found.values()} == {"track" if sign else "album"}


def test_spellings_of_one_artist() -> None:
    for one, other in (
        ("Beyoncé", "BEYONCE"), ("AC/DC", "AC-DC"), ("The Beatles", "beatles"), ("V.A.", "Various Artists"),
        ("Guns N' Roses", "Guns and Roses"), ("Björk (feat. X)", "Björk"),
    ):  # fmt: skip
        assert artist_key(one) == artist_key(other) != ""
    for one, other in (
        ("!!!", "???"),
        ("Seal", "Seals"),
        ("クラムボン", "クラフト"),
        ("VariousX", "Various"),
    ):
        assert artist_key(one) != artist_key(other)
    assert is_various(artist_key("V.A.")) and not is_various(artist_key("Various Cruelties"))
    assert title_key("Vol. 1 [Disc 2]") == title_key("VOL 1") != title_key("Vol. 2")


def test_without_tags_the_folder() -> None:
    nothing = AlbumTags()
    tags = {
        "m/1.mp3": nothing,
        "m/2.mp3": album("Unknown Album", "X"),
        "n/CD1/1.mp3": nothing,
        "n/2.mp3": nothing,
    }
    assert together(tags) == [["m/1.mp3", "m/2.mp3"], ["n/CD1/1.mp3", "n/2.mp3"]]
    assert {place.unit for place in groups(tags).values()} == {"folder"}


def test_a_track_without_tags_belongs_to_the_only_album_of_its_folder() -> None:
    nothing = AlbumTags()
    one = {"m/1.mp3": album("Debut", "Band"), "m/2.mp3": nothing}
    assert len(together(one)) == 1
    two = {**one, "m/3.mp3": album("Second", "Band")}
    assert together(two) == [["m/1.mp3"], ["m/2.mp3"], ["m/3.mp3"]]
    assert groups(two)["m/2.mp3"].unit == "folder"


def test_paths_of_albums(tmp_path: Path) -> None:
    box, bonus = tmp_path / "Band" / "Box", tmp_path / "Band" / "Bonus"
    tags = {f"{folder}/1.mp3": album("Box", "Band") for folder in (box, bonus)}
    assert {place.path for place in groups(tags).values()} == {tmp_path / "Band"}
    relative = {f"{folder}/1.mp3": album("Box", "Band") for folder in ("Box", "Bonus")}
    assert {place.path for place in groups(relative).values()} <= {Path("."), Path("Box")}


def record(path: Path | SheetTrack) -> Recognition:
    ranked = tuple(RankedGenre(*each) for each in (("low", 0.8), ("middle", 0.1), ("high", 0.1)))
    values: dict[str, Any] = {"genre": "low", "confidence": 0.8, "genres": ranked}
    track = path if isinstance(path, SheetTrack) else None
    return Recognition(track.path if track else Path(path), "m", track=track, **values)  # type: ignore[arg-type]


def test_tracks_of_a_compilation_have_records_of_their_own() -> None:
    files = [Path("m/1.mp3"), Path("m/2.mp3"), Path("m/../m/1.mp3")]
    read = {path.name: album("Hits", "Various Artists", path.name) for path in files}
    found = combine(map(record, files), tiny_metadata(), read_tags=lambda path: read[path.name])
    assert [(each.path, each.tracks, each.genre) for each in found] == [
        (Path("m/1.mp3"), 1, "low"), (Path("m/2.mp3"), 1, "low")
    ]  # fmt: skip
    facts = found[0].to_dict()
    assert {key: facts[key] for key in ("unit", "title", "artist", "compilation", "track")} == {
        "unit": "track", "title": "Hits", "artist": "Various Artists", "compilation": "various artists",
        "track": None,
    }  # fmt: skip


def test_sheets_of_many_performers_are_compilations() -> None:
    def sheet(name: str, *performers: str) -> list[SheetTrack]:
        return [
            SheetTrack(Path("m/a.flac"), Path(name), number, float(number), performer=performer)
            for number, performer in enumerate(performers, start=1)
        ]

    files = [*sheet("m/one.cue", "Band", "Band", "Guest"), *sheet("m/mix.cue", "A", "B", "C")]
    found = combine(map(record, files), tiny_metadata(), read_tags=lambda path: AlbumTags())
    assert [(each.path.name, each.unit, each.track, each.compilation) for each in found] == [
        ("one.cue", "sheet", None, None),
        *(("a.flac", "track", number, "many artists") for number in (1, 2, 3)),
    ]


def test_each_file_is_read_once_and_problems_never() -> None:
    read: list[Path] = []

    def reader(path: Path) -> AlbumTags:
        read.append(path)
        return album("Debut", "Band")

    files = [Path("m/1.mp3"), Problem(Path("m/x"), "missing"), Path("m/1.mp3"), Path("m/2.mp3")]
    places = places_by_tags(files, reader)
    assert read == [Path("m/1.mp3"), Path("m/2.mp3")] and places[1] is None
    records = [
        record(each) if isinstance(each, Path) else Recognition(each.path, "m", error="x") for each in files
    ]
    assert [each.tracks for each in follow_albums(places, records, tiny_metadata())] == [0, 2]
