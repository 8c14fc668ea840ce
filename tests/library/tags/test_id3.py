"""ID3v2 tags as others write them: frames that are not the genre stay bit for bit."""

from __future__ import annotations

from io import BytesIO

import mutagen.id3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelab.errors import TagError
from genrelab.library.tags.entries.id3 import Id3

PRIVATE = b"PRIV\0\0\0\x06\0\0ab\0\xff\xe0c"  # holds what looks like the beginning of an MPEG frame


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def tag(version: int, body: bytes, flags: int = 0) -> bytes:
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body)) + body


def text_frame(name: bytes, text: bytes, *, size: bytes | None = None, flags: bytes = b"\0\0") -> bytes:
    return name + (size or len(text).to_bytes(4, "big")) + flags + text


TITLE = text_frame(b"TIT2", b"\0Title", flags=b"\x60\x00")
UNKNOWN = text_frame(b"XYZ1", b"\xff\xfe\0whatever")
BROKEN_TEXT = text_frame(b"TPE1", b"\1odd")  # says UTF-16 and is none
COMPRESSED = text_frame(b"TALB", b"\0\0\0\5x\x9c\3\0\0", flags=b"\0\x80")


@pytest.mark.parametrize("version", [3, 4])
def test_odd_frames_stay(version: int) -> None:
    frames = [TITLE, UNKNOWN, BROKEN_TEXT, COMPRESSED, PRIVATE]
    whole = tag(version, b"".join(frames) + bytes(50))
    read = Id3.parse(whole)
    read.set_values(["Rock"])
    assert read.other_entries() == frames
    again = Id3.parse(read.render())
    assert again.values() == ("Rock",) and again.other_entries() == frames and again.version == version
    assert len(read.render()) == len(whole)  # it fits into the padding
    again.set_values([])
    assert again.render() == whole


def test_unsynchronised() -> None:
    body = (TITLE + PRIVATE).replace(b"\xff", b"\xff\x00")
    read = Id3.parse(tag(3, body, flags=0x80))
    assert read.entries == [TITLE, PRIVATE]
    read.set_values(["Ελληνικά"])
    found = mutagen.id3.ID3(BytesIO(read.render() + bytes(1000)), load_v1=False)
    assert found["TCON"].genres == ["Ελληνικά"]


@pytest.mark.parametrize(
    ("version", "extended"), [(3, b"\0\0\0\x06" + bytes(6)), (4, synchsafe(6) + b"\1\0"), (3, b"")]
)
def test_extended_header(version: int, extended: bytes) -> None:
    assert Id3.parse(tag(version, extended + TITLE, flags=0x40)).entries == [TITLE]


def test_footer() -> None:
    whole = tag(4, TITLE, flags=0x10)
    read = Id3.parse(whole + b"3DI" + whole[3:10])
    assert read.entries == [TITLE]
    assert Id3.parse(read.render()).entries == [TITLE]


def test_sizes_as_itunes_wrote_them() -> None:
    """ID3v2.4 with frame sizes that are not synchsafe."""
    long = text_frame(b"TIT2", b"\0" + b"t" * 200)
    read = Id3.parse(tag(4, long + TITLE))
    assert read.entries == [long, TITLE]


@pytest.mark.parametrize(
    "whole",
    [
        tag(3, b"TIT2\0\0\1\0\0\0short"),
        tag(3, TITLE + b"\0\0rest that is no padding"),
        tag(3, b"tit2" + TITLE[4:]),
        tag(9, TITLE),
        tag(2, b"TT2\0\0\2\0x", flags=0x40),
    ],
)
def test_damaged(whole: bytes) -> None:
    with pytest.raises(TagError):
        Id3.parse(whole)


@pytest.mark.parametrize(
    ("version", "genres", "expected"),
    [
        (2, ["Rock", "Pop"], ("Rock/Pop",)),
        (3, ["Rock", "Pop"], ("Rock/Pop",)),
        (3, ["Größe"], ("Größe",)),
        (3, ["ロック", "Pop"], ("ロック/Pop",)),
        (4, ["ロック", "Pop"], ("ロック", "Pop")),
    ],
)
def test_several_genres(version: int, genres: list[str], expected: tuple[str, ...]) -> None:
    read = Id3(version)
    read.set_values(genres)
    assert read.stored(genres) == expected
    found = mutagen.id3.ID3(BytesIO(read.render() + bytes(1000)), load_v1=False)
    assert tuple(found["TCON"].genres) == expected


@given(st.lists(st.text(min_size=1).filter(str.isprintable), min_size=1))
def test_any_text(genres: list[str]) -> None:
    read = Id3(4, [TITLE])
    read.set_values(genres)
    again = Id3.parse(read.render())
    assert again.other_entries() == [TITLE]
    found = mutagen.id3.ID3(BytesIO(read.render() + bytes(1000)), load_v1=False, translate=False)
    assert found["TCON"].text == genres
