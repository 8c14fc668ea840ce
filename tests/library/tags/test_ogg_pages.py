"""Ogg files whose comments grow or shrink by a page: those behind get new numbers, if they are whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import tagged
from mutagen.ogg import OggPage
from mutagen.oggvorbis import OggVorbis
from raising import raises

from genrelab.library.tags import read_tag, tag_errors

LONG = "x" * 70_000  # more than the 65,025 bytes of one page


@pytest.fixture(params=["long", "short"])
def song(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A file, and genres with which its comments take a page more or a page less."""
    path = tagged.make(tmp_path, "ogg")
    rewritten(path, LONG if request.param == "short" else "Ska")
    return path, ("Ska",) if request.param == "short" else (LONG,)


def rewritten(path: Path, *genres: str) -> None:
    draft = path.with_suffix(".draft")
    with path.open("rb") as source, draft.open("w+b") as file, tag_errors(path):
        tag = read_tag(source, path)
        tag.set(genres)
        if genres != (LONG,):
            tag._size = 0  # no room is kept
        tag.write(source, file)
    draft.replace(path)


def pages(data: bytes) -> list[int]:
    """Where the pages begin."""
    found, at = [], data.find(b"OggS")
    while at >= 0:
        found.append(at)
        at = data.find(b"OggS", at + 4)
    return found


def test_the_sound_stays_and_pages_are_numbered_in_a_row(song: tuple[Path, tuple[str, ...]]) -> None:
    path, genres = song
    samples, before = soundfile.read(path)[0], pages(path.read_bytes())
    rewritten(path, *genres)
    assert OggVorbis(path)["genre"] == list(genres)
    assert (soundfile.read(path)[0] == samples).all()
    data = path.read_bytes()
    numbers = [int.from_bytes(data[at + 18 : at + 22], "little") for at in pages(data)]
    assert numbers == list(range(len(numbers))) and len(numbers) != len(before)


def test_with_a_damaged_page_behind_nothing_is_numbered_anew(song: tuple[Path, tuple[str, ...]]) -> None:
    path, genres = song
    data = bytearray(path.read_bytes())
    last = pages(bytes(data))[-1]
    data[last + 22] ^= 1  # its checksum: written anew, it would be right, and the damage hidden
    path.write_bytes(data)
    with raises("tag-checksum", path):
        rewritten(path, *genres)
    assert path.read_bytes() == data


@pytest.mark.parametrize("step", [-1, 1])
def test_pages_of_another_stream_among_the_headers_stay(step: int, tmp_path: Path) -> None:
    """As in video: each stream has its number, and its own pages in between."""
    path = tagged.make(tmp_path, "ogg")
    data = path.read_bytes()
    second = pages(data)[1]
    foreign = OggPage()
    foreign.serial = int.from_bytes(data[14:18], "little") + step
    foreign.packets, foreign.sequence = [b"\3vorbis, but of another stream"], 1
    path.write_bytes(data[:second] + foreign.write() + data[second:])
    rewritten(path, "Ska")
    after = path.read_bytes()
    assert foreign.write() in after and after.count(b"another stream") == 1
    assert OggVorbis(path)["genre"] == ["Ska"] and OggVorbis(path)["title"] == ["Lied ohne Wörter"]
