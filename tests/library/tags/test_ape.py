"""APEv2 in WavPack, Monkey's Audio, Musepack and TTA: what is written where, and what is refused."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

import mutagen
import mutagen.apev2
import mutagen.trueaudio
import numpy as np
import pytest
import tagged
from mutations import mutate
from raising import raises
from rewriting import checked_rewrite, rewrite

from genrelab.audio.containers.outer_tags import skip_id3, tail_start
from genrelab.errors import TagError
from genrelab.library.store.audio_digest import sound_digest
from genrelab.library.tags import read_tag

GENRES = ("Hip-Hop", "Größe ω")
KINDS = ("wv", "tta", "ape", "mpc")


def bare(folder: Path, kind: str) -> Path:
    """A file of one of the formats with no tag at all."""
    return tagged.make(folder, f"{kind}-bare")


def sv7(frames: int) -> bytes:
    """Musepack SV7 by hand, as nothing encodes it any more: silence, which FFmpeg and mpcdec decode."""

    def words(bits: str) -> bytes:
        bits += "0" * (-len(bits) % 32)
        return b"".join(struct.pack("<I", int(bits[at : at + 32], 2)) for at in range(0, len(bits), 32))

    stream = words("0" * 96 + "1" + format(1152, "011b") + "0" * 20)  # one band; the last frame is whole
    return (
        b"MP+\7"
        + struct.pack("<I", frames)
        + stream
        + words("0" * 8 + (format(8, "020b") + "0" * 8) * frames)
    )


def refused(path: Path, code: str, *quoted: object) -> None:
    with path.open("rb") as file, raises(code, path, *quoted):
        read_tag(file, path)


@pytest.mark.parametrize("kind", KINDS)
def test_other_items_stay_bit_for_bit(kind: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    tagged._put_behind(path, b"")
    tagged.tag_items(path, "Dub")
    before = path.read_bytes()
    rewrite(path, lambda tag: tag.set(GENRES))
    old, new = b"\3\0\0\0\0\0\0\0GENRE\0Dub", "Hip-Hop\0Größe ω".encode()
    item = struct.pack("<2I", len(new), 0) + b"Genre\0" + new
    assert before.count(old) == 1
    at = before.index(b"APETAGEX")
    after = path.read_bytes()
    assert after[:at] == before[:at]
    ends = (slice(at + 32, -32), slice(at + 20, at + 32), slice(-12, None))
    assert after[ends[0]] == before[ends[0]].replace(old, item)
    assert [after[end] for end in ends[1:]] == [before[end] for end in ends[1:]]
    assert struct.unpack("<3I", after[at + 8 : at + 20]) == (2000, len(after) - at - 32, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_tag_has_header_and_footer(kind: str, tmp_path: Path) -> None:
    path = bare(tmp_path, kind)
    before = path.read_bytes()
    rewrite(path, lambda tag: tag.set(GENRES))
    tag = path.read_bytes()[path.read_bytes().index(b"APETAGEX") :]
    item = struct.pack("<2I", 18, 0) + b"Genre\0" + "Hip-Hop\0Größe ω".encode()
    sizes = struct.pack("<3I", 2000, len(item) + 32, 1)
    ends = [b"APETAGEX" + sizes + flags + bytes(8) for flags in (b"\0\0\0\xa0", b"\0\0\0\x80")]
    assert tag == ends[0] + item + ends[1]
    if kind != "tta":
        assert path.read_bytes() == before + tag


def test_a_footer_alone_stays_alone(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wv-footer")
    rewrite(path, lambda tag: tag.set(GENRES))
    assert path.read_bytes().count(b"APETAGEX") == 1
    assert mutagen.apev2.APEv2(path)["genre"] == "Hip-Hop\0Größe ω"


def test_tta_without_tags_gets_what_every_player_reads(tmp_path: Path) -> None:
    """TagLib and mutagen look for ID3 alone, others for APEv2."""
    path = bare(tmp_path, "tta")
    rewrite(path, lambda tag: tag.set(GENRES))
    assert mutagen.trueaudio.TrueAudio(path).tags["TCON"].genres == list(GENRES)
    assert list(mutagen.apev2.APEv2(path)["Genre"]) == list(GENRES)


def test_all_tags_of_tta_say_the_same(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "tta-both")
    tagged.tag_id3v1(path, 4)
    rewrite(path, lambda tag: tag.set(("Jazz",)))
    assert mutagen.trueaudio.TrueAudio(path).tags["TCON"].genres == ["Jazz"]
    assert list(mutagen.apev2.APEv2(path)["Genre"]) == ["Jazz"]
    assert path.read_bytes()[-1] == 8


@pytest.mark.parametrize("kind", KINDS)
def test_id3v1_alone_is_taken_over(kind: str, tmp_path: Path) -> None:
    path = bare(tmp_path, kind)
    tagged.tag_id3v1(path, 17)
    before, sound = path.read_bytes(), sound_digest(path)
    snapshot = rewrite(path, lambda tag: tag.set(("Blues",)))
    found = mutagen.apev2.APEv2(path)
    texts = ("Title", "Artist", "Album", "Year", "Track", "Comment", "Genre")
    assert [str(found[key]) for key in texts] == [
        *("Old title", "Old artist", "Old album", "1999", "7", "old comment", "Blues")
    ]
    assert path.read_bytes()[-128:] == before[-128:-1] + b"\0"
    assert sound_digest(path) == sound
    rewrite(path, lambda tag: tag.restore(snapshot))
    assert path.read_bytes() == before


def test_the_hash_of_sound_is_what_it_was_before_these_tags_were_written(tmp_path: Path) -> None:
    """Libraries have it."""
    for kind in KINDS:
        path = tagged.make(tmp_path, kind)
        with path.open("rb") as file:
            sound = path.read_bytes()[(start := skip_id3(file)) : tail_start(file, start)]
        assert sound_digest(path) == hashlib.sha256(b"other" + sound).digest()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_off_is_refused(kind: str, tmp_path: Path) -> None:
    """A decoder would take the tag for sound."""
    path = bare(tmp_path, kind)
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 20):
        path.write_bytes(whole[:length])
        refused(path, "tag-file-cut-off")
    path.write_bytes(whole)
    tagged.tag_items(path, "Dub")
    tag = path.read_bytes()[len(whole) :]
    path.write_bytes(whole[:-40] + tag)
    refused(path, "tag-file-cut-off")


@pytest.mark.parametrize("kind", ["wv", "tta"])
def test_mpeg_in_the_place_of_sound_is_refused(kind: str, tmp_path: Path) -> None:
    path = tagged.write_sound(tmp_path / f"x.{kind}", kind)
    frames = tagged.write_sound(tmp_path / "x.mp3", "mp3").read_bytes()
    path.write_bytes(path.read_bytes()[:64] + frames)
    refused(path, "tag-file-cut-off")


@pytest.mark.parametrize("frames", [1, 7, 8, 120])  # of 28 bits each: the last ends anywhere in a word
def test_musepack_sv7(frames: int, tmp_path: Path) -> None:
    path = tmp_path / "x.mpc"
    whole = sv7(frames)
    path.write_bytes(whole)
    heard, sound = tagged.samples(path), sound_digest(path)
    before = rewrite(path, lambda tag: tag.set(GENRES))
    assert (tagged.samples(path), tagged.genres(path), sound_digest(path)) == (heard, GENRES, sound)
    rewrite(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-4])
    refused(path, "tag-file-cut-off")


def test_monkeys_audio_before_version_398(tmp_path: Path) -> None:
    """Where its last frame ends is not stated, only where it begins."""
    head = struct.pack("<4s3HHIIIII", b"MAC ", 3970, 2000, 32, 2, 44100, 44, 0, 2, 1000)
    head = head.ljust(32, b"\0") + struct.pack("<2I", 40, 500)
    path = tmp_path / "x.ape"
    path.write_bytes(head + bytes(600))
    rewrite(path, lambda tag: tag.set(GENRES))
    assert tagged.genres(path) == GENRES
    path.write_bytes(head + bytes(400))
    refused(path, "tag-file-cut-off")


def test_apev1_and_damaged_tags_are_refused(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wv-genre")
    whole = path.read_bytes()
    at = whole.index(b"APETAGEX")

    def change(place: int, new: bytes) -> bytes:
        place %= len(whole)
        return whole[:place] + new + whole[place + len(new) :]

    path.write_bytes(whole[:at] + whole[at + 32 : -24] + struct.pack("<I", 1000) + whole[-20:-12] + bytes(12))
    refused(path, "tag-version-unknown", "APEv1")
    path.write_bytes(change(-24, struct.pack("<I", 3000)))
    refused(path, "tag-version-unknown", 3000)
    for damage in (
        (-16, b"\4"),
        (at + 16, b"\4"),
        (at + 32, b"\xff\xff"),
        (at, b"x"),
        (-20, b"\xff"),
        (-20, b"\1"),
    ):
        path.write_bytes(change(*damage))
        with path.open("rb") as file, pytest.raises(TagError):
            read_tag(file, path)
    path.write_bytes(whole + whole[at:])
    refused(path, "tag-several")
    path = tagged.make(tmp_path, "wv-footer")
    whole = path.read_bytes()
    path.write_bytes(change(-16, b"\4"))  # no header says how many items there are
    refused(path, "tag-damaged")


def test_a_tag_in_front_of_others_at_the_end(tmp_path: Path) -> None:
    """Lyrics3, for which there is no reason in WavPack, but there it is."""
    path = bare(tmp_path, "wv")
    lyrics = b"LYRICSBEGINLYR00005hello"
    with path.open("ab") as file:
        file.write(lyrics + b"%06dLYRICS200" % len(lyrics))
    tagged.tag_id3v1(path, 17)
    whole = path.read_bytes()
    before = rewrite(path, lambda tag: tag.set(("Rock",)))
    assert path.read_bytes().endswith(whole[-len(lyrics) - 15 - 128 :])
    assert tagged.genres(path) == ("Rock",)
    rewrite(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == whole


@pytest.mark.needs("wvunpack")
def test_wvunpack_reads_it(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wv-genre")
    rewrite(path, lambda tag: tag.set(GENRES))
    subprocess.run(["wvunpack", "-q", "-v", str(path)], check=True, timeout=60)
    said = subprocess.run(["wvunpack", "-q", "-ss", str(path)], capture_output=True, check=True, timeout=60)
    assert "Hip-Hop" in said.stdout.decode() and "Größe ω" in said.stdout.decode()


@pytest.mark.parametrize("count", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_damaged_monkeys_audio(count: int, tmp_path: Path) -> None:
    """Each is written rightly or refused.

    Bytes are compared, not samples: FFmpeg gives what follows the last frame to the decoder, which makes
    sound of it where the frame is damaged.
    """
    kinds = [kind for kind in tagged.RECORDED_KINDS if kind.startswith("ape")]
    songs = [tagged.make(tmp_path, kind).read_bytes() for kind in kinds]
    other = tagged.make(tmp_path, "mp3-all").read_bytes()
    written = sum(checked_rewrite(tmp_path / "x.ape", damaged) for damaged in _mutations(songs, other, count))
    assert 0.2 < written / count < 0.9


def _mutations(songs: list[bytes], other: bytes, count: int) -> list[bytes]:
    return [
        mutate(songs[number % len(songs)], other, np.random.default_rng([count, number]))[0]
        for number in range(count)
    ]
