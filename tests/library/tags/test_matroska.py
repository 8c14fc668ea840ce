"""Matroska and WebM: where a genre is read and written, what moves, and what is refused."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import pytest
import tagged
from raising import raises
from rewriting import rewrite

from genrelab.audio.containers import ebml
from genrelab.audio.containers.ebml import (
    CLUSTER,
    CUES,
    INFO,
    SEEK_HEAD,
    SEGMENT,
    TAGS,
    TRACKS,
    VOID,
    element,
)
from genrelab.library.store.audio_digest import sound_digest
from genrelab.library.tags import read_tag

GENRES = ("Hip-Hop", "Größe ω")
SONG = b"\x63\xc0\x84\x68\xca\x81\x1e"  # Targets of level 30
TRACK_1, TRACK_2 = b"\x63\xc0\x84\x63\xc5\x81\x01", b"\x63\xc0\x84\x63\xc5\x81\x02"
CHAPTER = b"\x63\xc0\x84\x63\xc4\x81\x09"
ALBUM_BY_NAME = b"\x63\xc0\x88\x63\xca\x85ALBUM"

needs_mkvtoolnix = pytest.mark.needs("mkvmerge")


def tool(*command: str | Path) -> str:
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=60)
    return run.stdout


def simple(name: str, text: str, more: bytes = b"") -> bytes:
    return element(0x67C8, element(0x45A3, name.encode()) + more + element(0x4487, text.encode()))


def tag(*parts: bytes) -> bytes:
    return element(0x7373, b"".join(parts))


def seek(id: int, position: int) -> bytes:
    return element(
        0x4DBB, element(0x53AB, id.to_bytes(4, "big")) + element(0x53AC, position.to_bytes(2, "big"))
    )


def by_hand(path: Path, *parts: bytes, tracks: int = 1, tail: bytes = b"") -> Path:
    """Write a file whose sound nobody decodes, with these parts between the tracks and the cluster."""
    entries = [
        element(0xAE, element(0xD7, bytes([number])) + element(0x73C5, bytes([number])) + b"\x83\x81\x02")
        for number in range(1, tracks + 1)
    ]
    cluster = element(CLUSTER, b"\xe7\x81\0" + element(0xA3, b"\x81\0\0\x80" + bytes(range(200))))
    segment = b"".join([element(TRACKS, b"".join(entries)), *parts, cluster, tail])
    head = element(ebml.EBML, element(0x4282, b"matroska"))
    path.write_bytes(head + element(SEGMENT, segment, 8))
    return path


def genres(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        return read_tag(file, path).genres


def layout(path: Path) -> list[tuple[int, int, int]]:
    """The parts of a segment, each with its place and size."""
    with path.open("rb") as file:
        segment = ebml.find_segment(file)
        assert segment.end == path.stat().st_size
        parts = ebml.elements_in(file, segment.start, segment.end)
        return [(part.id, part.at - segment.start, part.end - part.at) for part in parts]


def refused(path: Path, code: str, *quoted: object, act: Callable[[Path], object] = genres) -> None:
    whole = path.read_bytes()
    with raises(code, path, *quoted):
        act(path)
    assert path.read_bytes() == whole


def write(path: Path) -> object:
    return rewrite(path, lambda tag: tag.set(GENRES))


@pytest.mark.parametrize(
    ("tags", "tracks", "expected"),
    [
        ((tag(simple("GENRE", "Dub")),), 1, ("Dub",)),
        ((tag(SONG, simple("genre", "Dub"), simple("GENRE", "Ska")),), 1, ("Dub", "Ska")),
        ((tag(ALBUM_BY_NAME, simple("GENRE", "Dub")),), 1, ("Dub",)),
        ((tag(TRACK_1, simple("GENRE", "Dub")),), 1, ("Dub",)),
        ((tag(TRACK_1, simple("GENRE", "Dub")), tag(simple("GENRE", "Ska"))), 1, ("Ska",)),
        ((tag(TRACK_1, simple("GENRE", "Dub")),), 2, ()),
        ((tag(TRACK_2, simple("GENRE", "Dub")),), 1, ()),
        ((tag(CHAPTER, simple("GENRE", "Dub")),), 1, ()),
        ((tag(simple("ORIGINAL", "x", simple("GENRE", "Dub"))),), 1, ()),
        ((tag(simple("GENRE", " ")),), 1, ()),
        ((tag(simple("GENRE", "Dub\0\0")),), 1, ("Dub",)),
    ],
)
def test_which_genres_are_those_of_the_file(
    tags: tuple[bytes, ...], tracks: int, expected: tuple[str, ...], tmp_path: Path
) -> None:
    path = by_hand(
        tmp_path / "x.mka", element(TAGS, b"".join(tags)), tracks=tracks, tail=element(VOID, bytes(5))
    )
    assert genres(path) == expected


def test_genres_replace_those_that_are_for_the_file_and_no_others(tmp_path: Path) -> None:
    kept = [simple("ARTIST", "A"), simple("MOOD", "B"), tag(CHAPTER, simple("GENRE", "Polka"))]
    head = b"\xec\x83abc"
    tags = [
        head,
        tag(SONG, kept[0], simple("GENRE", "Dub"), kept[1]),
        kept[2],
        tag(simple("GENRE", "Ska")),
        tag(TRACK_1, simple("Genre", "Ska"), kept[1]),
    ]
    path = by_hand(tmp_path / "x.mka", element(TAGS, b"".join(tags)), element(VOID, bytes(300)))
    before = path.read_bytes()
    snapshot = rewrite(path, lambda tag: tag.set(GENRES))
    new = b"".join(simple("GENRE", genre) for genre in GENRES)
    expected = [head, tag(SONG, kept[0], new, kept[1]), kept[2], tag(TRACK_1, kept[1])]
    assert element(TAGS, b"".join(expected)) in path.read_bytes()
    assert len(path.read_bytes()) == len(before)
    rewrite(path, lambda tag: tag.restore(snapshot))
    assert path.read_bytes() == before


def test_a_new_genre_goes_where_players_show_it(tmp_path: Path) -> None:
    """FFmpeg puts a name before what belongs to a level that has one: `ALBUM/GENRE`."""
    tags = tag(ALBUM_BY_NAME, simple("TITLE", "A")) + tag(SONG, simple("TITLE", "B"))
    path = by_hand(tmp_path / "x.mka", element(TAGS, tags), element(VOID, bytes(300)))
    rewrite(path, lambda tag: tag.set(("Dub",)))
    assert tag(SONG, simple("TITLE", "B"), simple("GENRE", "Dub")) in path.read_bytes()
    path = by_hand(
        tmp_path / "y.mka", element(TAGS, tag(TRACK_1, simple("A", "B"))), element(VOID, bytes(300))
    )
    rewrite(path, lambda tag: tag.set(("Dub",)))
    album = b"\x63\xc0\x84\x68\xca\x81\x32"
    assert tag(TRACK_1, simple("A", "B")) + tag(album, simple("GENRE", "Dub")) in path.read_bytes()


@pytest.mark.parametrize("kind", ["mka-genre", "webm"])
def test_every_length(kind: str, tmp_path: Path) -> None:
    """What is left of the room may be none, a byte, or more; beyond it the tags move behind the sound."""
    path = tagged.make(tmp_path, kind, seconds=0.3)
    whole, parts, heard = path.read_bytes(), layout(path), tagged.samples(path)
    fixed = [part for part in parts if part[0] not in (TAGS, VOID, SEEK_HEAD)]
    moved = set()
    for length in (*range(1, 180), 5000):
        genre = "x" * length
        before = rewrite(path, lambda tag, genre=genre: tag.set((genre,)))
        found = layout(path)
        assert [part for part in found if part[0] not in (TAGS, VOID, SEEK_HEAD)] == fixed
        assert tagged.genres(path) == (genre,)
        with av.open(str(path)) as container:  # by way of the list of places, if it moved
            assert container.metadata["GENRE"] == genre and container.metadata["title"] == "Lied ohne Wörter"
        moved.add(found[-1][0] == TAGS)
        if length % 45 == 0:
            assert tagged.samples(path) == heard
        rewrite(path, lambda tag, before=before: tag.restore(before))
        assert path.read_bytes() == whole
    assert moved == ({False, True} if kind == "mka-genre" else {True})  # FFmpeg leaves no room in WebM


def test_tags_at_the_end_grow_there(tmp_path: Path) -> None:
    tags = element(TAGS, tag(simple("GENRE", "Dub")))
    places = element(SEEK_HEAD, seek(TAGS, 0x0102))
    path = by_hand(tmp_path / "x.mka", places, tail=tags)
    at = layout(path)[-1][1]
    path.write_bytes(path.read_bytes().replace(seek(TAGS, 0x0102), seek(TAGS, at)))
    before = layout(path)
    rewrite(path, lambda tag: tag.set(("x" * 200,)))
    assert [part[:2] for part in layout(path)] == [part[:2] for part in before]
    assert layout(path)[:-1] == before[:-1] and seek(TAGS, at) in path.read_bytes()


def test_what_follows_the_segment_stays_behind_it(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "x.mka", tail=element(TAGS, tag(simple("GENRE", "Dub"))))
    with path.open("ab") as file:
        file.write(b"something else")
    whole, sound = path.read_bytes(), sound_digest(path)
    rewrite(
        path, lambda tag: tag.set(("x" * 99,))
    )  # no list has had an entry for these tags, so none needs one
    assert path.read_bytes().endswith(b"x" * 99 + b"something else") and sound_digest(path) == sound
    path.write_bytes(whole)
    rewrite(path, lambda tag: tag.set(("Ska",)))
    assert path.read_bytes() == whole.replace(b"Dub", b"Ska") and sound_digest(path) == sound


def test_checksums_are_made_anew_where_there_were_some(tmp_path: Path) -> None:
    def checked(id: int, content: bytes) -> bytes:
        return element(id, b"\xbf\x84" + zlib.crc32(content).to_bytes(4, "little") + content)

    inner = checked(0x7373, simple("GENRE", "Dub"))
    places = checked(SEEK_HEAD, seek(TAGS, 0x0102))
    tags = checked(TAGS, inner)
    path = by_hand(tmp_path / "x.mka", places, tags)
    at = layout(path)[2][1]
    path.write_bytes(path.read_bytes().replace(places, checked(SEEK_HEAD, seek(TAGS, at))))
    rewrite(path, lambda tag: tag.set(("x" * 200,)))
    data = path.read_bytes()
    assert checked(TAGS, checked(0x7373, simple("GENRE", "x" * 200))) in data
    assert checked(SEEK_HEAD, seek(TAGS, layout(path)[-1][1])) in data
    path.write_bytes(data.replace(b"x" * 200, b"y" * 200))
    refused(path, "tag-damaged")


def test_no_room_is_said_before_anything_is_done(tmp_path: Path) -> None:
    places = element(SEEK_HEAD, seek(TRACKS, 0))
    refused(by_hand(tmp_path / "x.mka", places), "tag-no-room", act=write)
    refused(by_hand(tmp_path / "y.mka"), "tag-no-room", act=write)
    path = by_hand(tmp_path / "z.mka", element(VOID, bytes(200)))
    rewrite(path, lambda tag: tag.set(GENRES))
    assert genres(path) == GENRES and [part[0] for part in layout(path)] == [TRACKS, TAGS, VOID, CLUSTER]


def test_live_recordings_and_damage_are_refused(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "x.mka", element(TAGS, tag(simple("GENRE", "Dub"))))
    whole = path.read_bytes()
    at = whole.index(b"\x18\x53\x80\x67")
    path.write_bytes(whole[: at + 4] + b"\x01" + b"\xff" * 7 + whole[at + 12 :])
    refused(path, "tag-live-recording", "mkvmerge")
    cluster = whole.index(b"\x1f\x43\xb6\x75")
    path.write_bytes(whole[: cluster + 4] + b"\x7f\xff" + whole[cluster + 6 :])
    refused(path, "tag-live-recording", "mkvmerge")
    path.write_bytes(whole[:-1])
    refused(path, "tag-damaged")
    path.write_bytes(whole.replace(b"matroska", b"matr0ska"))
    refused(path, "tag-format-unsupported")
    refused(by_hand(path, element(0x1043A771, bytes(9))), "tag-damaged", "1043A771")
    refused(by_hand(path, b"\xbf\x84abcd"), "tag-segment-checksum", "mkvmerge")
    refused(by_hand(path, element(TAGS, b"\x73\x73\xff" + simple("GENRE", "Dub"))), "tag-damaged")


@pytest.mark.needs("ffmpeg")
def test_what_ffmpeg_pipes_is_refused(tmp_path: Path) -> None:
    """It cannot go back to say how long it has become."""
    source = tagged.make(tmp_path, "mka")
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-c", "copy", "-f", "matroska", "-"]
    path = tmp_path / "piped.mka"
    path.write_bytes(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    refused(path, "tag-live-recording")


def test_a_change_by_others_stays_when_a_genre_is_taken_back(tmp_path: Path) -> None:
    tags = element(TAGS, tag(SONG, simple("TITLE", "Old"), simple("GENRE", "Dub"), simple("MOOD", "calm")))
    path = by_hand(tmp_path / "x.mka", tags, element(VOID, bytes(99)))
    whole = path.read_bytes()
    before = rewrite(path, lambda tag: tag.set(GENRES))
    path.write_bytes(path.read_bytes().replace(b"Old", b"New"))
    rewrite(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == whole.replace(b"Old", b"New")
    for damaged in ("", "00", "789c"):
        before["segment"]["parts"][0][1] = damaged  # type: ignore[index,call-overload]
        rewrite(path, lambda tag: tag.restore(before))
        assert genres(path) == ("Dub",)


def test_the_hash_of_sound_is_of_what_decodes(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "x.mka", element(INFO, b"\x2a\xd7\xb1\x81\x05" + element(0x7BA9, b"A title")))
    whole, sound = path.read_bytes(), sound_digest(path)
    for other in (element(CUES, bytes(20)), element(VOID, bytes(20)), element(TAGS, tag(simple("A", "B")))):
        again = by_hand(
            tmp_path / "y.mka", other, element(INFO, b"\x2a\xd7\xb1\x81\x05" + element(0x7BA9, b"Another"))
        )
        assert sound_digest(again) == sound
    for old, new in ((b"\x2a\xd7\xb1\x81\x05", b"\x2a\xd7\xb1\x81\x06"), (b"\xd7\x81\x01", b"\xd7\x81\x02")):
        path.write_bytes(whole.replace(old, new))
        assert sound_digest(path) != sound
    uid, name = element(0x73C5, b"\1"), element(0x536E, b"N")
    path.write_bytes(whole.replace(uid, name))  # what the track is called instead of its number for tags
    assert path.read_bytes() != whole and sound_digest(path) == sound


@needs_mkvtoolnix
def test_mkvtoolnix_reads_what_is_written_and_writes_what_is_read(tmp_path: Path) -> None:
    """Files of mkvmerge have their tags at the end, and lists of places with room behind them."""
    source, path = tagged.make(tmp_path, "mka-genre"), tmp_path / "merged.mka"
    tool("mkvmerge", "-q", "-o", path, source)
    assert genres(path) == ("Dub",)
    whole, sound, heard = path.read_bytes(), sound_digest(path), tagged.samples(path)
    for texts in (GENRES, ("x" * 9000, "Last")):
        before = rewrite(path, lambda tag, texts=texts: tag.set(texts))
        said = tool("mkvextract", path, "tags")
        assert [text in said for text in texts] == [True, True] and said.count("<Name>GENRE") == 2
        assert "Lied ohne Wörter" in tool("mkvmerge", "-J", path) and "Ensemble Ω" in said
        assert (sound_digest(path), tagged.samples(path)) == (sound, heard)
        rewrite(path, lambda tag, before=before: tag.restore(before))
        assert path.read_bytes() == whole
    before = rewrite(path, lambda tag: tag.set(GENRES))
    tool("mkvpropedit", path, "--edit", "info", "--set", "title=Another title")
    assert sound_digest(path) == sound and genres(path) == GENRES
    rewrite(path, lambda tag: tag.restore(before))
    assert genres(path) == ("Dub",) and "Another title" in tool("mkvmerge", "-J", path)
    tool("mkvpropedit", path, "--tags", "all:")
    assert sound_digest(path) == sound and genres(path) == ()
    rewrite(path, lambda tag: tag.set(GENRES))
    assert tagged.genres(path) == GENRES and "Größe ω" in tool("mkvextract", path, "tags")
