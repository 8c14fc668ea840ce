"""What a user reads when a file cannot be used."""

from __future__ import annotations

import os
import random
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile as sf
from raising import raises
from unprivileged import as_plain_user, open_folder

from genrelab.audio.decode import decode, open_excerpts, probe, stream
from genrelab.errors import UsageError

Encoded = Callable[[str], Path]

CODES_OF_A_CUT = {"flac": "audio-damaged"}
"""Of files that do not state their size: where the sound ends looks like damage."""


def _refused(path: Path, code: str, *quoted: object) -> None:
    """Both ways to read a file refuse it and name it."""
    for read in (decode, lambda name: list(stream(name))):
        with raises(code, path, *quoted):
            read(path)


def test_missing(tmp_path: Path) -> None:
    _refused(tmp_path / "none.mp3", "audio-missing")
    _refused(Path("http://example.org/song.mp3"), "audio-missing")
    with raises("audio-missing"):
        probe(tmp_path / "none.mp3")


def test_folder(tmp_path: Path) -> None:
    _refused(tmp_path, "audio-is-folder")


def test_not_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    _refused(tmp_path / "pipe.wav", "audio-not-regular")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    _refused(path, "audio-empty")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_not_permitted(encoded: Encoded) -> None:
    with open_folder() as folder:
        path = folder / "locked.wav"
        path.write_bytes(encoded("wav").read_bytes())
        as_plain_user(lambda: decode(path) and None)  # now everything is imported
        path.chmod(0)
        as_plain_user(lambda: _refused(path, "audio-no-permission"))
        path.chmod(0o644)
        path.parent.chmod(0o666)  # nothing in such a folder can be looked at
        as_plain_user(lambda: _refused(path, "audio-unreadable", "Permission denied"))


def test_impossible_name(tmp_path: Path) -> None:
    _refused(Path(f"{tmp_path}/a\0b.wav"), "audio-unreadable")
    _refused(tmp_path / ("n" * 400 + ".wav"), "audio-unreadable")


