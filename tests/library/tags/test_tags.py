"""Every tag format: the genre is written and taken back, nothing else changes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tagged
from raising import raises
from rewriting import rewrite
from tagged import KINDS, RECORDED_KINDS

from genrelab.library.store.audio_digest import sound_digest
from genrelab.library.tags import read_tag

GENRES = ("Hip-Hop", "Größe ω")


ALL_KINDS = {**KINDS, **RECORDED_KINDS}


@pytest.fixture(params=ALL_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_write_and_take_back(kind: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    whole, had = path.read_bytes(), ALL_KINDS[kind][2]
    seen = (tagged.samples(path), tagged.as_ffmpeg_sees(path), tagged.as_ffprobe_sees(path))
    by_mutagen, sound = tagged.as_mutagen_sees(path), sound_digest(path)
    with path.open("rb") as file:
        tag = read_tag(file, path)
        assert tag.genres == had
        stored = tag.stored(GENRES)

    before = rewrite(path, lambda tag: tag.set(GENRES))
    with path.open("rb") as file:
        assert read_tag(file, path).genres == stored
    assert tagged.genres(path) == stored
    assert (tagged.samples(path), tagged.as_ffmpeg_sees(path), tagged.as_ffprobe_sees(path)) == seen
    assert sound_digest(path) == sound
    assert tagged.as_mutagen_sees(path) == by_mutagen

    rewrite(path, lambda tag: tag.restore(before))
    with path.open("rb") as file:
        assert read_tag(file, path).genres == had
    if not kind.startswith(("m4a", "oga", "ogg", "opus")):
        assert path.read_bytes() == whole
    assert (tagged.samples(path), tagged.as_ffmpeg_sees(path), tagged.as_ffprobe_sees(path)) == seen
    assert tagged.as_mutagen_sees(path) == by_mutagen
    assert sound_digest(path) == sound


def _refused(path: Path, code: str) -> None:
    with path.open("rb") as file, raises(code, path):
        read_tag(file, path)


@pytest.mark.parametrize("container", ["mpg", "avi", "au", "caf", "w64", "rf64", "flv"])
def test_files_that_hold_frames_of_mpeg_are_not_mpeg_files(container: str, tmp_path: Path) -> None:
    """An ID3v2 tag before them would make them unreadable."""
    path = tagged.write_sound(tmp_path / f"x.{container}", container)
    _refused(path, "tag-format-unsupported")
    head, frames = path.read_bytes()[:64], tagged.write_sound(tmp_path / "x.mp3", "mp3").read_bytes()
    path.write_bytes(head + frames)
    _refused(path, "tag-format-unsupported")


@pytest.mark.parametrize("kind", ["ogg", "opus", "oga"])
def test_a_damaged_page_of_ogg_is_not_made_to_look_whole(kind: str, tmp_path: Path) -> None:
    """To write a page is to give it a new checksum, and damage would not be seen any more."""
    path = tagged.make(tmp_path, kind)
    data = path.read_bytes()
    comment = data.index(b"ARTIST")
    path.write_bytes(data[:comment] + b"a" + data[comment + 1 :])
    _refused(path, "tag-checksum")
    path.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    many = [f"genre {number} of many" * 50 for number in range(100)]  # takes more pages: all get new numbers
    with raises("tag-checksum", path):
        rewrite(path, lambda tag: tag.set(many))
    rewrite(path, lambda tag: tag.set(GENRES))  # leaves the damaged page alone
    assert tagged.genres(path) == GENRES


@pytest.mark.parametrize(("kind", "flag"), [("mp3-23", 1), ("mp3-24", 4), ("mp3-22", 32)])
def test_id3_of_unknown_flags_is_refused(kind: str, flag: int, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    data = bytearray(path.read_bytes())
    data[5] |= flag
    path.write_bytes(data)
    _refused(path, "tag-damaged")


@pytest.mark.parametrize(("kind", "order"), [("wav", "little"), ("aiff", "big")])
def test_a_length_beyond_the_end_is_refused_at_once(kind: str, order: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    data = path.read_bytes()
    path.write_bytes(data[:4] + (2**32 - 10).to_bytes(4, order) + data[8:])  # type: ignore[arg-type]
    began = time.process_time()
    _refused(path, "tag-file-length")
    assert time.process_time() - began < 1.0


def test_the_digest_of_a_header_that_states_too_much(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wma")
    data = path.read_bytes()
    path.write_bytes(data[:16] + b"\xff" * 8 + data[24:])
    assert len(sound_digest(path)) == 32


def test_a_header_of_wma_that_does_not_add_up_is_refused(tmp_path: Path) -> None:
    """What its last object leaves would be taken for padding, though the sound begins there."""
    path = tagged.make(tmp_path, "wma")
    data = path.read_bytes()
    padding = data.index(bytes.fromhex("74d40618dfca0945a4ba9aabcb96aae8"))
    path.write_bytes(data[: padding + 16] + bytes([data[padding + 16] - 1]) + data[padding + 17 :])
    _refused(path, "tag-damaged")
    path.write_bytes(data[:24] + b"\xff" + data[25:])
    _refused(path, "tag-damaged")


_LIMITED = """
import resource, sys
from pathlib import Path
from rewriting import rewrite
from genrelab.errors import TagError
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
try:
    rewrite(Path(sys.argv[1]), lambda tag: tag.set(("Dub",)))
except TagError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes")
def test_a_table_of_mp4_that_states_too_much_is_refused(tmp_path: Path) -> None:
    """mutagen asks for as much memory as the file tells it to."""
    path = tagged.make(tmp_path, "m4a-fast-bare")
    data = path.read_bytes()
    at = data.index(b"stco") - 4
    path.write_bytes(data[:at] + b"\xff" * 4 + data[at + 4 :])
    command = [sys.executable, "-c", _LIMITED, str(path)]
    paths = os.pathsep.join([str(Path(tagged.__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "cannot be read or written (MemoryError)" in said.stdout, said.stderr
