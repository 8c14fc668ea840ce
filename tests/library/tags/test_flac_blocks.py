"""FLAC files whose metadata other programs made: blocks that are missing, double, damaged or cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import tagged
from mutagen.flac import FLAC
from raising import raises

from genrelab.library.tags import read_tag, tag_errors

COMMENTS, PADDING, APPLICATION = 4, 1, 2

Blocks = list[tuple[int, bytes]]


def parted(data: bytes) -> tuple[Blocks, bytes]:
    """The metadata blocks of a FLAC file, and its frames."""
    assert data[:4] == b"fLaC"
    blocks, at, last = [], 4, False
    while not last:
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        blocks.append((data[at] & 0x7F, data[at + 4 : at + 4 + size]))
        last, at = bool(data[at] & 0x80), at + 4 + size
    return blocks, data[at:]


def joined(blocks: Blocks, frames: bytes) -> bytes:
    heads = (
        bytes([kind | (0x80 if number == len(blocks) else 0)]) + len(data).to_bytes(3, "big") + data
        for number, (kind, data) in enumerate(blocks, start=1)
    )
    return b"fLaC" + b"".join(heads) + frames


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return tagged.make(tmp_path, "flac")


def rewritten(path: Path, *genres: str) -> None:
    draft = path.with_suffix(".draft")
    with path.open("rb") as source, draft.open("w+b") as file, tag_errors(path):
        tag = read_tag(source, path)
        tag.set(genres)
        tag.write(source, file)
    draft.replace(path)


def test_a_file_without_comments_gets_them_after_its_first_block(song: Path) -> None:
    blocks, frames = parted(song.read_bytes())
    bare = [blocks[0], (APPLICATION, b"testabc"), (PADDING, bytes(200))]
    song.write_bytes(joined(bare, frames))
    whole, samples = song.read_bytes(), soundfile.read(song)[0]
    with song.open("rb") as file:
        tag = read_tag(file, song)
        assert tag.genres == ()
        before = tag.snapshot()
    rewritten(song, "Ska", "Dub")
    after, sound = parted(song.read_bytes())
    assert [kind for kind, _ in after] == [0, COMMENTS, APPLICATION, PADDING]
    assert after[2] == bare[1] and sound == frames
    assert len(song.read_bytes()) == len(whole), "it came out of the padding"
    assert FLAC(song)["genre"] == ["Ska", "Dub"]
    assert (soundfile.read(song)[0] == samples).all()
    with song.open("rb") as source, (song.parent / "back").open("w+b") as draft:
        tag = read_tag(source, song)
        tag.restore(before)
        tag.write(source, draft)
    assert (song.parent / "back").read_bytes() == whole


def test_two_blocks_of_comments_are_refused(song: Path) -> None:
    blocks, frames = parted(song.read_bytes())
    (comments,) = [block for block in blocks if block[0] == COMMENTS]
    song.write_bytes(joined([*blocks, comments], frames))
    with raises("tag-several", song):
        rewritten(song, "Ska")


@pytest.mark.parametrize("cut", [5, 30, 60])
def test_metadata_that_is_cut_off_is_refused(song: Path, cut: int) -> None:
    song.write_bytes(song.read_bytes()[:cut])
    with raises("tag-file-cut-off", song):
        rewritten(song, "Ska")


@pytest.mark.parametrize("room", [0, 3, 4, 5, 100])
def test_what_room_is_left_is_padded_to_the_byte(song: Path, room: int) -> None:
    """With less than four bytes to spare no block of padding fits, and the file grows by a new one."""
    blocks, frames = parted(song.read_bytes())
    plain = [block for block in blocks if block[0] != PADDING]
    song.write_bytes(joined(plain, frames))
    rewritten(song, "Ska")
    needed = [block for block in parted(song.read_bytes())[0] if block[0] != PADDING]
    size = sum(4 + len(data) for _, data in needed)
    before = sum(4 + len(data) for _, data in plain)
    filler = size + room - before - 4
    song.write_bytes(joined([*plain, (PADDING, bytes(filler))], frames))
    whole = len(song.read_bytes())
    rewritten(song, "Ska")
    after, sound = parted(song.read_bytes())
    assert sound == frames and FLAC(song)["genre"] == ["Ska"]
    if room in (0, 4, 5, 100):
        assert len(song.read_bytes()) == whole
        assert [len(data) for kind, data in after if kind == PADDING] == ([room - 4] if room else [])
    else:
        assert len(song.read_bytes()) > whole
