"""`genrelab serve --watch`: a real server recognizes what arrives in its folders."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from raising import raises
from threaded_server import Running
from tiny_onnx import tiny_model
from unprivileged import as_plain_user, open_folder
from watching import box, song

from genrelab.library import Library
from genrelab.serve.watching import start
from genrelab.watch.owed import watching_alone

__all__ = ["box", "tiny_model"]

Serve = Callable[..., Running]


@pytest.fixture
def serve(tiny_model: Path, tmp_path: Path) -> Iterator[Serve]:
    running: list[Running] = []

    def begin(**settings: Any) -> Running:
        running.append(Running(tiny_model, tmp_path / "library.db", **settings))
        return running[-1]

    yield begin
    for each in running:
        each.end()


def wait_for(running: Running, kind: str, path: Path) -> dict[str, Any]:
    """Ask the server until it tells of an event, from the last number on."""
    after, deadline = 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        state = httpx.get(f"{running.url}/api/v1/watch", params={"after": after}).json()
        for event in state["events"]:
            assert event["number"] > after
            after = event["number"]
            if (event["event"], event["path"]) == (kind, str(path)):
                return event
        time.sleep(0.1)
    raise AssertionError((kind, path))


def test_it_recognizes_what_is_there_and_what_arrives(serve: Serve, box: Path, tmp_path: Path) -> None:
    first = song(box / "first.flac")
    running = serve(roots=(box,), watch=True)
    assert wait_for(running, "recognized", first)["genre"] == "low"
    second = song(box / "album" / "second.flac", "high")
    event = wait_for(running, "recognized", second)
    assert (event["genre"], event["message"]) == ("high", None) and event["confidence"] > 0.9
    state = httpx.get(f"{running.url}/api/v1/watch").json()
    assert (state["watching"], state["folders"]) == (True, [str(box)])
    running.end()
    assert "watch" not in {thread.name for thread in threading.enumerate()}
    with Library(tmp_path / "library.db") as library:
        assert [record.genre for record in library.tracks.all()] == ["high", "low"]
    with watching_alone(tmp_path / "library.db", [box]):  # the lock is free again
        pass


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_names_that_are_no_text(serve: Serve, box: Path) -> None:
    name = Path(os.fsdecode(os.fsencode(box) + b"/\xff\x1b[31m.flac"))
    song(box / "a.flac").rename(name)
    running = serve(roots=(box,), watch=True)
    assert wait_for(running, "recognized", box / "\\udcff\x1b[31m.flac")["genre"] == "low"


def test_without_the_option_nothing_is_watched(serve: Serve, box: Path) -> None:
    running = serve(roots=(box,))
    assert httpx.get(f"{running.url}/api/v1/watch").json() == {"watching": False, "folders": [], "events": []}
    watching = start(running.server, [box])
    assert watching.is_running
    wait_for(running, "recognized", song(box / "a.flac"))


def test_links_out_of_the_roots_are_not_followed(serve: Serve, box: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    song(outside / "secret.flac")
    (box / "a folder").symlink_to(outside)
    (box / "b.flac").symlink_to(outside / "secret.flac")
    running = serve(roots=(box,), watch=True)
    wait_for(running, "recognized", song(box / "z.flac", "high"))
    running.end()
    with Library(tmp_path / "library.db") as library:
        assert [record.path.name for record in library.tracks.all()] == ["z.flac"]


def test_a_watcher_that_fails_says_so(
    serve: Serve, box: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("genrelab.watch.settling.Settling.complete", fail)
    running = serve(roots=(box,), watch=True)
    assert running.server.watching is not None
    running.server.watching._thread.join(30)
    state = httpx.get(f"{running.url}/api/v1/watch").json()
    assert not state["watching"]
    (event,) = [each for each in state["events"] if each["event"] == "problem"]
    assert event["code"] == "watch-defect" and "Zero" not in event["message"]
    assert "ZeroDivisionError" in caplog.text


def test_what_keeps_a_server_from_starting(tiny_model: Path, box: Path, tmp_path: Path) -> None:
    with raises("watch-nothing"):
        Running(tiny_model, tmp_path / "library.db", watch=True)
    with watching_alone(tmp_path / "library.db", [box]), raises("watch-elsewhere", tmp_path / "library.db"):
        Running(tiny_model, tmp_path / "library.db", roots=(box,), watch=True)


def test_a_library_that_is_read_only(tiny_model: Path) -> None:
    with open_folder() as folder:
        Library(folder / "library.db").close()
        model = folder / "tiny.onnx"
        model.write_bytes(tiny_model.read_bytes())
        (folder / "library.db").chmod(0o444)
        folder.chmod(0o555)

        def act() -> str:
            try:
                Running(model, folder / "library.db", roots=(folder,), watch=True)
            except Exception as error:
                return str(getattr(error, "code", error))
            return "started"

        assert as_plain_user(act) == "watch-read-only"
