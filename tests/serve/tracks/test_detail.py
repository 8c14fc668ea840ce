"""Everything about a track, similar tracks, counts, genres, the map."""

from __future__ import annotations

import gzip
import os
import sqlite3
import time
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from many_tracks import THRESHOLD, fill
from map_pages import read_data

from genrelab.library import Library
from genrelab.library.explore.chart.placing import WHOLE
from genrelab.pages.palette import COLOURS, DARK_COLOURS
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre, Segment
from genrelab.serve.tracks.segments import thin_timeline

ALL = 10


def test_a_track_has_its_whole_recognition_and_the_tags_of_its_file(shown) -> None:
    found = shown.get(f"/tracks/{shown.id('Björk/low one.mp3')}")
    with Library(shown.library) as library:
        (stored,) = library.tracks.all([shown.root / "Björk" / "low one.mp3"])
    record = stored.to_dict()
    for key in (
        "path",
        "duration",
        "genre",
        "confidence",
        "reason",
        "genres",
        "tags",
        "full",
        "model",
        "error",
    ):
        assert found[key] == record[key], key
    assert (found["best"], found["second"], found["threshold"]) == ("low", "middle", 0.6)
    assert found["certainty"]["sure"] and found["certainty"]["below_threshold"] == 0
    assert found["certainty"]["margin"] == pytest.approx(
        found["confidence"] - found["second_confidence"], abs=1e-5
    )
    assert len(found["timeline"]) == 3
    for segment, expected in zip(found["timeline"], record["timeline"], strict=True):
        assert {key: segment[key] for key in expected} == expected
        assert sum(segment["probabilities"].values()) == pytest.approx(1, abs=0.01)
        assert max(segment["probabilities"], key=segment["probabilities"].get) == segment["genre"]
    assert [part["genre"] for part in found["parts"]] == ["low"]
    assert found["file_tags"] == {"genre": ["Krautrock"], "mood": ["calm"], "grouping": []}
    assert (found["title"], found["artist"]) == ("Lied ohne Wörter", "Ensemble Ω")
    assert (found["media_type"], found["plays"]) == ("audio/mpeg", True)
    size = (shown.root / "Björk" / "low one.mp3").stat().st_size
    assert found["file"] == {
        **{"present": True, "size": size, "changed": False, "problem": None},
        "modified": found["file"]["modified"],
    }


def test_facts_tell_why_a_track_is_unsure(shown) -> None:
    unsure = shown.get(f"/tracks/{shown.id('unsure.wav')}")
    facts = unsure["certainty"]
    assert (unsure["genre"], facts["reason"], facts["sure"]) == ("unsure", "low confidence", False)
    assert facts["below_threshold"] == pytest.approx(0.6 - unsure["confidence"])
    assert facts["second_near"] and facts["margin"] < 0.15
    silent = shown.get(f"/tracks/{shown.id('silent.wav')}")
    assert (silent["certainty"]["silent"], silent["certainty"]["margin"]) == (True, None)
    assert [segment["genre"] for segment in silent["timeline"]] == [None] * len(silent["timeline"])


def test_no_music_is_a_fact_of_its_own(changing) -> None:
    with closing(sqlite3.connect(changing.library)) as connection, connection:
        connection.execute("UPDATE tracks SET genre = 'unsure', reason = 'no music' WHERE genre = 'high'")
    facts = changing.get(f"/tracks/{changing.id('high.mp3')}")["certainty"]
    assert (facts["no_music"], facts["silent"], facts["sure"], facts["reason"]) == (
        True,
        False,
        False,
        "no music",
    )


def test_a_file_that_changed_or_is_gone_is_named(changing) -> None:
    os.utime(changing.root / "high.mp3", (1, 1))
    (changing.root / "middle.mp3").unlink()
    state = changing.get(f"/tracks/{changing.id('high.mp3')}")["file"]
    assert (state["changed"], state["modified"]) == (True, "1970-01-01T00:00:01+00:00")
    state = changing.get(f"/tracks/{changing.id('middle.mp3')}")["file"]
    assert (state["present"], state["problem"]) == (False, "track-file-missing")
    assert changing.problem(f"/tracks/{changing.id('middle.mp3')}/audio") == (404, "track-file-missing")


