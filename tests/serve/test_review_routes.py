"""Review and teaching over HTTP."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mutagen.id3
import pytest
from served_music import ServedMusic, call, id_of
from starlette.testclient import TestClient
from teaching import TONES, lesson, run, write_song

from genrelab.bundle.bundle import read_facts
from genrelab.serve.curate import doubts
from genrelab.teach.sources.examples_file import examples_file
from genrelab.teach.sources.labelled import read_csv

__all__ = ["lesson"]
IDENTITY = "m@1"


@pytest.fixture
def music(tmp_path: Path, tiny_model: Path) -> ServedMusic:
    (tmp_path / "music").mkdir()
    return ServedMusic(tmp_path / "music", tmp_path / "library.db", tiny_model)


@pytest.fixture
def identity(tiny_model: Path) -> str:
    return read_facts(tiny_model)[1]


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file))


def test_tags_that_are_probably_wrong(music: ServedMusic, identity: str) -> None:
    surely = music.add("flac-genre", "a.flac", identity, genre="rock", confidence=0.9)  # Dub, Ska: unknown
    wrong = music.add("mp3-22", "b.mp3", identity, genre="rock", confidence=0.8)  # Jazz
    more = music.add("mp3-22", "c.mp3", identity, genre="rock", confidence=0.95)
    music.add("mp3-22", "d.mp3", identity, genre="jazz", confidence=0.9)  # agrees
    music.add("mp3-22", "e.mp3", "another@1", genre="rock", confidence=0.9)
    unsure = music.add("mp3-22", "f.mp3", identity, genre="unsure", confidence=0.3, reason="low confidence")
    corrections = music.database.with_name("corrections.csv")
    with music.served() as client:
        found = call(client, "/review?kind=wrong")
        assert [item["name"] for item in found["items"]] == ["c.mp3", "b.mp3"]
        assert found["items"][0] | {"title": "", "artist": "", "album": ""} == {
            **{"id": id_of(more), "path": str(more), "name": "c.mp3", "title": "", "artist": "", "album": ""},
            **{"labels": ["Jazz"], "predicted": "rock", "probability": 0.95, "reason": "wrong"},
            "duration": 20.0,
        }
        assert (found["total"], found["left"], found["corrections"]) == (2, 0, str(corrections))
        assert [item["name"] for item in call(client, "/review?limit=1&offset=1")["items"]] == ["b.mp3"]
        (item,) = call(client, "/review?kind=unsure")["items"]
        assert (item["name"], item["labels"], item["predicted"]) == ("f.mp3", [], "rock")

        call(client, "/review", {"id": id_of(wrong), "genre": "right"})
        call(client, "/review", {"id": id_of(more), "genre": "LOW; Zydeco"})
        call(client, "/review", {"id": id_of(unsure), "genre": "skip"})
        call(client, "/review", {"id": id_of(surely), "genre": "dub"})
        assert call(client, "/review")["items"] == call(client, "/review?kind=unsure")["items"] == []
        assert rows(corrections) == [
            ["path", "genre"], [str(wrong), "rock"], [str(more), "low;Zydeco"], [str(surely), "dub"],
        ]  # fmt: skip
        call(client, "/review", {"id": id_of(more), "genre": "rock"})
        call(client, "/review", {"id": id_of(wrong), "genre": "undo"})
        assert [item["name"] for item in call(client, "/review")["items"]] == ["b.mp3"]

        tags = mutagen.id3.ID3(music.folder / "d.mp3")  # another program changes it
        tags.setall("TCON", [mutagen.id3.TCON(text=["Rock"])])
        tags.save()
        assert [item["name"] for item in call(client, "/review")["items"]] == ["d.mp3", "b.mp3"]
    assert rows(corrections)[1:] == [[str(surely), "dub"], [str(more), "rock"]]
    assert [(file.path, file.genres) for file in read_csv(corrections).files] == [
        (surely, ("dub",)),
        (more, ("rock",)),
    ]


def test_comparing_goes_on_with_the_next_request(
    music: ServedMusic, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        music.add("mp3-22", f"{number}.mp3", identity)
    monkeypatch.setattr(doubts, "_SECONDS", 0.0)
    with music.served() as client:
        found = call(client, "/review")
        assert (found["total"], found["left"]) == (0, 3)
        monkeypatch.setattr(doubts, "_SECONDS", 60.0)
        assert call(client, "/review")["total"] == 3
        monkeypatch.setattr(doubts, "_SECONDS", 0.0)
        found = call(client, "/review")
        assert (found["total"], found["left"]) == (3, 0)


def test_refused_answers(music: ServedMusic, identity: str, tmp_path: Path) -> None:
    path = music.add("flac", "a.flac", identity)
    silent = music.add("mp3-24", "b.mp3", identity, genres=(), genre="unsure", reason="silent")
    (music.folder / "no.onnx").write_bytes(b"no model")
    with music.served() as client:
        for body, status, code in (
            ({"id": id_of(path), "genre": "a\nb"}, 422, "genre-no-text"),
            ({"id": id_of(path), "genre": " ; "}, 422, "review-genres"),
            ({"id": id_of(path), "genre": ";".join(map(str, range(60)))}, 422, "review-genres"),
            ({"id": id_of(silent), "genre": "right"}, 422, "review-no-prediction"),
            ({"id": id_of(tmp_path / "x.mp3"), "genre": "jazz"}, 404, "track-unknown"),
            ({"id": id_of(path), "genre": "jazz", "model": "/etc/passwd"}, 403, "outside-roots"),
            ({"id": id_of(path), "genre": "jazz", "model": "gone.onnx"}, 404, "review-model-missing"),
            ({"id": id_of(path), "genre": "jazz", "model": "no.onnx"}, 422, "model-not-onnx"),
        ):
            assert call(client, "/review", body, status)["code"] == code
    assert not music.database.with_name("corrections.csv").exists()


def test_corrections_that_cannot_be_written(music: ServedMusic, identity: str) -> None:
    path = music.add("flac", "a.flac", identity)
    corrections = music.database.with_name("corrections.csv")
    with music.served() as client:
        corrections.write_text("name,age\n")
        refused = call(client, "/review", {"id": id_of(path), "genre": "jazz"}, 422)
        assert refused["code"] == "review-not-answers" and str(corrections) in refused["title"]
        assert corrections.read_text() == "name,age\n"
        corrections.unlink()
        os.mkfifo(corrections)
        refused = call(client, "/review", {"id": id_of(path), "genre": "jazz"}, 409)
        assert refused["code"] == "corrections-no-file" and refused["path"] == str(corrections)
        corrections.unlink()
        corrections.symlink_to(corrections.parent / "no folder" / "x.csv")
        refused = call(client, "/review", {"id": id_of(path), "genre": "jazz"}, 403)
        assert refused["code"] == "corrections-unwritable" and refused["path"] == str(corrections)


def test_names_that_are_not_text(music: ServedMusic, identity: str) -> None:
    odd = music.add("flac", os.fsdecode(b'=1+1,"\xff\n.flac'), identity)
    with music.served() as client:
        call(client, "/review", {"id": id_of(odd), "genre": "=cmd"})
    corrections = music.database.with_name("corrections.csv")
    (file,) = read_csv(corrections).files
    assert (file.path, file.genres) == (odd, ("=cmd",))


@pytest.fixture
def taught(lesson: Path, tiny_model: Path, tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    """A server of songs with a model that was taught from some of them, one with a wrong label."""
    root = tmp_path / "songs"
    for genre, frequency in TONES.items():
        for number in range(6):
            label = "Drone" if (genre, number) == ("Hum", 0) else genre
            write_song(
                root / f"{genre} {number}.flac", frequency * (1 + 0.02 * number), genre=label,
                artist=f"{genre} artist {number // 2}", album="Songs",
            )  # fmt: skip
    library, model = tmp_path / "library.db", root / "mine.onnx"
    options = [f"--library={library}", f"--model={tiny_model}", "--quiet", "--no-page"]
    assert run("teach", root, "--from-tags", f"--to={model}", *options) == 0
    served = ServedMusic(root, library, tiny_model)
    with served.served() as client:
        yield client, root


def done(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of a job."""
    end = client.get(f"/api/v1/jobs/{job['id']}/events").text
    assert "event: end" in end
    return call(client, f"/jobs/{job['id']}")


