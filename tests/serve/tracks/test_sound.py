"""The sound of tracks over a real connection: ranges, conditions, encoding, peaks, files that change."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import loops
import numpy as np
import pytest
import soundfile
import tagged
import uvicorn
from raising import raises
from tiny_onnx import tone

from genrelab.audio.decode import decode, probe
from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition
from genrelab.serve import track_id
from genrelab.serve.app import create_app
from genrelab.serve.guard.roots import Roots
from genrelab.serve.settings import ServeSettings
from genrelab.serve.sound.opened import OpenedTrack
from genrelab.serve.sound.ranges import has_tag, is_current, wanted_range
from genrelab.serve.sound.sending import Sound

BINARY = bytes(range(256)) * 40


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """A server on the loopback and the music that it serves."""

    port: int
    root: Path
    library: Path
    folders: dict[str, Path] = field(default_factory=dict)

    def ask(self, address: str, method: str = "GET", **headers: str) -> Reply:
        """Send a request; `_` in names of headers stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, f"/api/v1{address}", headers=named)
            answer = connection.getresponse()
            body = answer.read()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, body)

    def sound(self, path: Path, method: str = "GET", query: str = "", **headers: str) -> Reply:
        return self.ask(f"/tracks/{self.id(path)}/audio{query}", method, **headers)

    def id(self, path: Path) -> str:
        return track_id.encode(os.fsencode(path))

    def know(self, path: Path) -> Path:
        """Put a file into the library, without recognizing it."""
        with Library(self.library) as library:
            said = Recognition(path, "m", duration=1.0, genre="rock", confidence=0.9)
            library.tracks.store(FileSnapshot(path), said)
        return path


@contextmanager
def serving(settings: ServeSettings) -> Iterator[int]:
    """Run a server in a thread; yield its port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    root, library = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("library") / "library.db"
    Library(library).close()
    with serving(ServeSettings(library=library, roots=(root,))) as port:
        yield Connection(port, Path(os.path.realpath(root)), library)


@pytest.fixture
def song(connection: Connection) -> Path:
    path = connection.root / "song.bin"
    if not path.exists():
        path.write_bytes(BINARY)
    return connection.know(path)


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


def descriptors() -> set[str]:
    return {os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if exists(name)}


def exists(name: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{name}")


def test_a_client_that_goes_away_leaves_no_file_open(connection: Connection) -> None:
    path = connection.root / "long.wav"
    soundfile.write(path, tone(440.0, 1200.0, rate=16_000), 16_000)
    connection.know(path)
    for query in ("", "?as=flac"):
        raw = socket.create_connection(("127.0.0.1", connection.port))
        request = f"GET /api/v1/tracks/{connection.id(path)}/audio{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        raw.sendall(request.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        raw.close()
    end = time.monotonic() + 30
    while os.fspath(path) in descriptors():
        assert time.monotonic() < end, "the file is still open"
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "parent"])
def test_a_path_that_leads_elsewhere_now_leaks_nothing(
    connection: Connection, tmp_path: Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "x.mp3").write_bytes(b"secret")
    folder = connection.root / f"{kind} place"
    folder.mkdir()
    path = folder / "x.mp3"
    path.write_bytes(b"music")
    connection.know(path)
    assert connection.sound(path).body == b"music"
    shutil.rmtree(folder) if kind == "parent" else path.unlink()
    if kind == "link":
        path.symlink_to(secret / "x.mp3")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        folder.symlink_to(secret)
    for address in ("/audio", "/audio?as=ogg", "/peaks", ""):
        answer = connection.ask(f"/tracks/{connection.id(path)}{address}")
        assert b"secret" not in answer.body.replace(os.fsencode(secret), b"")
        assert answer.status == (403 if address else 200), answer.body
    assert json.loads(answer.body)["file"]["problem"] in ("outside-roots", "track-file-special")


def test_a_link_to_another_file_under_the_root_is_followed(connection: Connection) -> None:
    path, other = connection.root / "linked.bin", connection.root / "other.bin"
    path.write_bytes(b"first")
    other.write_bytes(b"second")
    connection.know(path)
    path.unlink()
    path.symlink_to(other)
    assert connection.sound(path).body == b"second"


def test_a_file_that_is_replaced_after_the_check_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    root.mkdir()
    secret.write_bytes(b"secret")
    path = root / "x.mp3"
    path.write_bytes(b"music")
    track = OpenedTrack(Roots([root]), os.fsencode(path))
    path.unlink()
    path.symlink_to(secret)
    with track:  # opened before: still the file that was checked, for decoders too
        assert track.file.read() == b"music" == track.decodable.read_bytes()
    path.unlink()
    path.write_bytes(b"music")
    opened = os.open

    def swap(name: bytes, flags: int) -> int:
        path.unlink()
        path.symlink_to(secret)
        return opened(name, flags)

    def swap_there_and_back(name: bytes, flags: int) -> int:
        descriptor = swap(name, flags)
        path.unlink()
        path.write_bytes(b"music")
        return descriptor

    for exchanged in (swap_there_and_back, swap):
        monkeypatch.setattr(os, "open", exchanged)
        with raises("outside-roots"):
            OpenedTrack(Roots([root]), os.fsencode(path))


def test_a_file_that_shrinks_while_it_is_sent_ends_the_response_early(tmp_path: Path) -> None:

    path = tmp_path / "x.bin"
    path.write_bytes(bytes(3_000_000))

    async def read() -> int:
        with OpenedTrack(Roots([tmp_path]), os.fsencode(path)) as track:
            count = 0
            async for part in Sound(None)._parts(track, range(3_000_000)):  # type: ignore[arg-type]
                count += len(part)
                os.truncate(path, 500_000)
            return count

    assert loops.run(read()) == 500_000


def test_peaks_are_those_of_the_samples(connection: Connection) -> None:
    rate, seconds = 22_050, 90
    time_axis = np.arange(rate * seconds) / rate
    wave = (np.sin(2 * np.pi * 220 * time_axis) * np.linspace(0, 0.9, time_axis.size)).astype(np.float32)
    wave[1000] = 0.95
    path = connection.root / "ramp.flac"
    soundfile.write(path, np.stack([wave, wave], axis=1), rate)
    connection.know(path)
    found = np.array(
        json.loads(connection.ask(f"/tracks/{connection.id(path)}/peaks?points=300").body)["peaks"]
    )
    assert found.shape == (300, 2)
    assert (found[:, 0] <= found[:, 1]).all() and np.abs(found).max() <= 1
    parts = np.array_split(wave, 300)
    np.testing.assert_allclose(found[:, 1], [part.max() for part in parts], atol=0.02)
    np.testing.assert_allclose(found[:, 0], [part.min() for part in parts], atol=0.02)
    finest = json.loads(connection.ask(f"/tracks/{connection.id(path)}/peaks?points=4000").body)["peaks"]
    assert len(finest) == 4000
    assert (
        json.loads(connection.ask(f"/tracks/{connection.id(path)}/peaks?points=4001").body)["status"] == 422
    )


def test_peaks_of_a_changed_file_are_measured_again(connection: Connection) -> None:
    path = connection.root / "louder.wav"
    levels = []
    for level in (0.1, 0.8):
        soundfile.write(path, tone(300.0, 1.0, level=level), 8000)
        os.utime(path, ns=(0, round(level * 1e9)))
        connection.know(path)
        peaks = json.loads(connection.ask(f"/tracks/{connection.id(path)}/peaks?points=10").body)["peaks"]
        levels.append(max(high for _, high in peaks))
    assert levels == [pytest.approx(0.1, abs=0.01), pytest.approx(0.8, abs=0.01)]