def test_a_file_without_readable_tags_says_so(shown) -> None:
    found = shown.get(f"/tracks/{shown.id('broken.mp3')}")
    assert found["error"] and found["file_tags"] is None and found["file_tags_problem"]


def test_a_long_timeline_is_joined() -> None:
    segments = tuple(Segment(float(k), k + 1.0, None if k == 4 else "ab"[k % 2], 0.6) for k in range(10))
    genres = (RankedGenre("a", 0.5), RankedGenre("b", 0.5))
    rows = np.array([[0.6, 0.4], [0.4, 0.6]] * 5, np.float16)
    rows[4] = np.nan
    record = Recognition("x", "m", 10.0, "a", 0.5, genres, segments, probabilities=rows)
    joined, step = thin_timeline(record, 4)
    assert (step, len(joined), joined[0].start, joined[-1].end) == (3, 4, 0.0, 10.0)
    assert joined[0].probabilities == {
        "a": pytest.approx(0.5333, abs=1e-3),
        "b": pytest.approx(0.4667, abs=1e-3),
    }
    assert joined[1].probabilities == {"a": pytest.approx(0.4, abs=1e-3), "b": pytest.approx(0.6, abs=1e-3)}
    assert joined[1].genre == "b", "of segments 3 to 5, the one in the middle is silent"
    bare, _ = thin_timeline(Recognition("x", "m", 10.0, "a", 0.5, genres, segments), 4)
    assert [(each.genre, each.probabilities) for each in bare] == [
        ("a", None),
        ("b", None),
        ("a", None),
        ("b", None),
    ]
    assert thin_timeline(record)[1] == 1


def test_similar_tracks_are_those_of_the_same_tone(shown) -> None:
    found = shown.get(f"/tracks/{shown.id('Björk/low one.mp3')}/similar", k=2)
    assert {item["name"] for item in found["items"]} == {"low two.mp3", '<img src=x onerror="alert(1)">.mp3'}
    assert found["items"][0]["similarity"] >= found["items"][1]["similarity"] > 0.9
    found = shown.get(f"/tracks/{shown.id('middle.mp3')}/similar")
    assert found["same"] == [shown.id("copy of middle.mp3")]
    assert shown.id("middle.mp3") not in [item["id"] for item in found["items"]]
    assert shown.problem(f"/tracks/{shown.id('silent.wav')}/similar") == (422, "track-without-embedding")
    assert shown.problem(f"/tracks/{shown.id('silent.wav')}/similar", k=0) == (422, "request-invalid")
    assert shown.problem("/tracks/xx/similar") == (404, "track-id-damaged")


def ids_and_scores(found: dict[str, Any]) -> list[tuple[str, float]]:
    """Return what does not depend on the names that the server reads in the background."""
    return [(item["id"], item["similarity"]) for item in found["items"]]