def test_correct_a_taught_model_and_teach_it_again(taught: tuple[TestClient, Path]) -> None:
    client, root = taught
    found = call(client, "/review?model=mine.onnx")
    (item,) = [each for each in found["items"] if each["name"] == "Hum 0.flac"]
    assert (item["labels"], item["predicted"]) == (["Drone"], "Hum")
    call(client, "/review", {"model": "mine.onnx", "id": item["id"], "genre": "Hum"})
    corrections = root / "mine.corrections.csv"
    assert rows(corrections)[1:] == [[str(root / "Hum 0.flac"), "Hum"]]
    left = call(client, "/review?model=mine.onnx")["items"]
    assert [each for each in left if each["name"] == "Hum 0.flac"] == []
    before = (root / "mine.onnx").read_bytes()
    job = call(client, "/teach", {"from": "corrections", "update": "mine.onnx", "to": "mine.onnx"}, 202)
    assert job["kind"] == "teach"
    job = done(client, job)
    assert job["state"] == "done", job
    (result,) = job["results"]
    assert result["model"] == str(root / "mine.onnx") and result["genres"]
    assert (root / "mine.onnx").read_bytes() != before
    after = call(client, "/review?model=mine.onnx")["items"]
    assert [each for each in after if each["name"] == "Hum 0.flac"] == []


