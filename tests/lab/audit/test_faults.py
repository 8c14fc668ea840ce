"""Broken clips, as real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.encode import write_mp3
from genrelab.lab.audit import audit_corpus
from genrelab.lab.audit.faults import KINDS, clipped_share, odd_lengths, silent_share
from genrelab.lab.corpora import Clip, Corpus, load_corpus

RATE = 22_050


def noise(seconds: float, *, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.float32)


def cut_wav(path: Path) -> None:
    soundfile.write(path, noise(6), RATE)
    path.write_bytes(path.read_bytes()[:-120_000])


def cut_mp3(path: Path) -> None:
    write_mp3(path, noise(6)[None], RATE, bitrate=64)
    path.write_bytes(path.read_bytes()[:30_000])


def cut_flac(path: Path) -> None:
    soundfile.write(path, noise(6), RATE)
    path.write_bytes(path.read_bytes()[:60_000])


def half_silent(path: Path) -> None:
    wave = noise(6)
    wave[round(2.5 * RATE) :] = 0
    soundfile.write(path, wave, RATE)


FILES: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "good.flac": (lambda path: soundfile.write(path, noise(6, seed=1), RATE), None),
    "loud.wav": (
        lambda path: soundfile.write(path, np.clip(noise(6, seed=3, level=1.0), -1, 1), RATE),
        "clipped",
    ),
    "unclipped.wav": (lambda path: soundfile.write(path, noise(6, seed=2, level=1) / 6, RATE), None),
    "silent.flac": (lambda path: soundfile.write(path, np.zeros(6 * RATE), RATE), "silent"),
    "half.flac": (half_silent, "silent"),
    "blip.wav": (lambda path: soundfile.write(path, noise(0.4), RATE), "short"),
    "cut.wav": (cut_wav, "cut off"),
    "cut.mp3": (cut_mp3, "cut off"),
    "cut.flac": (cut_flac, "unreadable"),
    "text.mp3": (lambda path: path.write_text("this is not music"), "unreadable"),
    "empty.wav": (lambda path: path.touch(), "unreadable"),
    "missing.wav": (lambda path: None, "unreadable"),
}


def test_each_broken_file_is_named(tmp_path: Path) -> None:
    for name, (write, _) in FILES.items():
        write(tmp_path / name)
    clips = [Clip(name, tmp_path / name, None) for name in FILES]
    audit = audit_corpus(Corpus("broken", (), clips, skipped={"gone": "not in this copy"}))
    found = {fault.clip_id: fault.kind for fault in audit.faults if fault.kind != "odd length"}
    assert found == {name: kind for name, (_, kind) in FILES.items() if kind} | {"gone": "left out"}
    assert all(fault.kind in KINDS and fault.detail for fault in audit.faults)
    left_out = {each.clip_id for each in audit.excluded}
    assert left_out == {name for name, kind in found.items() if kind in ("silent", "cut off", "unreadable")}
    assert [fault.detail for fault in audit.faults if fault.clip_id == "half.flac"] == [
        "57 % of the time is below -60 dB"
    ]


def test_a_length_that_the_table_states_wrongly(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(6), RATE)
    clips = [
        Clip("right", tmp_path / "a.wav", None, start=1.0, duration=5.0),
        Clip("rounded", tmp_path / "a.wav", None, start=1.0, duration=5.4),
        Clip("wrong", tmp_path / "a.wav", None, start=1.0, duration=30.0),
    ]
    faults = audit_corpus(Corpus("stated", (), clips)).faults
    assert [(fault.clip_id, fault.kind, fault.detail) for fault in faults] == [
        ("wrong", "length", "5.00 s, the corpus says 30.00 s")
    ]


def test_clips_that_are_not_as_long_as_the_rest() -> None:
    seconds = {str(number): 30.0 + 0.01 * number for number in range(20)} | {"odd": 1.6}
    assert [(fault.clip_id, fault.detail) for fault in odd_lengths(seconds)] == [
        ("odd", "1.60 s, nearly all others 30.09 s")
    ]
    assert odd_lengths({str(number): 10.0 + number for number in range(20)}) == []
    assert odd_lengths({"a": 30.0, "b": 1.0}) == []


@given(st.lists(st.floats(0.1, 600), max_size=30))
def test_odd_lengths_are_few(lengths: list[float]) -> None:
    assert len(odd_lengths(dict(zip(map(str, range(30)), lengths, strict=False)))) <= 0.1 * len(lengths)


def test_flat_tops_are_counted_sample_by_sample() -> None:
    wave = np.zeros((2, 100), np.float32)
    wave[0, 10:15] = 1.0
    wave[0, 20:22] = 1.0  # two in a row may be chance
    wave[1, 50:53] = -1.0
    wave[1, 70:80] = np.linspace(1.0, 1.4, 10)  # beyond full scale, and not flat
    wave[0, 40:50] = 0.9  # flat below full scale
    assert clipped_share(wave) == pytest.approx(8 / 200)
    assert clipped_share(np.zeros((1, 0), np.float32)) == 0.0


@given(silent=st.integers(0, 40))
def test_silence_is_measured_in_frames_of_50_ms(silent: int) -> None:
    wave = np.full((2, 40 * 50), 0.5, np.float32)
    wave[:, : silent * 50] = 0.0005
    assert silent_share(wave, 1000) == pytest.approx(silent / 40)
    wave[1] = 0.5  # one channel is enough to be heard
    assert silent_share(wave, 1000) == 0


def test_what_cannot_be_audited(tmp_path: Path) -> None:
    table = tmp_path / "features_30_sec.csv"
    table.write_text("filename,tempo,label\nblues.00000.wav,120.5,blues\njazz.00000.wav,90.0,jazz\n")
    with raises("audit-of-features", "gtzan-features"):
        audit_corpus(load_corpus(f"features:{table}"))
    with raises("audit-options", 0):
        audit_corpus(Corpus("none", (), ()), jobs=0)
    with raises("audit-options", "nan"):
        audit_corpus(Corpus("none", (), ()), shortest=float("nan"))


def test_an_empty_corpus_has_no_faults() -> None:
    audit = audit_corpus(Corpus("none", (), ()))
    assert (audit.pairs, audit.faults, audit.excluded) == ([], [], [])
