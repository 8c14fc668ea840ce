"""The sound of files that lead elsewhere, change or vanish, and their peaks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from pathlib import Path

import loops
import numpy as np
import pytest
import soundfile
from raising import raises
from sound_connection import Connection
from tiny_onnx import tone

from genrelab.serve.guard.roots import Roots
from genrelab.serve.sound.opened import OpenedTrack
from genrelab.serve.sound.sending import Sound


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
