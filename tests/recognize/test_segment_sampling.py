"""Long files by segments spread over them: the same segments as in all of it, and all of it where needed."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

import genrelab.recognize.segment_sampling
from genrelab.audio.encode import write_mp3
from genrelab.audio.segments import segment_starts
from genrelab.recognize import Recognition, Recognizer, cut_parts
from genrelab.recognize.segment_sampling import is_clear, spread_starts

FIRST = 3.0  # seconds that are heard first here, about an eighth of the real ones
LONG = 20.0  # of which all that is chosen is less than two thirds


@pytest.fixture
def recognizer(tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    """One for segments of 0.5 s: 6 at first, or 18, of the 79 that there are."""
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", FIRST)
    path = tiny.write_tiny(tmp_path / "m.onnx", segment_seconds=0.5, hop_seconds=0.25)
    return Recognizer.load(path, threads=1)


@pytest.fixture
def gap(recognizer: Recognizer) -> int:
    """Where 8,000 samples of a long file begin of which none is heard."""
    first, others = spread_starts(round(LONG * 8000), 4000, 2000, 8000)
    chosen = sorted(first + others)
    return 4000 + next(a for a, b in zip(chosen, chosen[1:], strict=False) if b - a >= 12_000)


def wavering(rate: int, seconds: float = LONG) -> np.ndarray:
    """A tone that glides up and down `[samples]`: every segment's probabilities differ."""
    time = np.arange(round(seconds * rate)) / rate
    frequency = 700 + 500 * np.sin(time / 2) + 150 * np.sin(time * 9)
    return (0.3 * np.sin(2 * np.pi * np.cumsum(frequency) / rate)).astype(np.float32)


def write(path: Path, wave: np.ndarray, rate: int) -> Path:
    if path.suffix == ".m4a":
        with path.open("wb") as file, av.open(file, "w", format="ipod") as container:
            stream = container.add_stream("aac", rate=rate, layout="mono", options={"aac_pns": "0"})
            for start in range(0, len(wave), 1024):
                part = np.ascontiguousarray(wave[None, start : start + 1024])
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    elif path.suffix == ".wma":
        with av.open(str(path), "w", format="asf") as container:
            stream = container.add_stream("wmav2", rate=rate, layout="mono")
            stream.bit_rate = 64_000
            frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            frame.sample_rate = rate
            container.mux([*stream.encode(frame), *stream.encode(None)])
    elif path.name == "lame.mp3":
        write_mp3(path, wave[None], rate, bitrate=64)
    else:
        codec = {"subtype": "OPUS", "format": "OGG"} if path.suffix == ".opus" else {}
        with soundfile.SoundFile(path, "w", rate, 1, **codec) as file:
            for start in range(0, len(wave), rate):
                file.write(wave[start : start + rate])
    return path


def test_the_examples_in_the_module() -> None:
    assert doctest.testmod(genrelab.recognize.segment_sampling).failed == 0


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5_000), st.integers(1, 40), st.floats(0.1, 3.0), st.integers(1, 20))
def test_what_is_chosen(n_samples: int, length: int, step: float, rate: int) -> None:
    hop = max(1, round(step * length))
    first, others = spread_starts(n_samples, length, hop, rate)
    chosen = sorted(first + others)
    every = segment_starts(n_samples, length, hop)
    assert set(chosen) <= set(every) and len(set(chosen)) == len(chosen)
    assert (first, others) == (sorted(first), sorted(others))
    assert 3 * len(chosen) * length <= 2 * n_samples
    for some in (first, chosen):  # evenly spread: one in each of equal stretches, and so no larger gaps
        gaps = np.diff([every.index(start) for start in some])
        assert len(some) < 2 or gaps.max() < 2 * len(every) / len(some) * (1 if some is chosen else 2) + 1


def test_how_much_is_processed() -> None:
    def seconds(minutes: float) -> list[int]:
        return [3 * len(some) for some in spread_starts(round(minutes * 60 * 100), 300, 225, 100)]

    assert [seconds(minutes) for minutes in (0.5, 1, 4, 30)] == [[0, 0], [24, 0], [24, 48], [30, 60]]
    assert seconds(600) == [600, 1200]  # ten hours: one in sixty seconds, then one in twenty


