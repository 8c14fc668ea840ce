"""Damaged and shortened files get the answer of what is there, with a warning that says what is not."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import damaged_mp3
import numpy as np
import pytest
import soundfile as sf

from genrelab.recognize import Recognition, Recognizer


@pytest.fixture(scope="module")
def packaged() -> Recognizer:
    return Recognizer.load(threads=1)


def write_song(path: Path, seconds: float = 40.0) -> Path:
    """Write tones that change, with some noise."""
    time = np.arange(int(44_100 * seconds)) / 44_100
    tones = 0.3 * np.sin(2 * np.pi * (200 + 50 * (time // 1)) * time)
    noise = 0.05 * np.random.default_rng(0).standard_normal((2, time.size))
    sf.write(path, (tones + noise).T, 44_100)
    return path


def kinds(said: Recognition) -> list[str]:
    return [notice.kind for notice in said.notices]


@pytest.mark.parametrize("full", [False, True])
def test_one_damaged_frame_is_reported_with_its_time(
    packaged: Recognizer, tmp_path: Path, full: bool
) -> None:
    path = write_song(tmp_path / "x.mp3")
    whole = packaged(path, full=full)
    data = bytearray(path.read_bytes())
    at = data.index(data[:2], len(data) * 31 // 40)  # the frame at 0:31
    data[at] = 0
    path.write_bytes(data)
    said = packaged(path, full=full)
    assert said.error is None and said.genres[0].genre == whole.genres[0].genre
    assert whole.duration is not None and said.duration == pytest.approx(whole.duration, abs=0.05)
    assert (kinds(said), said.damaged) == (["damaged"], True) and "0:31" in str(said.warning)
    assert (whole.warning, whole.damaged) == (None, False)


@pytest.mark.parametrize("name", ["x.mp3", "x.flac", "x.ogg", "x.wav", "x.aiff"])
def test_a_truncated_file_reports_its_intact_length(packaged: Recognizer, tmp_path: Path, name: str) -> None:
    path = write_song(tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    said = packaged(path)
    assert said.error is None and said.genres
    assert "cut off" in kinds(said) and said.damaged
    assert said.duration == pytest.approx(30.0, abs=1.5)
    assert f"{said.duration:.1f} s" in str(said.warning)
    assert ("40.0 s" in str(said.warning)) == (name != "x.ogg")  # which does not know its length


@pytest.mark.parametrize("name", ["x.mp3", "x.flac", "x.ogg", "x.wav"])
def test_less_than_a_segment_is_an_error(packaged: Recognizer, tmp_path: Path, name: str) -> None:
    path = write_song(tmp_path / name, 8.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    said = packaged(path)
    assert said.genre is None and said.error is not None
    assert str(path) in said.error


def test_a_hole_in_flac_is_damage_and_not_a_cut(packaged: Recognizer, tmp_path: Path) -> None:
    path = write_song(tmp_path / "x.flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) * 5 // 8] = bytes(len(data) * 5 // 8 - len(data) // 2)
    path.write_bytes(data)
    said = packaged(path, full=True)
    assert said.error is None and kinds(said)[0] == "damaged" and "cut off" not in kinds(said)
    assert said.duration == pytest.approx(35.0, abs=1.0)
    assert "0:19" in str(said.warning) or "0:20" in str(said.warning)


def test_values_that_are_not_finite_count_as_silence(packaged: Recognizer, tmp_path: Path) -> None:
    sound, rate = sf.read(write_song(tmp_path / "x.wav"))
    sound[70_000:80_000] = np.nan
    sf.write(tmp_path / "nan.wav", sound, rate, subtype="FLOAT")
    said = packaged(tmp_path / "nan.wav", full=True)
    assert said.error is None and said.genre and said.damaged
    assert "0.23 s" in str(said.warning) and "0:01" in str(said.warning)
    sf.write(tmp_path / "all.wav", np.full(400_000, np.nan), rate, subtype="FLOAT")
    assert "all.wav" in str(packaged(tmp_path / "all.wav").error)


@pytest.mark.slow
def test_two_recordings_in_one_file_are_both_processed(packaged: Recognizer, tmp_path: Path) -> None:
    for name in ("x.mp3", "x.ogg"):
        one = write_song(tmp_path / name).read_bytes()
        path = tmp_path / f"two-{name}"
        path.write_bytes(one * 2)
        for full in (False, True):
            said = packaged(path, full=full)
            assert (said.error, said.warning) == (None, None)
            assert said.duration == pytest.approx(80.0, abs=0.2)


def test_sound_out_of_phase_is_not_silence(packaged: Recognizer, tmp_path: Path) -> None:
    sound, rate = sf.read(write_song(tmp_path / "x.wav"))
    sf.write(tmp_path / "out.wav", np.stack([sound[:, 0], -sound[:, 0]], axis=1), rate, subtype="FLOAT")
    sf.write(tmp_path / "left.wav", sound[:, :1], rate, subtype="FLOAT")
    for full in (False, True):
        said, left = packaged(tmp_path / "out.wav", full=full), packaged(tmp_path / "left.wav", full=full)
        assert said.reason != "silent" and said.genres == left.genres
    array = np.stack([sound[:, 0], -sound[:, 0]]).astype(np.float32)
    assert packaged(array, sample_rate=rate).genres == packaged(tmp_path / "out.wav").genres


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")
def test_decoders_print_nothing(tmp_path: Path) -> None:
    """What libmpg123, FFmpeg and PyAV think of a file is not for the terminal."""
    song = write_song(tmp_path / "song.mp3", 12.0).read_bytes()
    flac = write_song(tmp_path / "song.flac", 12.0).read_bytes()
    folder = tmp_path / "broken"
    folder.mkdir()
    dice = random.Random(3)
    for number in range(40):
        data = bytearray(song if number % 2 else flac)
        for _ in range(30):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if number % 5 == 0:
            data[:600] = dice.randbytes(600)
        (folder / f"{number}.mp3").write_bytes(data)
    (folder / "words.mp3").write_bytes(b"ID3\4\0\0\0\0\0\0" + b"words " * 900)
    (folder / "free.mp3").write_bytes(b"\xff\xfb\x00\x00" + dice.randbytes(9000))
    command = [sys.executable, "-m", "genrelab", "recognize", str(folder), "--no-library", "--format=jsonl"]
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, timeout=300)
    assert done.stderr == ""
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == 42 and sum(record["error"] is None for record in records) >= 30


@pytest.mark.parametrize(
    ("files", "songs"),
    [
        pytest.param(48, 2, marks=pytest.mark.slow(seconds=40)),
        pytest.param(300, 6, marks=pytest.mark.long(seconds=200)),
    ],
)
@pytest.mark.data
@pytest.mark.needs("ffmpeg")
def test_damaged_files_of_real_music(
    files: int, songs: int, packaged: Recognizer, data_dir: Path, tmp_path: Path
) -> None:
    dice = random.Random(19)
    clips = damaged_mp3.songs(data_dir, songs)
    made: dict[Path, Recognition] = {}
    wrong: list[str] = []
    same: Counter[bool] = Counter()
    pairs = set()
    for number in range(files):
        kind = [*damaged_mp3.KINDS, "joined"][number % 6]
        way = list(damaged_mp3.DAMAGES)[number // 6 % len(damaged_mp3.DAMAGES)]
        pairs.add((kind, way))
        clip = clips[number % 7 % len(clips)]
        path = tmp_path / f"{clip.stem}-{kind}.mp3"
        if path not in made:
            damaged_mp3.encode(clip, path, kind)
            made[path] = packaged(path)
        data = bytearray(path.read_bytes())
        damaged_mp3.DAMAGES[way](data, dice)
        broken = tmp_path / "broken.mp3"
        broken.write_bytes(data)
        said, reference = packaged(broken), damaged_mp3.decoded_seconds(broken)
        if said.error is not None or said.duration != pytest.approx(reference, rel=0.02):
            wrong.append(f"{number}: {kind}, {way}: {said.duration} s of {reference} s, {said.error}")
        same[[ranked.genre for ranked in said.genres[:1]] == [made[path].genres[0].genre]] += 1
    assert not wrong
    assert same[True] >= 0.95 * files, same
    assert len(pairs) == (len(damaged_mp3.KINDS) + 1) * len(damaged_mp3.DAMAGES), "each damage of each kind"