def test_similar_tracks_are_the_same_from_a_stored_matrix(
    shown, show, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/tracks/{shown.id('middle.mp3')}/similar"
    expected = ids_and_scores(shown.get(address))
    monkeypatch.setattr("genrelab.library.vectors.opening.STORED_FROM", 1)
    again = show(shown.library, shown.model, shown.root)
    assert ids_and_scores(again.get(address)) == expected and len(expected) >= 4
    assert shown.library.with_suffix(".vectors").is_dir()


def test_similar_tracks_lie_under_the_roots(shown, show) -> None:
    inner = show(shown.library, shown.model, shown.root / "Björk")
    found = inner.get(f"/tracks/{shown.id('Björk/low one.mp3')}/similar")
    assert [item["name"] for item in found["items"]] == ["low two.mp3"]


def test_statistics_are_the_counts_of_the_rows(shown) -> None:
    found = shown.get("/statistics")
    with closing(sqlite3.connect(shown.library)) as connection:
        count, seconds = connection.execute("SELECT count(*), total(duration) FROM tracks").fetchone()
    assert (found["tracks"], found["errors"], found["unsure"]) == (count, 1, 2)
    assert found["hours"] == pytest.approx(seconds / 3600, abs=1e-3)
    assert found["genres"] == {"low": 3, "middle": 3, "unsure": 2, "high": 1}
    assert sum(each["tracks"] for each in found["by_genre"]) == count - 1
    with Library(shown.library) as library:
        tags = {f"{kind}:{name}": number for kind, name, number in library.tracks.count_tags() if number}
    assert found["tags"] == tags and "mood:calm" in tags
    assert list(found["models"].values()) == [count]


def test_genres_have_colours_on_light_and_dark_pages(shown) -> None:
    found = shown.get("/genres")
    assert list(found["colours"]) == [item["genre"] for item in found["items"]] == ["high", "low", "middle"]
    for item in found["items"]:
        assert item["light"] == found["colours"][item["genre"]]
        assert item["dark"] == DARK_COLOURS[COLOURS.index(item["light"])]
    assert shown.get("/statistics")["colours"] == found["colours"]


def test_an_empty_library_has_the_genres_of_the_model_and_an_empty_map(shown, show, tmp_path) -> None:
    empty = show(tmp_path / "empty.db", shown.model, tmp_path)
    assert list(empty.get("/genres")["colours"]) == ["high", "low", "middle"]
    assert empty.get("/tracks") == {"items": [], "total": 0, "offset": 0}
    assert empty.get("/statistics")["tracks"] == 0
    found = empty.get("/map")
    assert (found["state"], found["ids"]) == ("ready", [])


def test_the_map_has_one_point_per_track_with_an_embedding(shown) -> None:
    found = shown.get("/map")
    assert found["state"] == "ready" and not found["sampled"]
    listed = {item["id"]: item for item in shown.get("/tracks")["items"]}
    assert set(found["ids"]) == {key for key, item in listed.items() if item["best"] is not None}
    for key in ("x", "y", "genre", "confidence", "names"):
        assert len(found[key]) == len(found["ids"])
    for number, key in enumerate(found["ids"]):
        assert found["genres"][found["genre"][number]] == (listed[key]["genre"] or "unsure")
        assert found["names"][number] == listed[key]["name"]
        assert found["confidence"][number] == pytest.approx(listed[key]["confidence"], abs=1e-3)
    assert min(found["x"] + found["y"]) >= 0 and max(found["x"] + found["y"]) <= 1


def test_the_map_is_sent_compressed_or_plain_and_not_twice(shown) -> None:
    shown.get("/map")
    plain = shown.client.get("/api/v1/map", headers={"Accept-Encoding": "identity"})
    refusing = shown.client.get("/api/v1/map", headers={"Accept-Encoding": "gzip;q=0, br"})
    assert "content-encoding" not in plain.headers and plain.content == refusing.content
    with shown.client.stream("GET", "/api/v1/map", headers={"Accept-Encoding": "br, gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content
    again = shown.client.get("/api/v1/map", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_binary_map_has_the_same_points(shown) -> None:
    columns = shown.get("/map")
    answer = shown.client.get("/api/v1/map?format=binary")
    assert answer.headers["content-type"] == "application/octet-stream"
    found = read_data(answer.content)
    assert (found["genres"], found["count"]) == (columns["genres"], len(columns["ids"]))
    assert found["genre"].tolist() == [columns["genre"][row] for row in found["row"]]
    for axis, bits in (("x", found["low"] >> 4), ("y", found["low"] & 15)):
        places = (found[axis].astype(int) << 4 | bits) / (2**20 - 1)
        assert places == pytest.approx([columns[axis][row] for row in found["row"]], abs=1e-4)
    again = shown.client.get("/api/v1/map?format=binary", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    asked = {"map": answer.headers["etag"], "points": [1, 0, 10**6], "ids": [columns["ids"][2], "L25v", "!"]}
    named = shown.client.post("/api/v1/map/points", json=asked).json()["items"]
    assert [(each["point"], each["id"], each["name"]) for each in named] == [
        (row, columns["ids"][row], columns["names"][row]) for row in (1, 0, 2)
    ]


def test_questions_about_another_map_are_refused(shown) -> None:
    shown.get("/map")
    refused = shown.client.post("/api/v1/map/points", json={"map": '"0-0"', "points": [0]})
    assert (refused.status_code, refused.json()["code"]) == (409, "map-changed")
    many = {"map": "", "points": [0] * 5001}
    assert shown.client.post("/api/v1/map/points", json=many).status_code == 422


def test_a_large_map_is_binary_only(changing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.serve.tracks.chart.MOST_IN_JSON", 1)
    monkeypatch.setattr("genrelab.serve.routes.map.MOST_IN_JSON", 1)
    assert changing.problem("/map") == (422, "map-too-large-for-json")
    assert read_data(changing.client.get("/api/v1/map?format=binary").content)["count"] > 1


def test_the_map_follows_the_library(changing) -> None:
    before = changing.get("/map")["names"]
    assert "high.mp3" in before
    with Library(changing.library) as library:
        library.tracks.forget([changing.root / "high.mp3"])
    assert changing.get("/map")["names"] == [name for name in before if name != "high.mp3"]


def test_a_large_map_is_shown_while_another_is_laid_out(changing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.serve.tracks.chart._SOON_SECONDS", -1.0)
    monkeypatch.setattr("genrelab.serve.tracks.chart._PATIENCE", 0)
    before = changing.client.get("/api/v1/map")
    assert "high.mp3" in before.json()["names"] and "x-stale" not in before.headers
    with Library(changing.library) as library:
        library.tracks.forget([changing.root / "high.mp3"])
    during = changing.client.get("/api/v1/map?wait=0")
    assert (during.headers["x-stale"], during.json()["names"]) == ("1", before.json()["names"])
    end = time.monotonic() + 60
    while "high.mp3" in (after := changing.client.get("/api/v1/map")).json()["names"]:
        assert time.monotonic() < end
    assert "x-stale" not in after.headers


def test_a_map_that_cannot_be_drawn_says_why(changing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.library.explore.layout.MOST_NUMBERS", 1)
    found = changing.get("/map")
    assert (found["state"], found["ids"]) == ("failed", []) and found["problem"]
    monkeypatch.undo()
    assert changing.get("/map")["state"] == "failed", "it is tried again only after a while"
    monkeypatch.setattr("genrelab.serve.tracks.chart._RETRY_SECONDS", 0.0)
    assert changing.get("/map")["state"] == "ready"


def test_a_map_that_takes_long_says_how_far_it_is(show, shown, tmp_path) -> None:
    large = show(fill(tmp_path / "large.db", 3000, numbers=16), shown.model)
    first = large.client.get("/api/v1/map?wait=0")
    assert first.status_code == 202
    assert (first.json()["state"], first.json()["ids"]) == ("computing", [])
    end = time.monotonic() + 60
    while (answer := large.client.get("/api/v1/map?wait=10")).status_code == 202:
        assert time.monotonic() < end
    assert len(answer.json()["ids"]) == 3000 - 6
    assert large.problem("/map", wait=61) == (422, "request-invalid")


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(2 * WHOLE, marks=pytest.mark.slow(seconds=20)),
        pytest.param(10 * WHOLE, marks=pytest.mark.long(seconds=60)),
    ],
)
def test_more_tracks_than_are_placed_together_are_listed_counted_and_drawn(
    count: int, show, shown, tmp_path
) -> None:
    large = show(fill(tmp_path / "large.db", count, numbers=16), shown.model)
    assert large.get("/tracks")["total"] == count
    last = large.get("/tracks", offset=count - 10)
    assert len(last["items"]) == 10 and last["items"][-1]["name"] == f"09 Track {count - 1:06}.mp3"
    assert large.get("/tracks", search=f"umlaut {count - 1:06}")["total"] == 1
    middle = large.get("/tracks", sort="-confidence", offset=count // 2)
    values = [item["confidence"] for item in middle["items"]]
    assert values == sorted(values, reverse=True)
    unsure = large.get("/tracks", unsure=True, sort="-confidence", limit=1)
    assert unsure["total"] == large.get("/statistics")["unsure"]
    assert unsure["items"][0]["confidence"] < THRESHOLD
    assert (
        large.get("/tracks", tag="mood:calm", genre="jazz")["total"]
        < large.get("/tracks", genre="jazz")["total"]
    )
    end = time.monotonic() + 300
    while (answer := large.client.get("/api/v1/map?wait=10")).status_code == 202:
        assert time.monotonic() < end
    found = answer.json()
    assert len(found["ids"]) == count - count // 500 and found["sampled"]