def test_teach_from_tags(taught: tuple[TestClient, Path]) -> None:
    client, root = taught
    body = {"from": "tags", "paths": ["."], "to": "new.onnx"}
    job = done(client, call(client, "/teach", body, 202))
    assert job["state"] == "done" and (root / "new.onnx").is_file(), job
    names = {each["name"] for each in call(client, "/models")["items"] if each["origin"] == "taught"}
    assert len(names) == 2
    refused = call(client, "/teach", body, 409)
    assert refused["code"] == "teach-target-exists"


def test_corrections_that_are_a_link_out_of_the_roots(taught: tuple[TestClient, Path]) -> None:
    client, root = taught
    secret = root.parent / "secret"
    secret.write_text("path,genre\n")
    (root / "mine.corrections.csv").symlink_to(secret)
    body = {"model": "mine.onnx", "id": id_of(root / "Hum 0.flac"), "genre": "Hum"}
    assert call(client, "/review", body, 403)["code"] == "outside-roots"
    assert secret.read_text() == "path,genre\n"


@pytest.mark.parametrize(("source", "below"), [("tags", "."), ("folders", "genres")])
def test_teaching_reads_nothing_behind_links_out_of_the_roots(
    taught: tuple[TestClient, Path], source: str, below: str
) -> None:
    client, root = taught
    outside = root.parent / "outside"
    (outside / "album").mkdir(parents=True)
    (outside / "album" / "secret.mp3").write_bytes(b"not an MP3 file")
    (root / "genres").mkdir()
    (root / "genres" / "Drone").symlink_to(outside)
    (root / "linked.mp3").symlink_to(outside / "album" / "secret.mp3")
    (root / "genres" / "Hum").mkdir()
    (root / "genres" / "Hum" / "album").symlink_to(outside / "album")
    job = done(client, call(client, "/teach", {"from": source, "paths": [below], "to": "x.onnx"}, 202))
    said = str(job["results"]) + str(job["problem"])
    assert "leads out" in said and "secret.mp3" not in said, said


def test_teaching_replaces_no_model_that_was_made_while_it_waited(
    taught: tuple[TestClient, Path],
) -> None:
    client, root = taught
    body = {"from": "tags", "paths": ["."], "to": "new.onnx"}
    jobs = [call(client, "/teach", body, 202) for _ in range(2)]
    first, second = (done(client, job) for job in jobs)
    assert {first["state"], second["state"]} == {"done", "failed"}, (first, second)
    failed = first if first["state"] == "failed" else second
    assert failed["problem"]["code"] == "teach-target-exists"


def test_teaching_replaces_no_examples_of_another_model(taught: tuple[TestClient, Path]) -> None:
    client, root = taught
    kept = examples_file(root / "mine.onnx")
    whole = kept.read_bytes()
    (root / "mine.onnx").unlink()
    body = {"from": "tags", "paths": ["."], "to": "mine.onnx"}
    assert call(client, "/teach", body, 409)["code"] == "teach-target-exists"
    assert kept.read_bytes() == whole


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"from": "corrections", "to": "x.onnx"}, 409, "teach-no-corrections"),
        ({"from": "tags", "to": "x.onnx"}, 422, "teach-paths-number"),
        ({"from": "tags", "paths": ["/etc"], "to": "x.onnx"}, 403, "outside-roots"),
        ({"from": "tags", "paths": ["gone"], "to": "x.onnx"}, 404, "path-missing"),
        ({"from": "tags", "paths": ["."], "to": "../x.onnx"}, 403, "outside-roots"),
        ({"from": "tags", "paths": ["."], "to": "Hum 1.flac"}, 422, "teach-target-suffix"),
        ({"from": "tags", "paths": ["."], "to": "no/x.onnx"}, 422, "teach-target-folder"),
        ({"from": "tags", "paths": ["."], "to": "mine.onnx"}, 409, "teach-target-exists"),
        ({"from": "folders", "paths": [".", "."], "to": "x.onnx"}, 422, "teach-paths-number"),
        ({"from": "corrections", "paths": ["."], "to": "x.onnx"}, 422, "teach-paths-unused"),
        (
            {"from": "tags", "paths": ["."], "to": "x.onnx", "update": "a", "model": "b"},
            422,
            "teach-model-twice",
        ),
    ],
)
def test_teaching_is_refused(
    taught: tuple[TestClient, Path], body: dict[str, Any], status: int, code: str
) -> None:
    client, _ = taught
    assert call(client, "/teach", body, status)["code"] == code


def test_too_few_examples(taught: tuple[TestClient, Path]) -> None:
    client, root = taught
    (root / "few.csv").write_text("path,genre\nHum 1.flac,Hum\ngone.flac,Hum\n")
    body = {"from": "csv", "paths": ["few.csv"], "to": "x.onnx"}
    job = done(client, call(client, "/teach", body, 202))
    assert job["state"] == "failed" and "gone.flac" in job["problem"]["title"]
    assert not (root / "x.onnx").exists()
