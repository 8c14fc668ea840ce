from __future__ import annotations

import itertools
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.recognize import Part, RankedGenre, Recognition, Recognizer, Segment, cut_parts
from genrelab.recognize.segmentation import _likeliest

HOP = 0.25


@pytest.fixture(scope="module")
def recognizer(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    """Segments of 1 s that overlap by three quarters."""
    model = tiny.write_tiny(tmp_path_factory.mktemp("m") / "m.onnx", hop_seconds=HOP)
    return Recognizer.load(model, threads=1)


def heard(probabilities: np.ndarray, *, hop: float = 1.0, length: float = 1.0) -> Recognition:
    """A recognition with these probabilities `[segments, genres]`; rows of NaN are silent."""
    n, n_genres = probabilities.shape
    timeline = tuple(Segment(i * hop, i * hop + length, None, None) for i in range(n))
    genres = tuple(RankedGenre(f"g{number}", 0.0) for number in range(n_genres))
    return Recognition(
        Path("x"),
        "m",
        duration=(n - 1) * hop + length,
        genre="g0",
        confidence=0.5,
        genres=genres,
        timeline=timeline,
        probabilities=probabilities.astype(np.float32),
    )


@pytest.mark.parametrize("change", [3.0, 4.37, 5.5, 6.1])
def test_a_concatenation_is_cut_where_it_was_joined(
    recognizer: Recognizer, tiny: ModuleType, change: float
) -> None:
    sound = np.concatenate([tiny.tone(200.0, change), tiny.tone(3000.0, 10.0 - change)])
    parts = cut_parts(recognizer(sound, sample_rate=8000), min_seconds=2.0)
    assert [part.genre for part in parts] == ["low", "high"]
    assert parts[0].end == parts[1].start == pytest.approx(change, abs=HOP)
    assert all(part.probability is not None and part.probability > 0.8 for part in parts)


def test_a_mix_with_silence(recognizer: Recognizer, tiny: ModuleType, tmp_path: Path) -> None:
    truth = [("low", 6.3), (None, 4.0), ("middle", 5.2), ("high", 7.0), ("low", 3.9)]
    tones = {**tiny.TONES, None: 0.0}
    path = tmp_path / "mix.flac"
    soundfile.write(path, np.concatenate([tiny.tone(tones[name], seconds) for name, seconds in truth]), 8000)
    parts = cut_parts(recognizer(path), min_seconds=2.0)
    assert [part.genre for part in parts] == [name for name, _ in truth]
    ends = list(itertools.accumulate(seconds for _, seconds in truth))
    # A segment that is partly silent is no silent one, so silence seems up to half a segment shorter.
    slack = [0.5 + HOP, 0.5 + HOP, HOP, HOP, HOP]
    for part, end, within in zip(parts, ends, slack, strict=True):
        assert part.end == pytest.approx(end, abs=within)
    assert parts[1].probability is None


def test_short_interludes_are_swallowed(recognizer: Recognizer, tiny: ModuleType) -> None:
    names = [("low", 8.0), ("high", 3.0), ("low", 8.0)]
    sound = np.concatenate([tiny.tone(tiny.TONES[name], seconds) for name, seconds in names])
    record = recognizer(sound, sample_rate=8000)
    assert [part.genre for part in cut_parts(record, min_seconds=4.0)] == ["low"]
    assert [part.genre for part in cut_parts(record, min_seconds=2.0)] == ["low", "high", "low"]


def test_weak_evidence_is_no_change_and_long_evidence_is() -> None:
    rng = np.random.default_rng(0)
    wavering = np.column_stack([share := rng.uniform(0.35, 0.65, 200), 1 - share])
    assert len(cut_parts(heard(wavering), min_seconds=5.0)) == 1
    slight = np.array([[0.6, 0.4]] * 60 + [[0.4, 0.6]] * 60)
    assert cut_parts(heard(slight), min_seconds=5.0) == (
        Part(0.0, 60.0, "g0", pytest.approx(0.6)),
        Part(60.0, 120.0, "g1", pytest.approx(0.6)),
    )


def test_overlap_does_not_count_twice() -> None:
    """The same sound in segments that overlap four times gives the same parts."""
    truth = np.repeat([[0.9, 0.1], [0.3, 0.7], [0.9, 0.1]], [20, 4, 20], axis=0)
    for repeats in (1, 4):
        record = heard(np.repeat(truth, repeats, axis=0), hop=1 / repeats)
        assert len(cut_parts(record, min_seconds=3.0)) == 1, repeats
    clear = np.repeat([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]], [20, 20, 20], axis=0)
    for repeats in (1, 4):
        record = heard(np.repeat(clear, repeats, axis=0), hop=1 / repeats)
        assert [p.genre for p in cut_parts(record, min_seconds=3.0)] == ["g0", "g1", "g0"]


def test_all_silent_short_and_broken(recognizer: Recognizer, tmp_path: Path) -> None:
    assert cut_parts(recognizer(np.zeros(40000), sample_rate=8000)) == (Part(0.0, 5.0, None, None),)
    assert cut_parts(recognizer(np.zeros(800), sample_rate=8000)) == (Part(0.0, 0.1, None, None),)
    assert cut_parts(recognizer(tmp_path / "none.wav")) == ()


def test_what_cannot_be() -> None:
    record = heard(np.ones((3, 1)))
    for seconds in (0.0, -1.0, float("nan"), float("inf")):
        with raises("part-length", seconds):
            cut_parts(record, min_seconds=seconds)
    with raises("parts-need-probabilities"):
        cut_parts(Recognition(Path("x"), "m", duration=3.0, genre="g0"))


@given(
    n=st.integers(1, 60),
    n_genres=st.integers(1, 5),
    hop=st.sampled_from([0.25, 0.5, 1.0, 1.1]),
    overlap=st.integers(1, 4),
    least=st.floats(0.1, 30.0),
    seed=st.integers(0, 2**31),
)
def test_parts_cover_the_file(
    n: int, n_genres: int, hop: float, overlap: int, least: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(n_genres, 0.2), size=n)
    probabilities[rng.uniform(size=n) < 0.2] = np.nan
    record = heard(probabilities, hop=hop, length=hop * overlap)
    parts = cut_parts(record, min_seconds=least)
    assert parts[0].start == 0.0
    assert parts[-1].end == record.duration
    for one, other in itertools.pairwise(parts):
        assert one.end == other.start
        assert one.genre != other.genre
    assert record.duration is not None
    shortest = min(part.end - part.start for part in parts)
    assert shortest >= min(least, record.duration) - 1e-4
    assert all((part.genre is None) is (part.probability is None) for part in parts)


@given(n=st.integers(1, 7), least=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_nothing_is_likelier(n: int, least: int, seed: int) -> None:
    """Compared with all cuts there are."""
    evidence = np.random.default_rng(seed).normal(size=(n, 3))
    price = 0.7

    def worth(states: tuple[int, ...]) -> float:
        runs = [len(list(run)) for _, run in itertools.groupby(states)]
        if len(runs) > 1 and min(runs) < least:
            return -np.inf
        return float(evidence[range(n), states].sum()) - price * (len(runs) - 1)

    best = max(worth(states) for states in itertools.product(range(3), repeat=n))
    found = tuple(
        state for first, last, state in _likeliest(evidence, least, price) for _ in range(last - first)
    )
    assert worth(found) == pytest.approx(best)
