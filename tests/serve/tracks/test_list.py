"""Lists of tracks: search, filters, order, pages, names, damage."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import unicodedata
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from genrelab.library import Library
from genrelab.library.explore.playlist import TrackNames
from genrelab.serve import track_id
from genrelab.serve.guard.roots import Roots
from genrelab.serve.tracks import names

ALL = 10  # tracks in the folder of `conftest.fill`
LOW = {"low one.mp3", "low two.mp3", '<img src=x onerror="alert(1)">.mp3'}


def named(shown, **query: object):
    """Ask until the tags of all listed files have been read, which happens in the background."""
    end = time.monotonic() + 30
    while True:
        answer = shown.get("/tracks", **query)
        if all(item["named"] for item in answer["items"]):
            return answer
        assert time.monotonic() < end, "names are not read"


def test_every_track_is_listed_with_what_was_recognized(shown) -> None:
    answer = named(shown)
    assert (answer["total"], answer["offset"], len(answer["items"])) == (ALL, 0, ALL)
    items = {item["name"]: item for item in answer["items"]}
    low = items["low one.mp3"]
    assert (low["genre"], low["best"], low["error"]) == ("low", "low", None)
    assert low["confidence"] > low["second_confidence"] > 0 and low["second"] == "middle"
    assert low["path"] == os.fspath(shown.root / "Björk" / "low one.mp3")
    assert (low["title"], low["artist"], low["named"]) == ("Lied ohne Wörter", "Ensemble Ω", True)
    assert low["duration"] == pytest.approx(3.0, abs=0.1)
    assert low["tags"] == ["mood:calm"] or "mood:calm" in low["tags"]
    unsure = items["unsure.wav"]
    assert (unsure["genre"], unsure["error"]) == (None, None) and unsure["best"] in ("middle", "high")
    assert items["silent.wav"]["best"] is None and items["silent.wav"]["genre"] is None
    assert items["broken.mp3"]["error"] and items["broken.mp3"]["genre"] is None


def test_names_that_are_html_or_not_utf8_arrive_as_they_are_and_lead_back(shown) -> None:
    names = shown.names(limit=500)
    assert '<img src=x onerror="alert(1)">.mp3' in names and "caf\\xe9.mp3" in names
    item = next(item for item in shown.get("/tracks")["items"] if item["name"] == "caf\\xe9.mp3")
    assert track_id.decode(item["id"]) == os.fsencode(shown.root) + b"/caf\xe9.mp3"
    assert shown.get(f"/tracks/{item['id']}")["name"] == "caf\\xe9.mp3"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"genre": "low"}, LOW),
        ({"genre": ["high", "low"]}, LOW | {"high.mp3"}),
        ({"genre": "unsure"}, {"unsure.wav", "silent.wav"}),
        ({"genre": "polka"}, set()),
        ({"unsure": "true"}, {"unsure.wav", "silent.wav"}),
        ({"error": "true"}, {"broken.mp3"}),
        ({"tag": "mood:calm", "search": "low one"}, {"low one.mp3"}),
        ({"where": "genre=low, confidence>0.5", "search": "two"}, {"low two.mp3"}),
        ({"search": "BJORK"}, {"low one.mp3", "low two.mp3"}),
        ({"search": "bjo\u0308rk one"}, {"low one.mp3"}),
        ({"search": "one two"}, set()),
        ({"search": "%"}, set()),
        ({"search": "<img"}, {'<img src=x onerror="alert(1)">.mp3'}),
        ({"search": "music0"}, set()),  # the root is not searched
        ({"folder": "Björk"}, {"low one.mp3", "low two.mp3"}),
        ({"max_confidence": 0}, {"silent.wav"}),
    ],
)
def test_conditions_choose_tracks(shown, query: dict[str, object], expected: set[str]) -> None:
    answer = shown.get("/tracks", **query)
    assert {item["name"] for item in answer["items"]} == expected
    assert answer["total"] == len(expected)


def test_a_folder_in_the_other_normal_form_is_found(shown) -> None:
    assert len(shown.names(folder=unicodedata.normalize("NFD", "Björk"))) == 2


def test_orders_are_those_of_the_values_and_reversed(shown) -> None:
    items = shown.get("/tracks")["items"]
    paths = [track_id.decode(item["id"]) for item in items]
    assert paths == sorted(paths)
    reverse = [track_id.decode(item["id"]) for item in shown.get("/tracks", sort="-path")["items"]]
    assert reverse == paths[::-1]
    for key in ("confidence", "duration"):
        for sort, sign in ((key, 1), (f"-{key}", -1)):
            values = [item[key] for item in shown.get("/tracks", sort=sort)["items"]]
            known = [value for value in values if value is not None]
            assert known == sorted(known, reverse=sign < 0) and values[len(known) :] == [None]
    genres = [item["genre"] for item in shown.get("/tracks", sort="genre")["items"]]
    assert genres == ["high", *["low"] * 3, *["middle"] * 3, None, None, None]
    genres = [item["genre"] for item in shown.get("/tracks", sort="-genre")["items"]]
    assert genres == [*["middle"] * 3, *["low"] * 3, "high", None, None, None]


@pytest.mark.parametrize("sort", ["path", "-confidence"])
def test_pages_together_are_the_list(shown, sort: str) -> None:
    whole = [item["id"] for item in shown.get("/tracks", sort=sort)["items"]]
    pages = [shown.get("/tracks", sort=sort, offset=offset, limit=3) for offset in range(0, 14, 3)]
    assert [item["id"] for page in pages for item in page["items"]] == whole
    assert {page["total"] for page in pages} == {ALL}
    assert shown.get("/tracks", limit=0)["items"] == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sort": "title"}, (422, "request-invalid")),
        ({"limit": 501}, (422, "request-invalid")),
        ({"offset": -1}, (422, "request-invalid")),
        ({"min_confidence": "nan"}, (422, "request-invalid")),
        ({"search": "a" * 201}, (422, "request-invalid")),
        ({"search": " ".join("abcdefghijk")}, (422, "search-too-long")),
        ({"folder": "/etc"}, (403, "outside-roots")),
        ({"folder": "../.."}, (403, "outside-roots")),
        ({"tag": "mood:nothing"}, (422, "where-name-unknown")),
        ({"where": "1; DROP TABLE tracks"}, (422, "where-unreadable")),
        ({"genres": "low"}, (422, "request-unknown-field")),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    shown, query: dict[str, object], expected: tuple[int, str]
) -> None:
    assert shown.problem("/tracks", **query) == expected


def test_only_tracks_under_the_roots_are_shown(shown, show) -> None:
    inner = show(shown.library, shown.model, shown.root / "Björk")
    assert inner.names() == ["low one.mp3", "low two.mp3"]
    assert inner.get("/tracks", sort="confidence")["total"] == 2
    assert inner.problem(f"/tracks/{shown.id('high.mp3')}") == (404, "track-unknown")
    assert inner.get("/statistics")["tracks"] == 2
    assert inner.get("/map")["names"] == ["low one.mp3", "low two.mp3"]


def test_a_root_is_no_prefix_of_names(shown, show, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with Library(tmp_path / "l.db") as library, closing(sqlite3.connect(shown.library)) as source:
        row = source.execute("SELECT * FROM tracks LIMIT 1").fetchone()
        marks = ", ".join("?" * len(row))
        for number, name in enumerate(("a/x.mp3", "ab/x.mp3", "a", "a0")):
            values = (number, os.fsencode(tmp_path / name), *row[2:])
            library.database.execute(f"INSERT INTO tracks VALUES ({marks})", values)
    inner = show(tmp_path / "l.db", shown.model, tmp_path / "a")
    assert [item["path"] for item in inner.get("/tracks")["items"]] == [os.fspath(tmp_path / "a" / "x.mp3")]


def test_without_roots_all_data_are_shown_but_no_file_is_read(shown, show) -> None:
    bare = show(shown.library, shown.model)
    answer = bare.get("/tracks")
    assert answer["total"] == ALL
    assert {item["title"] for item in answer["items"]} == {None}
    found = bare.get(f"/tracks/{shown.id('Björk/low one.mp3')}")
    assert found["genre"] == "low" and found["file_tags"] is None
    assert found["file"]["present"] is None and found["file"]["problem"] == "no-roots"
    for what in ("audio", "peaks"):
        assert bare.problem(f"/tracks/{shown.id('high.mp3')}/{what}") == (403, "no-roots")


def damage(library: Path, name: str, column: str, value: object) -> None:
    with closing(sqlite3.connect(library)) as connection, connection:
        changed = connection.execute(
            f"UPDATE tracks SET {column} = ? WHERE CAST(path AS TEXT) LIKE ?", (value, f"%{name}")
        )
        assert changed.rowcount == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("genres", "[[1, 2]]"),
        ("genres", "[" * 100_000),
        ("tags", '[["mood", "calm", 2.0, true]]'),
        ("confidence", 7.5),
        ("duration", -1.0),
        ("sound", b"x"),
        ("genre", None),
    ],
)
def test_a_damaged_row_is_an_item_with_an_error(changing, column: str, value: object) -> None:
    damage(changing.library, "high.mp3", column, value)
    answer = changing.get("/tracks")
    assert answer["total"] == ALL
    item = next(item for item in answer["items"] if item["name"] == "high.mp3")
    assert item["error"] and item["genre"] is None and item["best"] is None
    found = changing.get(f"/tracks/{item['id']}")
    assert found["error"] and found["timeline"] == [] and found["file"]["present"] is True
    for address in ("/statistics", "/genres", "/map"):
        changing.get(address)


def test_a_damaged_timeline_is_an_error_of_the_track(changing) -> None:
    damage(changing.library, "high.mp3", "timeline", b"no zlib")
    found = changing.get(f"/tracks/{changing.id('high.mp3')}")
    assert found["error"] and found["genre"] is None


def test_a_list_follows_the_library(changing) -> None:
    assert changing.get("/tracks", sort="confidence")["total"] == ALL
    with Library(changing.library) as library:
        library.tracks.forget([changing.root / "high.mp3"])
    assert "high.mp3" not in changing.names(sort="confidence")
    assert "high.mp3" not in changing.names(search="mp3")
    assert changing.get("/tracks")["total"] == ALL - 1


def test_changed_tags_are_read_again(changing) -> None:
    import mutagen.id3

    path = changing.root / "Björk" / "low one.mp3"
    assert named(changing, search="low one")["items"][0]["title"] == "Lied ohne Wörter"
    tags = mutagen.id3.ID3(path)
    tags.add(mutagen.id3.TIT2(encoding=3, text="<b>New</b>"))
    tags.save(path)
    os.utime(path, (1, 1))
    assert named(changing, search="low one")["items"][0]["title"] == "<b>New</b>"


def test_ids_of_other_paths_are_not_found(shown) -> None:
    for text, code in (
        (quote("../../etc/passwd", safe=""), "track-id-damaged"),
        ("x", "track-id-damaged"),
        (track_id.encode(b"/etc/passwd"), "track-unknown"),
        (track_id.encode(os.fsencode(shown.root) + b"/../music0/high.mp3"), "track-unknown"),
    ):
        answer = shown.client.get(f"/api/v1/tracks/{text}")
        assert answer.status_code == 404
        assert json.loads(answer.text)["code"] in (code, "not-found")


def test_a_file_that_does_not_answer_keeps_no_server_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = threading.Event()

    def wait(_: Path) -> TrackNames:
        answering.wait(60)
        return TrackNames()

    monkeypatch.setattr(names, "names_of", wait)
    monkeypatch.setattr(names, "_CLOSE_SECONDS", 0.1)
    song = tmp_path / "song.mp3"
    song.touch()
    cache = names.NameCache(Roots([tmp_path]))
    assert cache.find([os.fsencode(song)], seconds=0.0) == {}
    closing_it = threading.Thread(target=cache.close)
    closing_it.start()
    closing_it.join(20)
    ended = not closing_it.is_alive()
    answering.set()
    closing_it.join(20)
    assert ended
