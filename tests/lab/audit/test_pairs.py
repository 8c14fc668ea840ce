"""Which repetitions an audit finds among real files, and which it must not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from genrelab.audio.decode import decode
from genrelab.audio.encode import write_mp3
from genrelab.lab.audit import Pair, audit_corpus
from genrelab.lab.corpora import Clip, Corpus, load_corpus

RATE, SECONDS, BEGIN = 22_050, 8.0, 2.3
Wave = np.ndarray


@pytest.fixture(scope="module")
def music() -> list[Wave]:
    """Twelve pieces of generated music, float32 `[samples]`."""
    corpus = load_corpus(f"synthetic:tracks=3,seconds={SECONDS:g},seed=3")
    assert corpus.renderer is not None
    return [0.5 * corpus.renderer(clip, RATE, 1)[0] for clip in corpus.clips[::2][:12]]


def corpus_of(folder: Path) -> Corpus:
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return Corpus("planted", (), [Clip(path.name, path, None) for path in paths])


def mp3(path: Path, wave: Wave) -> None:
    write_mp3(path.with_suffix(".mp3"), wave[None], RATE, bitrate=64)


def flac(path: Path, wave: Wave) -> None:
    soundfile.write(path.with_suffix(".flac"), wave, RATE, subtype="PCM_16")


def cut(wave: Wave, seconds: float = 3.0) -> Wave:
    return wave[round(BEGIN * RATE) : round((BEGIN + seconds) * RATE)]


def faster(wave: Wave, percent: float) -> Wave:
    return soxr.resample(wave, RATE * (1 + percent / 100), RATE, quality="HQ")


COPIES: dict[str, Callable[[Path, Wave], None]] = {
    "mp3": mp3,
    "soft": lambda path, wave: flac(path, wave * 0.25),
    "cut": lambda path, wave: flac(path, cut(wave)),
    "both": lambda path, wave: mp3(path, cut(wave)),
    "fast": lambda path, wave: flac(path, faster(wave, 2)),
    "slow": lambda path, wave: flac(path, faster(wave, -2)),
    "rate": lambda path, wave: soundfile.write(
        path.with_suffix(".flac"), soxr.resample(wave, RATE, 16_000), 16_000
    ),
    "noisy": lambda path, wave: flac(
        path, wave + np.random.default_rng(0).normal(0, 0.1 * wave.std(), wave.size)
    ),
}
KINDS = {
    "mp3": "same recording", "soft": "same recording", "cut": "other cut", "both": "other cut",
    "fast": "other speed", "slow": "other speed", "rate": "same recording", "noisy": "same recording",
    "file": "same file", "wav": "same samples",
}  # fmt: skip


@pytest.fixture(scope="module")
def planted(music: list[Wave], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Pair]]:
    """A folder with all pieces and a copy of each kind of one piece each; the pairs that were found."""
    folder = tmp_path_factory.mktemp("planted")
    for number, wave in enumerate(music):
        flac(folder / f"{number:02d}", wave)
    for number, (name, write) in enumerate(COPIES.items()):
        write(folder / f"{number:02d}-{name}", music[number])
    shutil.copy(folder / "10.flac", folder / "10-file.flac")
    soundfile.write(folder / "11-wav.wav", *soundfile.read(folder / "11.flac", dtype="int16"))
    return folder, list(audit_corpus(corpus_of(folder)).pairs)


def pair_of(pairs: list[Pair], name: str) -> Pair:
    found = [pair for pair in pairs if f"-{name}." in pair.first + pair.second]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_every_copy_is_found_and_nothing_else(planted: tuple[Path, list[Pair]]) -> None:
    _, pairs = planted
    assert {pair.first[:2] == pair.second[:2] for pair in pairs} == {True}
    assert {name: pair_of(pairs, name).kind for name in KINDS} == KINDS
    assert len(pairs) == len(KINDS)


def test_the_copy_is_described(planted: tuple[Path, list[Pair]]) -> None:
    _, pairs = planted
    # File names sort the copies before ("00-mp3.mp3" < "00.flac") their originals.
    soft, fast, whole = (pair_of(pairs, name) for name in ("soft", "fast", "mp3"))
    assert soft.second == "01.flac" and soft.gain == pytest.approx(20 * np.log10(4), abs=0.05)
    assert fast.speed == pytest.approx(1 / 1.02, abs=0.0005)
    assert pair_of(pairs, "slow").speed == pytest.approx(1 / 0.98, abs=0.0005)
    assert whole.speed == pytest.approx(1, abs=0.0005) and abs(whole.gain) < 0.5
    assert whole.overlap == pytest.approx(SECONDS, abs=0.1)
    for name in ("cut", "both"):
        piece = pair_of(pairs, name)
        assert piece.offset == pytest.approx(-BEGIN, abs=0.01)
        assert piece.start == pytest.approx(0, abs=0.05)
        assert piece.overlap == pytest.approx(3.0, abs=0.1)


def test_the_offset_is_that_of_correlation(planted: tuple[Path, list[Pair]]) -> None:
    folder, pairs = planted
    pair = pair_of(pairs, "both")
    first, second = (decode(folder / name)[0][0] for name in (pair.first, pair.second))
    lags = signal.correlation_lags(len(first), len(second))
    reference = lags[np.abs(signal.correlate(first, second)).argmax()] / RATE
    assert pair.offset == pytest.approx(reference, abs=0.01)


def test_two_edits_share_a_stretch(music: list[Wave], tmp_path: Path) -> None:
    tail = round(4.5 * RATE)
    flac(tmp_path / "a", np.concatenate([music[0], music[1]]))
    flac(tmp_path / "b", np.concatenate([music[0], music[2][:tail], music[3]]))
    (pair,) = audit_corpus(corpus_of(tmp_path)).pairs
    assert pair.kind == "other cut" and pair.offset == pytest.approx(0, abs=0.01)
    assert pair.start == pytest.approx(0, abs=0.3) and pair.overlap == pytest.approx(SECONDS, abs=0.8)


def test_silence_tones_and_hum_are_no_repetitions(tmp_path: Path) -> None:
    time = np.arange(round(SECONDS * RATE)) / RATE
    rng = np.random.default_rng(5)
    hum = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in range(1, 30))
    for number in range(3):
        length = time.size - 1000 * number
        flac(tmp_path / f"silence-{number}", np.zeros(length))
        flac(tmp_path / f"tone-{number}", 0.3 * np.sin(2 * np.pi * 440 * time[:length] + number))
        flac(tmp_path / f"hum-{number}", 0.1 * hum[:length] + rng.normal(0, 0.01, length))
        flac(tmp_path / f"noise-{number}", rng.normal(0, 0.1, length))
        chord = [np.sin(2 * np.pi * f * time[:length] + rng.uniform(0, 7)) for f in (330, 440, 550)]
        flac(tmp_path / f"chord-{number}", sum(chord) / 9)
    assert audit_corpus(corpus_of(tmp_path)).pairs == []


def test_one_loud_drum_loop_in_two_pieces_is_reported_as_a_loop(music: list[Wave], tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    beat = np.zeros(round(0.5 * RATE))
    for place, length in ((0.0, 0.05), (0.125, 0.02), (0.25, 0.08), (0.375, 0.02)):
        start, size = round(place * RATE), round(0.1 * RATE)
        beat[start : start + size] += rng.normal(0, 1, size) * np.exp(-np.arange(size) / (length * RATE))
    drums = np.resize(0.1 * beat, music[0].size)
    for number in range(4):
        flac(tmp_path / str(number), 0.7 * music[number] + drums)
    audit = audit_corpus(corpus_of(tmp_path))
    assert {pair.kind for pair in audit.pairs} == {"shared loop"}
    assert audit.repetitions == [] and audit.groups == [] and audit.excluded == []


def test_generated_pieces_of_one_style_are_no_repetitions() -> None:
    corpus = load_corpus("synthetic:tracks=3,seconds=6,seed=1")
    assert audit_corpus(corpus).pairs == []


def test_a_rendered_clip_can_repeat() -> None:
    corpus = load_corpus("synthetic:tracks=3,seconds=3,seed=1")
    renderer = corpus.renderer
    assert renderer is not None
    first, second = corpus.clips[:2]

    def render(clip: Clip, rate: int, channels: int) -> np.ndarray:
        return renderer(first if clip.id == "again" else clip, rate, channels)

    twice = Corpus("twice", corpus.genres, [first, second, Clip("again", None, None)], renderer=render)
    (pair,) = audit_corpus(twice).pairs
    assert (pair.first, pair.second, pair.kind) == (first.id, "again", "same samples")


@pytest.mark.data
def test_real_collections_repeat_what_they_are_known_to_repeat(data_dir: Path) -> None:
    # Each correlates at 0.9 and above over seconds of waveform; reggae.00012 and MT0000202045 are "Exodus".
    known = {("rock/70", "rock/76"), ("rock/63", "rock/66"), ("reggae.00012", "MT0000202045")}
    corpus = load_corpus(f"table:{data_dir / 'clips.csv'}")
    others = ["rock/71", "rock/72", "reggae.00013", "MT0000392975", "jazz.00031"]
    wanted = {clip_id for pair in known for clip_id in pair} | set(others)
    few = Corpus("few", corpus.genres, [clip for clip in corpus.clips if clip.id in wanted])
    assert {(pair.first, pair.second) for pair in audit_corpus(few).pairs} == known
