"""What tags say about an album, in files that FFmpeg and mutagen write."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import mutagen
import mutagen.id3
import numpy as np
import pytest
import soundfile
import tagged
from mutagen.asf import ASF
from mutagen.mp4 import MP4

from genrelab.library.album_tags import read_album_tags
from genrelab.recognize.albums import AlbumTags

RATE = 48_000
EXPECTED = AlbumTags("Ein Album ☃", "Die Band", "Ein Gast", True)
# File name -> encoder, options of the format; FFmpeg writes its own forms of the tags.
FORMATS: dict[str, tuple[str, dict[str, str]]] = {
    "v23.mp3": ("libmp3lame", {"id3v2_version": "3"}),
    "v24.mp3": ("libmp3lame", {"id3v2_version": "4"}),
    "a.flac": ("flac", {}),
    "a.oga": ("flac", {}),
    "a.opus": ("libopus", {}),
    "a.m4a": ("aac", {}),
    "a.wma": ("wmav2", {}),
    "a.aiff": ("pcm_s16be", {"write_id3v2": "1"}),
    "a.wv": ("wavpack", {}),
    "a.mka": ("flac", {}),
    "a.webm": ("libopus", {}),
}


def encode(path: Path, codec: str, options: dict[str, str], tags: dict[str, str]) -> Path:
    wave = np.random.default_rng(0).normal(0, 0.1, (2, RATE // 2)).astype(np.float32)
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_tags_that_ffmpeg_writes(name: str, tmp_path: Path) -> None:
    codec, options = FORMATS[name]
    tags = {"album": EXPECTED.album, "album_artist": EXPECTED.album_artist, "artist": EXPECTED.artist}
    path = encode(tmp_path / name, codec, options, {**tags, "compilation": "1", "genre": "Jazz"})  # type: ignore[dict-item]
    found = read_album_tags(path)
    assert found == EXPECTED
    assert read_album_tags(encode(tmp_path / f"none {name}", codec, options, {})) == AlbumTags()


def test_wav(tmp_path: Path) -> None:
    """An ID3v2 tag in WAV, or else the list, which has no artist of the album."""
    path = encode(tmp_path / "a.wav", "pcm_s16le", {}, {"album": "List", "artist": "Ein Gast"})
    assert read_album_tags(path) == AlbumTags("List", None, "Ein Gast")
    audio = mutagen.File(path)
    audio.add_tags()
    audio.tags.add(mutagen.id3.TALB(text="Frame"))
    audio.save()
    assert read_album_tags(path) == AlbumTags("Frame", None, "Ein Gast")


def test_flags_of_itunes_and_windows(tmp_path: Path) -> None:
    mp4 = encode(tmp_path / "a.m4a", "aac", {}, {})
    audio = MP4(mp4)
    audio["\xa9alb"], audio["aART"], audio["cpil"] = ["Box"], ["Band"], True
    audio.save()
    assert read_album_tags(mp4) == AlbumTags("Box", "Band", None, True)
    audio["cpil"] = False
    audio.save()
    assert not read_album_tags(mp4).compilation
    wma = encode(tmp_path / "a.wma", "wmav2", {}, {})
    asf = ASF(wma)
    asf["WM/AlbumTitle"], asf["WM/IsCompilation"] = ["Box"], [True]
    asf.save()
    assert read_album_tags(wma) == AlbumTags("Box", None, None, True)


def test_old_tags_of_mpeg(tmp_path: Path) -> None:
    """ID3v2 counts before APEv2, and ID3v1 where neither has a name."""
    path = tagged.write_sound(tmp_path / "a.mp3", "mp3")
    tagged.tag_id3v1(path, 17)
    assert read_album_tags(path) == AlbumTags("Old album", None, "Old artist")
    path = tagged.write_sound(path, "mp3")
    tagged.tag_ape(path)
    ape = mutagen.apev2.APEv2(path)
    ape["Album"], ape["Album Artist"] = "Zwei", "Alle"
    ape.save(path)
    assert read_album_tags(path) == AlbumTags("Zwei", "Alle", None)
    frames = mutagen.id3.ID3()
    frames.add(mutagen.id3.TALB(text="Drei"))
    frames.save(path, v2_version=3, v1=0)
    assert read_album_tags(path).album == "Drei" and read_album_tags(path).album_artist == "Alle"


def test_id3v22(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp3", "libmp3lame", {"id3v2_version": "0"}, {})
    texts = ((b"TAL", b"Album"), (b"TP2", b"Band"), (b"TCP", b"1"))
    frames = b"".join(name + (len(text) + 1).to_bytes(3, "big") + b"\0" + text for name, text in texts)
    path.write_bytes(b"ID3\2\0\0" + bytes([0, 0, 0, len(frames)]) + frames + path.read_bytes())
    assert read_album_tags(path) == AlbumTags("Album", "Band", None, True)


def test_a_large_frame_is_not_a_name(tmp_path: Path) -> None:
    """A compressed frame can hold a thousand times its size."""
    path = encode(tmp_path / "a.mp3", "libmp3lame", {}, {})
    frames = mutagen.id3.ID3()
    frames.add(mutagen.id3.TALB(text="x" * 100_000))
    frames.add(mutagen.id3.TPE1(text="Wer"))
    frames.save(path)
    assert read_album_tags(path) == AlbumTags(None, None, "Wer")


@pytest.mark.parametrize("name", FORMATS)
def test_damage_gives_no_tags_or_some(name: str, tmp_path: Path) -> None:
    codec, options = FORMATS[name]
    whole = encode(tmp_path / name, codec, options, {"album": "Album", "artist": "Wer"}).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / f"damaged {name}"
    for _ in range(60):
        data = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.3 else whole)
        for place in rng.integers(0, min(len(data), 600), 8):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        found = read_album_tags(path)
        assert all(text is None or isinstance(text, str) for text in found[:3])


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").touch()
    soundfile.write(tmp_path / "plain.wav", np.zeros(100), RATE)
    os.mkfifo(tmp_path / "pipe.mp3")
    names = ("missing.mp3", "", "empty.mp3", "plain.wav", "pipe.mp3")
    paths = [tmp_path / name for name in names]
    assert {read_album_tags(path) for path in [*paths, Path("no\0name")]} == {AlbumTags()}