@pytest.mark.parametrize(
    "name, rate",
    [
        *(("x.wav", 8000), ("x.wav", 44100), ("x.flac", 22050), ("x.flac", 48000), ("x.ogg", 44100)),
        *(("x.mp3", 44100), ("lame.mp3", 44100), ("x.opus", 48000), ("x.m4a", 44100)),
    ],
)
def test_the_same_segments_as_in_all_of_it(
    recognizer: Recognizer, tmp_path: Path, name: str, rate: int
) -> None:
    path = write(tmp_path / name, wavering(rate), rate)
    whole, spread = recognizer(path, full=True), recognizer(path)
    assert (whole.full, spread.full) == (True, False)
    assert whole.probabilities is not None and spread.probabilities is not None
    known = {segment.start: segment for segment in whole.timeline}
    assert len(spread.timeline) in (6, 18)
    # A decoder of MP3 or AAC has forgotten something behind a seek. Reading all of an MP3 seeks too, every
    # ten seconds, and both formats give a little behind the end then.
    lossy = path.suffix in (".mp3", ".m4a")
    tolerance = 1e-3 if lossy else 1e-6
    for segment in spread.timeline:
        other = known[segment.start]
        assert segment[:3] == other[:3]
        assert segment.probability == pytest.approx(other.probability, abs=tolerance)
    assert spread.duration == pytest.approx(whole.duration, abs=0.1 if lossy else 2e-3)
    assert list(spread.timeline) == sorted(spread.timeline)
    assert spread.probabilities.shape == (len(spread.timeline), 3)


def test_a_clear_answer_needs_the_first_round_only(
    recognizer: Recognizer, tiny: ModuleType, tmp_path: Path
) -> None:
    clear = recognizer(write(tmp_path / "clear.wav", tiny.tone(200.0, LONG), 8000))
    assert (clear.genre, clear.full, len(clear.timeline)) == ("low", False, 6)
    mixed = np.concatenate([tiny.tone(200.0, 0.52 * LONG), tiny.tone(3000.0, 0.48 * LONG)])
    close = recognizer(write(tmp_path / "close.wav", mixed, 8000))
    assert (close.genre, close.full, len(close.timeline)) == ("low", False, 18)
    assert {segment.genre for segment in close.timeline} >= {"low", "high"}
    shorter = recognizer(write(tmp_path / "shorter.wav", mixed[28_000:-28_000], 8000))
    assert shorter.full  # three rounds would be most of it


def test_clear_is_what_more_segments_would_hardly_change() -> None:
    rng = np.random.default_rng(0)
    kept = heard = 0
    for _ in range(400):
        every = rng.normal(rng.normal(0.0, 0.3), 0.4, 48)
        some = rng.permutation(every)[:8]
        if is_clear(some, 48):
            heard += 1
            kept += np.sign(some.mean()) == np.sign(every.mean())
    assert 150 < heard < 390 and kept / heard > 0.95
    assert is_clear(np.full(2, 0.1), 48) and not is_clear(np.array([1.0]), 48)
    assert is_clear(np.array([1.0, -1.5]), 2), "all of it was heard"


@pytest.mark.parametrize("voting", ["majority", "mean"])
def test_an_answer_near_the_threshold_needs_both_rounds(
    tiny: ModuleType, tmp_path: Path, voting: str
) -> None:
    form = {"segment_seconds": 0.5, "hop_seconds": 0.25, "voting": voting}
    time = np.arange(120 * 8000) / 8000
    frequency = 1000 + 600 * np.sin(time * 3)  # mostly middle, at times low
    song = write(tmp_path / "x.wav", 0.3 * np.sin(2 * np.pi * np.cumsum(frequency) / 8000), 8000)
    said = Recognizer.load(tiny.write_tiny(tmp_path / "m.onnx", **form), threads=1)(song)
    heard = {}
    for name, threshold in (("far", 0.0), ("near", round(said.confidence, 3))):
        path = tiny.write_tiny(tmp_path / f"{name}.onnx", abstain_below=threshold, **form)
        heard[name] = len(Recognizer.load(path, threads=1)(song).timeline)
    assert heard["near"] == 3 * heard["far"]