@pytest.mark.parametrize("suffix", ["mp3", "wav", "m4a", "ogg"])
@pytest.mark.parametrize(
    "content",
    [
        b"just some words\n" * 200,
        np.random.default_rng(1).bytes(30_000),
        b"\0" * 5000,
        b"\xff",
        b"ID3\3\0\0\0\0\177\177",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
    ],
    ids=["text", "noise", "zeros", "one byte", "tag only", "picture"],
)
def test_no_sound_file(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"odd.{suffix}"
    path.write_bytes(content)
    _refused(path, "audio-not-recognized")


@pytest.mark.parametrize(
    "playlist",
    ["ffconcat version 1.0\nfile secret.aac\n", "#EXTM3U\n#EXTINF:10,\nsecret.aac\n#EXT-X-ENDLIST\n"],
    ids=["concat", "hls"],
)
def test_a_playlist_opens_no_other_file(tmp_path: Path, encoded: Encoded, playlist: str) -> None:
    (tmp_path / "secret.aac").write_bytes(encoded("aac").read_bytes())
    for name in ("list.mp3", "list.m3u8", "list.ffconcat"):
        (tmp_path / name).write_text(playlist)
        _refused(tmp_path / name, "audio-not-recognized")


def test_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent film.mp4"
    with av.open(str(path), "w") as output:
        picture = output.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            image = av.VideoFrame.from_ndarray(np.zeros((72, 64), np.uint8), format="yuv420p")
            image.pts = number
            output.mux(picture.encode(image))
        output.mux(picture.encode(None))
    _refused(path, "audio-no-stream")


@pytest.mark.parametrize("kind_of", ["wav", "aiff", "au"])
def test_no_samples(tmp_path: Path, kind_of: str) -> None:
    path = tmp_path / f"nothing.{kind_of}"
    sf.write(path, np.zeros((0, 2)), 44_100)
    with raises("audio-no-samples", path):
        decode(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(tmp_path: Path, value: float) -> None:
    samples = np.zeros(20_000, np.float32)
    samples[15_000] = value
    sf.write(tmp_path / "nan.wav", samples, 8000, subtype="FLOAT")
    _refused(tmp_path / "nan.wav", "audio-unusable", "1.88 s")
    assert decode(tmp_path / "nan.wav", duration=1.0)[0].shape == (1, 8000)


@pytest.mark.parametrize(
    "options", [{"start": -1.0}, {"start": np.nan}, {"duration": 0.0}, {"duration": -2.0}]
)
def test_ranges_that_make_no_sense(encoded: Encoded, options: dict[str, float]) -> None:
    for read in (decode, stream):  # the stream says so before it is iterated
        with raises("audio-" + next(iter(options)), "signal.wav", *options.values()):
            read(encoded("wav"), **options)


def test_start_beyond_the_end(kind: str, encoded: Encoded) -> None:
    with raises("audio-beyond-end", 60.0):
        decode(encoded(kind), start=60.0)


@pytest.mark.parametrize("options", [{"sample_rate": 0}, {"channels": 3}, {"channels": 0}])
def test_wrong_use(encoded: Encoded, options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        decode(encoded("wav"), **options)
    with raises("block-length", 0.0):
        stream(encoded("wav"), block_seconds=0.0)


def test_a_cut_file_is_refused(kind: str, tmp_path: Path, encoded: Encoded) -> None:
    data = encoded(kind).read_bytes()
    places = random.Random(kind)
    path = tmp_path / f"cut.{kind}"
    for _ in range(6):
        path.write_bytes(data[: places.randint(len(data) // 5, len(data) * 9 // 10)])
        _refused(path, CODES_OF_A_CUT.get(kind, "audio-cut-off"))


@pytest.mark.parametrize("kind_of", ["wav", "mp3", "flac", "mkv"])
def test_a_cut_file_says_how_much_is_there(kind_of: str, tmp_path: Path, encoded: Encoded) -> None:
    data = encoded(kind_of).read_bytes()
    path = tmp_path / f"cut.{kind_of}"
    path.write_bytes(data[: len(data) // 2])
    with raises(CODES_OF_A_CUT.get(kind_of, "audio-cut-off"), path) as caught:
        decode(path)
    assert re.search(r" [1-3]\.\d s of (about )?[5-7]\.\d s ", str(caught.value))


@pytest.mark.parametrize("kind_of", ["wav", "mp3", "ogg", "opus", "wma", "mkv", "aac"])
def test_the_good_part_of_a_cut_file_can_be_read(kind_of: str, tmp_path: Path, encoded: Encoded) -> None:
    data = encoded(kind_of).read_bytes()
    path = tmp_path / f"cut.{kind_of}"
    path.write_bytes(data[: len(data) * 3 // 4])
    part, rate = decode(path, start=0.5, duration=1.0)
    whole, _ = decode(encoded(kind_of), start=0.5, duration=1.0)
    assert np.allclose(part, whole, atol=1e-5)
    with raises("audio-cut-off"):
        decode(path, start=0.5, duration=60.0)


def test_a_bare_mp3_cut_inside_a_frame(tmp_path: Path, encoded: Encoded, sounds: SimpleNamespace) -> None:
    data = sounds.strip_first_mp3_frame(encoded("mp3").read_bytes())
    path = tmp_path / "bare.mp3"
    for size in (len(data) // 2, len(data) // 2 + 1, len(data) // 2 + 2):
        path.write_bytes(data[:size])
        _refused(path, "audio-cut-off")


@pytest.mark.parametrize(
    ("kind_of", "code"),
    [
        ("flac", "audio-damaged"),
        ("m4a", "audio-damaged"),
        ("opus", "audio-cut-off"),
        ("mp3", "audio-cut-off"),
    ],
)
def test_a_hole_is_not_passed_over(kind_of: str, code: str, tmp_path: Path, encoded: Encoded) -> None:
    data = bytearray(encoded(kind_of).read_bytes())
    third = len(data) // 3
    data[third : 2 * third] = bytes(third)
    path = tmp_path / f"hole.{kind_of}"
    path.write_bytes(data)
    _refused(path, code)


def test_a_header_that_was_never_completed_is_no_cut(tmp_path: Path) -> None:
    samples = np.arange(8000, dtype="<i2").tobytes()
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16_000, 2, 16)
    path = tmp_path / "piped.wav"
    path.write_bytes(header + b"data\xff\xff\xff\xff" + samples)
    assert decode(path)[0].shape == (1, 8000)


@pytest.mark.parametrize(("kind_of", "tail"), [("m4a", b"\0" * 64), ("m4a", b"\xff" * 999), ("wav", b"LIST")])
def test_what_hangs_behind_the_sound_is_no_cut(
    kind_of: str, tail: bytes, tmp_path: Path, encoded: Encoded
) -> None:
    path = tmp_path / f"tail.{kind_of}"
    path.write_bytes(encoded(kind_of).read_bytes() + tail)
    assert np.array_equal(decode(path)[0], decode(encoded(kind_of))[0])


def test_more_channels_than_can_be_read(tmp_path: Path) -> None:
    """PyAV looks for the end of a list of planes that has none, and may end the process."""
    path = tmp_path / "many.wv"
    with av.open(str(path), "w", format="wv") as output:
        sound = output.add_stream("wavpack", rate=48_000, layout="hexadecagonal")
        silence = np.zeros((1, 16 * 48_000), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="flt", layout="hexadecagonal")
        frame.sample_rate = 48_000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    _refused(path, "audio-channels", 16, 8)


@pytest.mark.parametrize("rate", [1, 999, 7_000_000, 537_000_000])
def test_a_sample_rate_that_no_music_has(rate: int, tmp_path: Path, encoded: Encoded) -> None:
    data = bytearray(encoded("wav").read_bytes())
    data[24:28] = struct.pack("<I", rate)
    path = tmp_path / "odd.wav"
    path.write_bytes(data)
    _refused(path, "audio-sample-rate", rate)


def test_less_than_one_sample_at_the_wanted_rate(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    sf.write(path, np.full(2, 0.5), 48_000)
    assert decode(path)[0].shape == (1, 2)
    with open_excerpts(path, sample_rate=8000, channels=1) as found:
        assert found is None
    for read in (decode, lambda name, **form: list(stream(name, **form))):
        with raises("audio-too-short", path, 1000):
            read(path, sample_rate=1000, start=1 / 48_000)


@pytest.mark.data
def test_real_clips_are_whole(data_dir: Path) -> None:
    clips = sorted((data_dir / "allmusic-previews").rglob("*.mp3"))[::20]
    assert clips
    for clip in clips:
        assert decode(clip)[0].shape[1] > 0
