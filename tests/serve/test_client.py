"""The Python client: problems, uploads in pieces, events over a restart, and its documentation."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from doc_commands import ROOT, blocks
from raising import raises
from serving import Running, server, start, write_songs

from genrelab.client import Client, Job, Page, ProblemError, Recognition
from genrelab.client.connection import form_body


def test_it_is_imported_without_heavy_modules() -> None:
    heavy = ("numpy", "pydantic", "onnxruntime")
    program = f"import sys, genrelab.client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://host", "http://", "", "http://host/?a=1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="is not the address"):
        Client(url)


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with raises("server-unreachable", url) as caught:
        Client(url).health()
    assert isinstance(caught.value, ProblemError)
    assert caught.value.status == 0


def test_problems_have_all_fields(running: Running) -> None:
    with pytest.raises(ProblemError) as caught:
        running.client.recognize_on_server("/etc/passwd")
    problem = caught.value
    assert (problem.code, problem.status, problem.path) == ("outside-roots", 403, "/etc/passwd")
    assert problem.remedy
    assert problem.remedy in str(problem)


def test_an_upload_that_is_too_large_says_so(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    path.write_bytes(bytes(4_000_000))
    with raises("upload-too-large"):
        running.client.recognize(path)
    assert running.uploads() == []


def test_a_large_upload_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(400_000_000)
    body = form_body([path], {})
    longest = sent = 0
    for piece in body.pieces:
        longest, sent = max(longest, len(piece)), sent + len(piece)
    assert sent == body.length
    assert longest <= 1 << 18


def test_a_file_that_shrinks_while_it_is_sent(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(bytes(1_500_000))
    pieces = iter(form_body([path], {}).pieces)
    for _ in range(2):
        next(pieces)
    path.write_bytes(b"")
    with pytest.raises(OSError, match="shorter"):
        list(pieces)
    with pytest.raises(FileNotFoundError):
        running.client.recognize(tmp_path / "missing.mp3")


def test_names_arrive_as_they_are(running: Running, songs: list[Path], tmp_path: Path) -> None:
    path = tmp_path / 'Björk "live" – 音.mp3'
    path.write_bytes(songs[0].read_bytes())
    assert running.client.recognize(path, wait=60).results[0].path == "Björk %22live%22 – 音.mp3"


@pytest.mark.slow
def test_a_connection_that_the_server_closed_is_opened_again(tmp_path: Path, tiny_model: Path) -> None:
    first = start(tmp_path, tiny_model)
    client = first.client
    client.health()
    first.stop()
    with raises("server-unreachable"):
        client.health()
    with server(tmp_path, tiny_model) as second:
        other = Client(second.url)
        assert other.health().status == "ok"
        other.close()
        assert other.health().status == "ok"


@pytest.mark.slow
def test_events_go_on_after_the_server_was_killed(tmp_path: Path, tiny_model: Path) -> None:
    root = tmp_path / "root"
    songs = write_songs(root, 15, seconds=40.0)
    running = start(tmp_path, tiny_model, roots=(root,))
    client = Client(running.url)
    job = client.recognize_on_server(".", full=True, again=True)
    names: list[str] = []
    enough = threading.Event()
    state: list[str] = []

    def listen() -> None:
        last = None
        while True:
            try:
                for event in client.events(job, after=last):
                    last = event.id
                    if event.result:
                        names.append(event.result.path)
                    if len(names) == 3:
                        enough.set()
                    if event.name == "end" and event.job:
                        state.append(event.job.state)
                        return
            except ProblemError:
                time.sleep(0.1)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert enough.wait(60)
    port = int(running.url.rpartition(":")[2])
    running.kill()
    with server(tmp_path, tiny_model, roots=(root,), port=port):
        thread.join(120)
    assert state == ["done"]
    assert sorted(names) == sorted(map(str, songs))


def test_answers_ignore_what_a_newer_server_adds() -> None:
    job = Job.of({"id": "a", "kind": "k", "state": "done", "new": 1, "results": [{"path": "p", "new": 2}]})
    assert job.results == (Recognition("p", data={"path": "p", "new": 2}),)
    assert job.has_ended
    assert list(Page((1, 2), 9)) == [1, 2]


def test_the_examples_of_the_docs_run(
    running: Running, songs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.mp3").write_bytes(songs[0].read_bytes())
    programs = blocks(ROOT / "docs" / "services" / "client.md", "python")
    assert len(programs) >= 3
    for program in programs:
        text = program.replace("http://127.0.0.1:8765", running.url).replace('"Jazz"', '"."')
        exec(compile(text, "docs/services/client.md", "exec"), {})


@pytest.mark.slow
def test_the_library_tags_and_playlists(tmp_path: Path, tiny_model: Path) -> None:
    root = tmp_path / "root"
    songs = write_songs(root, 6)
    before = {song: song.read_bytes() for song in songs}
    with server(tmp_path, tiny_model, roots=(root,), allow_write=True) as running:
        client = running.client
        assert client.health().writes
        client.recognize_on_server(".", wait=60)
        low = client.tracks(genre="low", sort="-confidence", limit=1)
        assert (low.total, len(low)) == (2, 1)
        track = low.items[0]
        assert client.track(track.id)["path"] == track.path
        assert client.statistics()["tracks"] == 6
        near = client.similar(track.id, k=2)
        assert len(near) == 2
        assert track.id not in [each.id for each in near]
        plan = client.plan_tags(paths=["."], fields=["genre"])
        assert {record.status for record in plan.records} == {"would write"}
        assert before == {song: song.read_bytes() for song in songs}
        assert [record.status for record in client.write_tags(plan)] == ["written"] * 6
        assert before != {song: song.read_bytes() for song in songs}
        ids = [each.id for each in client.tracks()]
        assert [record.status for record in client.undo_tags(ids=ids)] == ["undone"] * 6
        assert before == {song: song.read_bytes() for song in songs}
        preview = client.preview_playlist("genre", genres=["low"])
        assert preview["total"] == 2
        written = client.playlist("genre", genres=["low"], to="low.m3u8")
        assert written["written"] == 2
        assert (root / "low.m3u8").exists()