def test_short_files_are_processed_as_a_whole(recognizer: Recognizer, tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", wavering(8000, 4.4), 8000)
    assert recognizer(path) == recognizer(path, full=True)
    assert recognizer(path).full


def test_silence_is_listened_to_the_end(
    recognizer: Recognizer, gap: int, tiny: ModuleType, tmp_path: Path
) -> None:
    wave = np.zeros(round(LONG * 8000), np.float32)
    assert recognizer(write(tmp_path / "s.wav", wave, 8000)).full
    wave[gap : gap + 8000] = tiny.tone(1000.0, 1.0)
    said = recognizer(write(tmp_path / "s.wav", wave, 8000))
    assert (said.genre, said.full) == ("middle", True)


def test_the_recognizers_way_and_the_calls(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", FIRST)
    path = write(tmp_path / "x.wav", wavering(8000), 8000)
    said = {}
    for way in (False, True):
        recognizer = Recognizer.load(tiny_model, threads=1, full=way)
        assert recognizer.full is way
        (many,) = recognizer.recognize_many([path])
        said[way] = recognizer(path)
        assert said[way] == many == Recognizer.load(tiny_model, threads=1)(path, full=way)
        assert said[way].full is way
    assert len(said[True].timeline) == 20


def test_arrays_as_files(recognizer: Recognizer, tmp_path: Path) -> None:
    wave = wavering(11025)
    path = tmp_path / "x.wav"
    soundfile.write(path, wave, 11025, subtype="FLOAT")
    said, of_file = recognizer(wave, sample_rate=11025), recognizer(path)
    assert not said.full
    assert (said.genres, said.timeline, said.duration) == (of_file.genres, of_file.timeline, of_file.duration)


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.mp3", "x.ogg", "x.m4a"])
@pytest.mark.parametrize("left", [0.3, 0.9])
def test_truncated_files_are_reported(recognizer: Recognizer, tmp_path: Path, name: str, left: float) -> None:
    path = write(tmp_path / name, wavering(44100, 9.0), 44100)
    data = path.read_bytes()
    if name == "x.m4a":  # its index is at the end, so that little can be read without it
        assert recognizer(path).error is None
    path.write_bytes(data[: int(left * len(data))])
    said, full = recognizer(path), recognizer(path, full=True)
    assert said.error == full.error and said.notices == full.notices
    if name == "x.m4a" or (name, left) == ("x.ogg", 0.3):  # nothing of it can be decoded
        assert said.error is not None and name in said.error
        return
    assert said.damaged and "cut off" in {notice.kind for notice in said.notices}
    assert said.duration == pytest.approx(full.duration, abs=0.01) == pytest.approx(9.0 * left, abs=1.5)
    assert said.genres


def test_damage_is_found_only_in_processed_segments(recognizer: Recognizer, gap: int, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    wave = wavering(8000)
    first, _ = spread_starts(len(wave), 4000, 2000, 8000)
    for place, finds_it in ((gap + 4000, False), (first[3] + 2000, True)):
        broken = wave.copy()
        broken[place] = np.nan
        soundfile.write(path, broken, 8000, subtype="FLOAT")
        full = recognizer(path, full=True)
        assert full.error is None and full.damaged
        assert recognizer(path).damaged is finds_it


def test_formats_without_seeking_are_processed_as_a_whole(recognizer: Recognizer, tmp_path: Path) -> None:
    said = recognizer(write(tmp_path / "x.wma", wavering(44100, 9.0), 44100))
    assert (said.error, said.full) == (None, True)


def test_a_header_that_lies_about_the_length(recognizer: Recognizer, tmp_path: Path) -> None:
    """A Xing header that promises too few frames: libsndfile would stop there."""
    path = write(tmp_path / "lame.mp3", wavering(44100, 9.0), 44100)
    data = bytearray(path.read_bytes())
    at = data.index(b"Info") + 8
    frames = int.from_bytes(data[at : at + 4], "big")
    data[at : at + 4] = (frames // 3).to_bytes(4, "big")
    path.write_bytes(data)
    for full in (False, True):
        said = recognizer(path, full=full)
        assert said.duration == pytest.approx(9.0, abs=0.1) and said.warning is None


def test_parts_need_the_whole_file(recognizer: Recognizer, tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", wavering(8000), 8000)
    with raises("parts-need-full", path, "full=True"):
        cut_parts(recognizer(path))
    assert cut_parts(recognizer(path, full=True))


def test_records_show_it(recognizer: Recognizer, tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", wavering(8000), 8000)
    assert recognizer(path).to_dict()["full"] is False
    assert recognizer(path, full=True).to_dict()["full"] is True
    assert Recognition(path, "m", error="broken").to_dict()["full"] is None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="how memory is counted")
@pytest.mark.parametrize("full", [False, True])
def test_memory_does_not_grow_with_the_file(
    tiny_model: Path, tiny: ModuleType, tmp_path: Path, full: bool
) -> None:
    minute = tiny.tone(200.0, 60.0)
    code = (
        "import sys, resource; from genrelab import Recognizer\n"
        "said = Recognizer.load(sys.argv[1], threads=1)(sys.argv[2], full=sys.argv[3] == 'True')\n"
        "print(said.error, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    peaks = []
    for minutes in (3, 600):
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(minutes):
                file.write(minute)
        command = [sys.executable, "-c", code, tiny_model, path, str(full)]
        # A child counts its parent's memory as its own; this parent is small.
        launched = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"]
        done = subprocess.run([*launched, *command], capture_output=True, text=True, check=True)
        error, peak = done.stdout.split()
        assert error == "None"
        peaks.append(float(peak))
    assert peaks[1] < peaks[0] + 40  # MiB; the sound of ten hours would be a gigabyte
