"""The sound of tracks over a real connection: ranges, conditions, encoding."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tagged
from sound_connection import BINARY, Connection
from tiny_onnx import tone

from genrelab.audio.decode import decode, probe
from genrelab.serve.sound.ranges import has_tag, is_current, wanted_range


def test_the_whole_file_is_sent_as_it_is(connection: Connection, song: Path) -> None:
    answer = connection.sound(song)
    assert (answer.status, answer.body) == (200, BINARY)
    assert answer.headers["content-length"] == str(len(BINARY))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/octet-stream", "what is no sound is no page either"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''song.bin"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-99", range(100)),
        ("bytes=10-", range(10, len(BINARY))),
        ("bytes=0-", range(len(BINARY))),
        ("bytes=-5", range(len(BINARY) - 5, len(BINARY))),
        ("bytes=-999999999", range(len(BINARY))),
        ("bytes=5-999999999", range(5, len(BINARY))),
        (f"bytes={len(BINARY) - 1}-", range(len(BINARY) - 1, len(BINARY))),
        ("bytes = 3 - 4", range(3, 5)),
    ],
)
def test_a_range_is_sent(connection: Connection, song: Path, header: str, expected: range) -> None:
    answer = connection.sound(song, Range=header)
    assert (answer.status, answer.body) == (206, BINARY[expected.start : expected.stop])
    wanted = f"bytes {expected.start}-{expected.stop - 1}/{len(BINARY)}"
    assert answer.headers["content-range"] == wanted
    assert answer.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize(
    "header",
    [f"bytes={len(BINARY)}-", "bytes=99999999999-", "bytes=-0", "bytes=0-1,3-4", "bytes=0-1, 0-1, 0-1"],
)
def test_a_range_that_cannot_be_sent_is_a_problem(connection: Connection, song: Path, header: str) -> None:
    answer = connection.sound(song, Range=header)
    assert (answer.status, json.loads(answer.body)["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(BINARY)}"


@pytest.mark.parametrize(
    "header", ["bytes=-", "bytes=5-2", "items=0-1", "bytes=a-b", "0-1", f"bytes={'9' * 5000}-"]
)
def test_a_range_that_is_none_is_ignored(connection: Connection, song: Path, header: str) -> None:
    assert (connection.sound(song, Range=header).status, wanted_range(header, len(BINARY))) == (200, None)


def test_conditions_compare_the_file_with_what_the_client_has(connection: Connection, song: Path) -> None:
    head = connection.sound(song, "HEAD")
    tag, modified = head.headers["etag"], head.headers["last-modified"]
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(BINARY)))
    for condition, status in ((tag, 206), (modified, 206), ('"other"', 200), (f"W/{tag}", 200)):
        assert connection.sound(song, Range="bytes=0-1", If_Range=condition).status == status, condition
    assert connection.sound(song, If_None_Match=f'"x", {tag}').status == 304
    assert connection.sound(song, If_None_Match='"x"').status == 200
    assert connection.sound(song, "HEAD", Range="bytes=2-3").status == 206


def test_another_content_has_another_tag(connection: Connection) -> None:
    path = connection.root / "changing.bin"
    path.write_bytes(b"one")
    connection.know(path)
    tag = connection.sound(path).headers["etag"]
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    answer = connection.sound(path, Range="bytes=0-0", If_Range=tag)
    assert (answer.status, answer.body) == (200, b"two")


def test_conditions() -> None:
    assert is_current(None, '"a"', 0.0) and is_current("Thu, 01 Jan 1970 00:00:00 GMT", '"a"', 0.0)
    assert not is_current("Thu, 01 Jan 1970 00:00:01 GMT", '"a"', 0.0)
    assert has_tag("*", '"a"') and has_tag('W/"a"', '"a"') and not has_tag(None, '"a"')


@pytest.mark.parametrize(
    ("kind", "media_type", "plays"),
    [
        ("mp3-23-genre", "audio/mpeg", True),
        ("flac", "audio/flac", True),
        ("ogg", "audio/ogg", True),
        ("opus", "audio/ogg", True),
        ("m4a", "audio/mp4", True),
        ("wav", "audio/wav", True),
        ("webm", "audio/webm", True),
        ("wma", "audio/x-ms-wma", False),
        ("aiff", "audio/aiff", False),
        ("wv", "audio/x-wavpack", False),
        ("ape", "audio/x-ape", False),
        ("mka", "audio/x-matroska", False),
    ],
)
def test_media_types_come_from_the_content(
    connection: Connection, tmp_path: Path, kind: str, media_type: str, plays: bool
) -> None:
    path = connection.root / f"{kind}.html"
    shutil.copy(tagged.make(tmp_path, kind), path)
    connection.know(path)
    answer = connection.sound(path)
    assert (answer.headers["content-type"], answer.body) == (media_type, path.read_bytes())
    found = json.loads(connection.ask(f"/tracks/{connection.id(path)}").body)
    assert (found["media_type"], found["plays"]) == (media_type, plays)


@pytest.mark.parametrize(
    ("encoding", "media_type", "codec"),
    [("ogg", "audio/ogg", "opus"), ("mp3", "audio/mpeg", "mp3"), ("flac", "audio/flac", "flac")],
)
@pytest.mark.parametrize("kind", ["wma", "ape", "aiff"])
def test_other_formats_are_encoded_for_browsers(
    connection: Connection, tmp_path: Path, kind: str, encoding: str, media_type: str, codec: str
) -> None:
    path = connection.root / f"encoded.{kind}"
    shutil.copy(tagged.make(tmp_path, kind, **({} if kind == "ape" else {"seconds": 12.0})), path)
    connection.know(path)
    answer = connection.sound(path, query=f"?as={encoding}", Range="bytes=0-10")
    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["accept-ranges"] == "none" and "content-length" not in answer.headers
    result = tmp_path / f"result.{encoding}"
    result.write_bytes(answer.body)
    assert probe(result).codec == codec
    expected, rate = decode(path, channels=1)
    found, found_rate = decode(result, channels=1, sample_rate=rate)
    assert found_rate == rate and found.shape[1] == pytest.approx(expected.shape[1], abs=0.1 * rate)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.12)
    head = connection.sound(path, "HEAD", query=f"?as={encoding}")
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", media_type)


def test_what_is_no_sound_is_a_problem_that_names_the_file(connection: Connection, song: Path) -> None:
    for address in (f"/tracks/{connection.id(song)}/audio?as=ogg", f"/tracks/{connection.id(song)}/peaks"):
        answer = connection.ask(address)
        problem = json.loads(answer.body)
        assert answer.status == 422 and os.fspath(song) in problem["title"], problem
        assert "/proc" not in problem["title"]
    answer = connection.sound(song, query="?as=exe")
    assert json.loads(answer.body)["code"] == "request-invalid"


def test_too_many_encoded_streams_are_refused(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = connection.root / "busy.wav"
    soundfile.write(path, tone(440.0, 1.0), 8000)
    connection.know(path)
    monkeypatch.setattr("genrelab.serve.sound.sending._MOST_ENCODED", 0)
    answer = connection.sound(path, query="?as=ogg")
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "encoding-busy")
    assert answer.headers["retry-after"] == "5"
    assert connection.sound(path).status == 200


def test_an_encoded_stream_that_ended_makes_room(
    connection: Connection, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = connection.root / "room.wav"
    soundfile.write(path, tone(440.0, 1.0), 8000)
    connection.know(path)
    monkeypatch.setattr("genrelab.serve.sound.sending._MOST_ENCODED", 1)
    for _ in range(3):
        assert connection.sound(song, query="?as=ogg").status == 422
        assert connection.sound(path, query="?as=ogg").status == 200


def test_the_client_reads_what_the_server_sends(connection: Connection, song: Path) -> None:
    from genrelab.client import Client

    with closing(Client(f"http://127.0.0.1:{connection.port}")) as client:
        page = client.tracks(search="song.bin")
        assert [track.id for track in page.items] == [connection.id(song)]
        assert (page.items[0].genre, page.total) == ("rock", 1)
        assert client.track(connection.id(song))["name"] == "song.bin"
        assert client.statistics()["genres"]["rock"] >= 1
