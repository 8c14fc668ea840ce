"""Genres as other programs leave them: what players show is what counts, and it comes back."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import mutagen
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import pytest
import tagged

from genrelab.library import Library, Tagger, TagPolicy, TagRecord
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tags import read_tag
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre


@pytest.fixture
def write(library: Library) -> Callable[..., TagRecord]:
    """Write `rock` into a file."""

    def write(path: Path, wish: TagPolicy | None = None) -> TagRecord:
        said = Recognition(path, "m@1", genre="rock", confidence=0.9, genres=(RankedGenre("rock", 0.9),))
        library.tracks.store(FileSnapshot(path), said)
        (record,) = Tagger(library).tag([path], wish or TagPolicy("overwrite"), write=True)
        return record

    return write


def undo(library: Library, path: Path) -> None:
    (record,) = Tagger(library).undo([path])
    assert record.status == "undone", record.note


def genres_of(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        return read_tag(file, path).genres


def frame(version: int, *texts: bytes) -> bytes:
    """An ID3v2 tag with a frame of the genre for each text."""
    body = b""
    for text in texts:
        data = b"\0" + text
        if version == 2:
            body += b"TCO" + len(data).to_bytes(3, "big") + data
        else:
            body += b"TCON" + len(data).to_bytes(4, "big") + b"\0\0" + data
    body += bytes(40)
    return b"ID3" + bytes([version, 0, 0, 0, 0, len(body) >> 7, len(body) & 0x7F]) + body


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((b"(17)Rock",), ("Rock",)),
        ((b"(17)",), ("Rock",)),
        ((b"17",), ("Rock",)),
        ((b"(4)Eurodisco",), ("Disco", "Eurodisco")),
        ((b"(31)(39)",), ("Trance", "Noise")),
        ((b"(RX)",), ("Remix",)),
        ((b"(CR)",), ("Cover",)),
        ((b"(255)",), ("Unknown",)),
        ((b"((Ironic) Pop",), ("(Ironic) Pop",)),
        ((b"Dub", b"Ska"), ("Dub", "Ska")),
        ((b"Dub\0Ska",), ("Dub", "Ska")),
        ((b"Dub\0",), ("Dub",)),
        ((b"R&B/Soul",), ("R&B/Soul",)),
        ((b"",), ()),
    ],
)
def test_genres_of_id3(
    texts: tuple[bytes, ...],
    expected: tuple[str, ...],
    version: int,
    tmp_path: Path,
    library: Library,
    write: Callable[..., TagRecord],
) -> None:
    path = tagged.make(tmp_path, "mp3-bare")
    path.write_bytes(frame(version, *texts) + path.read_bytes())
    whole = path.read_bytes()
    assert genres_of(path) == expected
    assert write(path).before == expected
    assert tagged.genres(path) == ("rock",)
    with av.open(str(path)) as container:
        assert container.metadata["genre"] == "rock"
    undo(library, path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["mp3-24", "mp3-23"])
def test_an_apev2_tag_that_says_something_else(
    kind: str, tmp_path: Path, library: Library, write: Callable[..., TagRecord]
) -> None:
    """It stays, some players show it, and the record says so; with it there is a genre."""
    path = tagged.make(tmp_path, kind)
    tagged.tag_ape(path, "Dub")
    whole = path.read_bytes()
    assert write(path, TagPolicy()).note == "has a genre"
    record = write(path)
    assert (record.status, record.before, record.after) == ("written", ("Dub",), ("rock",))
    assert "APEv2" in str(record.note) and "Dub" in str(record.note)
    assert mutagen.apev2.APEv2(path)["Genre"] == "Dub" and genres_of(path) == ("rock",)
    undo(library, path)
    assert path.read_bytes() == whole

    file = mutagen.id3.ID3(path)
    file.add(mutagen.id3.TCON(encoding=0, text="Other"))
    file.save()
    left = write(path, TagPolicy())
    assert (left.status, left.note) == ("left", "has a genre in another tag: Dub")


def test_an_apev2_tag_that_says_the_same_is_not_mentioned(
    tmp_path: Path, write: Callable[..., TagRecord]
) -> None:
    path = tagged.make(tmp_path, "mp3-24")
    tagged.tag_ape(path, "rock")
    tags = mutagen.apev2.APEv2(path)
    assert write(path).note == "has it already"
    tags["Genre"] = mutagen.apev2.APEValue(b"\1\2", mutagen.apev2.BINARY)
    tags.save(str(path))
    assert genres_of(path) == () and write(path).note is None


def test_an_id3v1_genre_beside_an_empty_one_of_id3v2(tmp_path: Path, write: Callable[..., TagRecord]) -> None:
    path = tagged.make(tmp_path, "mp3-24")
    tagged.tag_id3v1(path, 8)
    assert (genres_of(path), write(path, TagPolicy()).note) == (("Jazz",), "has a genre")


def test_an_id3v1_genre_that_says_nothing(
    tmp_path: Path, library: Library, write: Callable[..., TagRecord]
) -> None:
    path = tagged.make(tmp_path, "mp3-bare")
    tagged.tag_id3v1(path, 12)
    whole = path.read_bytes()
    record = write(path, TagPolicy())
    assert (record.status, record.before) == ("written", ("Other",))
    undo(library, path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["m4a", "m4a-fast"])
def test_several_genres_in_mp4(
    kind: str, tmp_path: Path, library: Library, write: Callable[..., TagRecord]
) -> None:
    """As several values of one atom, and as several atoms."""
    path = tagged.make(tmp_path, kind)
    file = mutagen.mp4.MP4(path)
    file["\xa9gen"] = ["Dub", "Ska"]
    file.save()
    one = path.read_bytes()
    data = b"\0\0\0\x13data\0\0\0\1\0\0\0\0"
    joined = b"\0\0\0\x2e\xa9gen" + data + b"Dub" + data + b"Ska"
    apart = b"".join(b"\0\0\0\x1b\xa9gen" + data + name for name in (b"Dub", b"Ska"))
    assert one.count(joined) == 1 and len(apart) == len(joined) + 8
    for whole in (one, _with_longer_atom(one, joined, apart)):
        path.write_bytes(whole)
        assert genres_of(path) == ("Dub", "Ska")
        samples = tagged.samples(path)
        assert write(path).before == ("Dub", "Ska")
        assert tagged.genres(path) == ("rock",)
        undo(library, path)
        assert genres_of(path) == ("Dub", "Ska") and tagged.samples(path) == samples


def _with_longer_atom(data: bytes, old: bytes, new: bytes) -> bytes:
    """Put an atom of 8 bytes more into `ilst`, and take them from the padding behind."""
    at = data.index(old)
    free = data.index(b"free", at)
    size = int.from_bytes(data[free - 4 : free], "big")
    assert size >= 16
    for name in (b"ilst",):
        place = data.rindex(name, 0, at)
        length = int.from_bytes(data[place - 4 : place], "big") + 8
        data = data[: place - 4] + length.to_bytes(4, "big") + data[place:]
    between = data[at + len(old) : free - 4]
    return (
        data[:at]
        + new
        + between
        + (size - 8).to_bytes(4, "big")
        + b"free"
        + bytes(size - 16)
        + data[free - 4 + size :]
    )


@pytest.mark.parametrize("kind", ["flac", "ogg", "opus", "oga"])
def test_vorbis_comments_in_any_case(
    kind: str, tmp_path: Path, library: Library, write: Callable[..., TagRecord]
) -> None:
    path = tagged.make(tmp_path, kind)
    file = mutagen.File(path)
    for key, text in (
        ("genre", "Dub"),
        ("Genre", "Ska"),
        ("GENRE", "Dub"),
        ("gEnRe", " "),
        ("GENRES", "kept"),
    ):
        file.tags.append((key, text))
    file.save()
    seen = tagged.as_mutagen_sees(path)
    assert genres_of(path) == ("Dub", "Ska", "Dub")
    assert write(path).status == "written"
    assert tagged.genres(path) == ("rock",) and tagged.as_mutagen_sees(path) == seen
    undo(library, path)
    keys = [key for key, _ in mutagen.File(path).tags if key.lower() == "genre"]
    assert keys == ["genre", "Genre", "GENRE", "gEnRe"]


def test_a_genre_of_wma_that_is_no_text(
    tmp_path: Path, library: Library, write: Callable[..., TagRecord]
) -> None:
    path = tagged.make(tmp_path, "wma")
    file = mutagen.asf.ASF(path)
    file["WM/Genre"] = [mutagen.asf.ASFDWordAttribute(17)]
    file.save()
    whole = path.read_bytes()
    assert genres_of(path) == ("17",)
    write(path)
    undo(library, path)
    assert path.read_bytes() == whole


def test_zero_separated_genres_in_utf16(tmp_path: Path) -> None:
    """Each text has its own byte order mark, as programs write them."""
    path = tagged.make(tmp_path, "mp3-23")
    with path.open("rb") as source:
        tag = read_tag(source, path)
        tag.id3v23_separator = "\0"
        tag.set(["Größe ω", "ロック"])
        draft = io.BytesIO()
        tag.write(source, draft)
    path.write_bytes(draft.getvalue())
    assert tagged.genres(path) == ("Größe ω", "ロック") == genres_of(path)
    assert b"\xff\xfe" + "ロック".encode("utf-16-le") in draft.getvalue()
