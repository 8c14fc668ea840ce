"""What is read of a file in an object store, and that the answer is that of a local file."""

from __future__ import annotations

import os
from pathlib import Path

import long_sounds
import numpy as np
import pytest
from catalogue_rows import listed
from s3_store import Store

from genrelab.audio.containers.mpeg import index_mpeg
from genrelab.audio.decoders.spaced_mpeg import MisplacedFrameError, index_spaced
from genrelab.catalogue.objects.object_file import BLOCK, ObjectFile
from genrelab.catalogue.records import records
from genrelab.catalogue.settings import Settings
from genrelab.recognize import Recognition, Recognizer

FORMATS = long_sounds.FORMATS


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    wave = long_sounds.sound()
    for name, write in FORMATS.items():
        write(folder / name, wave)
    return folder


@pytest.fixture(scope="module")
def recognizer(model: Path) -> Recognizer:
    return Recognizer.load(model, threads=1)


def remote(path: Path, **options: bool) -> ObjectFile:
    """Return a file as an object, whose requests are reads of a local file."""

    def fetch(offset: int, count: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(count)

    return ObjectFile(f"s3://bucket/{path.name}", path.stat().st_size, fetch, **options)


def same(one: Recognition, other: Recognition) -> bool:
    assert one.error is None and one.embedding is not None and other.embedding is not None
    facts = [{**each.to_dict(), "path": None} for each in (one, other)]
    return facts[0] == facts[1] and np.array_equal(one.embedding, other.embedding)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_the_answer_is_that_of_the_local_file(name: str, songs: Path, recognizer: Recognizer) -> None:
    song = remote(songs / name)
    local, distant = recognizer(songs / name), recognizer.recognize_found(song)
    assert same(local, distant) and not local.full
    share = song.bytes_read / song.size
    print(f"{name}: {song.size} bytes, {song.bytes_read} read ({share:.0%}), {song.requests} requests")
    if name in long_sounds.SEEKABLE:
        assert share < 0.75
    else:
        assert share == 1.0  # once, although it is walked and then decoded


@pytest.mark.slow
def test_positions_by_a_rounded_table_are_near(songs: Path, recognizer: Recognizer) -> None:
    path = songs / "variable.mp3"
    song = remote(path, approximate=True)
    local, distant = recognizer(path), recognizer.recognize_found(song)
    assert song.bytes_read < 0.6 * song.size
    assert (local.genre, local.duration) == (distant.genre, distant.duration)
    exact, near = index_mpeg(path), index_spaced(remote(path, approximate=True))
    assert exact is not None and near is not None and len(exact.offsets) == len(near.offsets)
    for number in range(0, len(exact.offsets), 371):
        assert near.offsets[number] in exact.offsets
        assert abs(exact.offsets.index(near.offsets[number]) - number) <= 0.01 * len(exact.offsets)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in long_sounds.SEEKABLE if name.endswith("mp3")])
def test_computed_frames_are_those_of_a_walk(name: str, songs: Path) -> None:
    exact, spaced = index_mpeg(songs / name), index_spaced(remote(songs / name))
    assert exact is not None and spaced is not None
    chosen = [0, 1, len(exact.offsets) - 1, *range(100, len(exact.offsets), 97)]
    assert [spaced.offsets[each] for each in chosen] == [exact.offsets[each] for each in chosen]
    assert [spaced.sizes[each] for each in chosen] == [exact.sizes[each] for each in chosen]
    facts = ("kind", "channels", "declared", "delay", "padding", "missing", "damaged_frames")
    assert [getattr(spaced, each) for each in facts] == [getattr(exact, each) for each in facts]


@pytest.mark.slow
def test_other_frames_than_computed_are_walked(songs: Path, tmp_path: Path, recognizer: Recognizer) -> None:
    data = bytearray((songs / "constant.mp3").read_bytes())
    index = index_mpeg(songs / "constant.mp3")
    assert index is not None
    path = tmp_path / "moved.mp3"
    at = index.offsets[len(index.offsets) // 3]
    path.write_bytes(data[:at] + bytes(1000) + data[at:])  # the end is no longer where it should be
    assert index_spaced(remote(path)) is None
    assert same(recognizer(path), recognizer.recognize_found(remote(path)))
    for number in range(2400, 4400):  # the probes at a quarter and a half pass
        data[index.offsets[number] + 1] = 0
    path.write_bytes(data)
    spaced = index_spaced(remote(path))
    assert spaced is not None
    with pytest.raises(MisplacedFrameError):
        _ = spaced.offsets[3000]


@pytest.mark.slow
def test_the_rows_of_an_object_store(songs: Path, settings: Settings, store: Store) -> None:
    bucket = store.make_bucket("songs")
    damaged = bytearray((songs / "constant.mp3").read_bytes())
    index = index_mpeg(songs / "constant.mp3")
    assert index is not None
    for number in range(2400, 4400, 7):  # between the probes: frames that only reading finds misplaced
        damaged[index.offsets[number] + 1] = 0
    (songs / "damaged.mp3").write_bytes(damaged)
    local = {}
    for name in ("constant.mp3", "damaged.mp3", "table.flac"):
        store.put(f"{bucket}/{name}", (songs / name).read_bytes())
        local[name] = Recognizer.load(settings.model, threads=1)(songs / name)
    for row in records(listed(bucket), settings).to_pylist():
        name = row["path"].rpartition("/")[2]
        assert row["genres"] == local[name].to_dict()["genres"] and row["full"] is False
        assert [notice["kind"] for notice in row["notices"]] == [kind for kind, _ in local[name].notices]
        assert (row["bytes_read"] < 0.75 * row["size"]) == (name != "damaged.mp3")
    assert local["damaged.mp3"].damaged


def test_a_failed_request_is_an_error_of_all_that_follows(songs: Path) -> None:
    def fetch(offset: int, count: int) -> bytes:
        raise OSError("the store is gone")

    song = ObjectFile("s3://bucket/a.wav", 10 * BLOCK, fetch)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            song.open("rb").read(10)
    assert isinstance(song.error, OSError)


def test_readers_share_what_was_fetched(tmp_path: Path) -> None:
    data = os.urandom(40 * BLOCK + 5)
    path = tmp_path / "data"
    path.write_bytes(data)
    song = remote(path)
    reader = song.open("rb")
    for offset, count in ((0, 5), (3 * BLOCK - 2, 4), (len(data) - 3, 100), (0, len(data)), (len(data), 1)):
        reader.seek(offset)
        assert reader.read(count) == data[offset : offset + count]
    assert song.open("rb").read() == data
    assert song.bytes_read == len(data)
