"""Tags over HTTP: exactly what was shown is written, and comes back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import tagged
from served_music import ServedMusic, call, id_of
from starlette.testclient import TestClient

from genrelab.library import Library, Tagger

KINDS = ["mp3-23-genre", "mp3-24", "mp3-all", "flac-genre", "ogg", "m4a"]


@pytest.fixture
def music(tmp_path: Path) -> ServedMusic:
    (tmp_path / "music").mkdir()
    return ServedMusic(tmp_path / "music", tmp_path / "library.db")


def planned(client: TestClient, body: dict[str, Any]) -> dict[str, Any]:
    """Plan, and return the body that writes it."""
    return {**body, "plan_id": call(client, "/tags/plan", body)["plan_id"]}


@pytest.mark.parametrize("kind", KINDS)
def test_sound_and_other_tags_stay(kind: str, music: ServedMusic) -> None:
    path = music.add(kind)
    whole, sound, others = path.read_bytes(), tagged.samples(path), tagged.as_mutagen_sees(path)
    body = {"ids": [id_of(path)], "genre": "Zydeco", "mode": "overwrite"}
    with music.served() as client:
        plan = call(client, "/tags/plan", body)
        assert path.read_bytes() == whole
        (shown,) = plan["items"]
        assert (shown["status"], shown["after"], shown["id"]) == ("would write", ["Zydeco"], id_of(path))
        written = call(client, "/tags/write", {**body, "plan_id": plan["plan_id"]})
        assert written["counts"] == {"written": 1}
        assert written["items"] == [{**shown, "status": "written"}]
        assert tagged.genres(path)[:1] == ("Zydeco",)
        assert (tagged.samples(path), tagged.as_mutagen_sees(path)) == (sound, others)
        (change,) = call(client, "/tags/history")["items"]
        assert (change["before"], change["after"]) == (shown["before"], ["Zydeco"])
        assert change["undoable"] and change["when"].endswith("+00:00")
        undone = call(client, "/tags/undo", {"changes": [change["change"]]})
        assert undone["items"][0]["status"] == "undone"
        assert call(client, "/tags/history")["total"] == 0
    assert path.read_bytes() == whole


def test_folders_and_all_fields(music: ServedMusic) -> None:
    path = music.add("flac", "album/a.flac")
    music.add("mp3-24", "b.mp3")
    (music.folder / "album" / "unknown.flac").write_bytes(b"fLaC")
    with music.served() as client:
        body = {"paths": ["album"], "fields": ["mood", "genre"], "spelling": "plain", "genres": 2}
        plan = call(client, "/tags/plan", body)
        assert plan["counts"] == {"would write": 1, "error": 1} and plan["total"] == 2
        by_name = {item["name"]: item for item in plan["items"]}
        assert by_name["a.flac"]["after"] == ["Rock", "Jazz"] and by_name["a.flac"]["mood_after"] == ["calm"]
        assert by_name["unknown.flac"]["code"] == "tag-not-in-library"
        call(client, "/tags/write", {**body, "plan_id": plan["plan_id"]})
        (change,) = call(client, "/tags/history?limit=10")["items"]
        assert change["mood_before"] == [] and change["mood_after"] == ["calm"]
        call(client, "/tags/undo", {"ids": [id_of(path)]})


def test_an_outdated_plan_is_refused(music: ServedMusic) -> None:
    path = music.add("flac")
    with music.served() as client:
        body = {"ids": [id_of(path)]}
        ready = planned(client, body)
        for changed in ({**ready, "genres": 3}, {**ready, "plan_id": "0" * 32}):
            refused = call(client, "/tags/write", changed, 409)
            assert refused["code"] == "plan-outdated" and refused["remedy"]
        tagged.tag_comments(path, "Polka")
        whole = path.read_bytes()
        assert call(client, "/tags/write", ready, 409)["code"] == "plan-outdated"
        assert path.read_bytes() == whole
        assert call(client, "/tags/write", body, 422)["code"] == "request-invalid"


def test_a_server_that_only_reads_shows_but_does_not_write(music: ServedMusic) -> None:
    path = music.add("flac")
    whole = path.read_bytes()
    with music.served() as client:
        written = planned(client, {"ids": [id_of(path)]})
    with music.served(write=False) as client:
        ready = planned(client, {"ids": [id_of(path)]})
        assert ready == written
        assert call(client, "/tags/history")["total"] == 0
        for route, body in (
            ("/tags/write", ready),
            ("/tags/undo", {"ids": [id_of(path)]}),
            ("/review", {"id": id_of(path), "genre": "jazz"}),
            ("/teach", {"from": "corrections", "to": "x.onnx"}),
        ):
            assert call(client, route, body, 403)["code"] == "read-only-server"
    assert path.read_bytes() == whole
    assert sorted(each.name for each in music.folder.parent.glob("*.csv")) == []


def test_files_outside_the_roots(music: ServedMusic, tmp_path: Path) -> None:
    music.add("flac")
    other = ServedMusic(tmp_path / "other", music.database)
    other.folder.mkdir()
    hidden = other.add("mp3-24")
    (music.folder / "link.mp3").symlink_to(hidden)
    whole = hidden.read_bytes()
    with Library(music.database) as library:
        list(Tagger(library).undo([hidden]))
    with music.served() as client:
        assert call(client, "/tags/plan", {"ids": [id_of(hidden)]}, 404)["code"] == "track-unknown"
        for path in (str(hidden), "../other", "link.mp3", "/etc"):
            assert call(client, "/tags/plan", {"paths": [path]}, 403)["code"] == "outside-roots", path
        plan = call(client, "/tags/plan", {"paths": ["."], "mode": "overwrite"})
        assert {item["name"]: item["status"] for item in plan["items"]}["flac.flac"] == "would write"
        assert all(item["status"] == "error" for item in plan["items"] if item["name"] != "flac.flac")
        for changes in ([1], [2**62]):
            assert call(client, "/tags/undo", {"changes": changes}, 404)["code"] == "change-unknown"
    with music.served(roots=False) as client:
        body = {"ids": [id_of(hidden)]}
        assert call(client, "/tags/plan", body, 403)["code"] == "outside-roots"
        assert call(client, "/tags/undo", body, 403)["code"] == "outside-roots"
        assert call(client, "/tags/history")["items"] == []
    assert hidden.read_bytes() == whole


def test_a_plan_names_no_file_behind_a_link_out_of_the_roots(music: ServedMusic, tmp_path: Path) -> None:
    music.add("flac")
    other = ServedMusic(tmp_path / "other", music.database)
    other.folder.mkdir()
    other.add("mp3-24", "secret.mp3")
    (music.folder / "link").symlink_to(other.folder)
    with music.served() as client:
        plan = call(client, "/tags/plan", {"paths": ["."]})
    assert {item["name"]: item["status"] for item in plan["items"]} == {
        "flac.flac": "would write",
        "link": "error",
    }
    assert str(other.folder) not in str(plan)


def test_changes_of_files_outside_the_roots_cannot_be_undone(music: ServedMusic, tmp_path: Path) -> None:
    other = ServedMusic(tmp_path / "other", music.database)
    other.folder.mkdir()
    hidden = other.add("mp3-24")
    with other.served() as client:
        call(client, "/tags/write", planned(client, {"ids": [id_of(hidden)]}))
        (change,) = call(client, "/tags/history")["items"]
    with music.served() as client:
        assert call(client, "/tags/history")["total"] == 0
        body = {"changes": [change["change"]]}
        assert call(client, "/tags/undo", body, 403)["code"] == "outside-roots"
    assert tagged.genres(hidden) == ("Rock",)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": ["x"], "paths": ["y"]},
        {"paths": ["."], "fields": []},
        {"paths": ["."], "genre": "a\nb"},
        {"paths": ["."], "genre": " "},
        {"paths": ["."], "genre": []},
        {"paths": ["."], "genre": "jazz", "fields": ["mood"]},
        {"paths": ["."], "genre": "jazz", "guess": True},
        {"paths": ["."], "skip_outliers": True},
        {"paths": ["."], "mode": "always"},
        {"paths": ["."], "min_confidence": 2},
        {"paths": ["."], "id3v23_separator": "|"},
        {"paths": ["x" * 5000]},
    ],
    ids=str,
)
def test_wrong_requests(music: ServedMusic, body: dict[str, Any]) -> None:
    music.add("flac")
    with music.served() as client:
        answer = client.post("/api/v1/tags/plan", json=body)
    assert answer.status_code in (404, 422) and answer.json()["code"]


def test_hostile_names_and_genres(music: ServedMusic) -> None:
    path = music.add("flac", os.fsdecode(b"<img src=x>\xff\n.flac"))
    body = {"ids": [id_of(path)], "genre": "<script>alert(1)</script>", "mode": "overwrite"}
    with music.served() as client:
        call(client, "/tags/write", planned(client, body))
        (change,) = call(client, "/tags/history")["items"]
        assert change["after"] == ["<script>alert(1)</script>"] and "\\xff" in change["path"]
        assert call(client, "/tags/undo", {"changes": [change["change"]]})["counts"] == {"undone": 1}


def test_one_genre_per_album(music: ServedMusic, tiny_model: Path) -> None:
    from genrelab.bundle.bundle import read_facts

    music.model, (_, identity) = tiny_model, read_facts(tiny_model)
    from genrelab.recognize.recognition import RankedGenre

    for number, genre in enumerate(("low", "low", "high")):
        other = "high" if genre == "low" else "low"
        ranked = (RankedGenre(genre, 0.9), RankedGenre(other, 0.1), RankedGenre("middle", 0.0))
        music.add(
            "mp3-24", f"album/{number}.mp3", identity, genre=genre, confidence=0.9, genres=ranked, tags=()
        )
    with music.served() as client:
        plan = call(client, "/tags/plan", {"paths": ["album"], "by": "folder", "spelling": "model"})
        assert [item["after"] for item in plan["items"]] == [["low"]] * 3, plan


def test_two_writers(music: ServedMusic) -> None:
    path = music.add("flac")
    with music.served() as client:
        ready = planned(client, {"ids": [id_of(path)]})
        with Library(music.database) as library, Tagger(library).alone():
            assert call(client, "/tags/write", ready, 409)["code"] == "tagging-busy"
        assert call(client, "/tags/write", ready)["counts"] == {"written": 1}
