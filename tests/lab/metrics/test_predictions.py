from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.metrics.predictions import Predictions, pool, read_predictions, write_predictions
from genrelab.voting import vote

GENRES = ("blues", "jazz", "rock")


def example(*, clips: int = 6, segments: int = 4, seed: int = 0, prefix: str = "clip") -> Predictions:
    rng = np.random.default_rng(seed)
    ids = [f"{prefix}{i}" for i in range(clips)]
    return Predictions(
        GENRES,
        tuple(ids) * segments,  # the segments of a clip do not stand together
        np.repeat(np.arange(segments) * 2.5, clips),
        rng.dirichlet(np.ones(3), size=clips * segments),
        {clip: GENRES[i % 3] for i, clip in enumerate(ids)},
        {clip: f"artist{i // 2}" for i, clip in enumerate(ids[:-1])},
    )


def test_tracks_are_voted_from_their_own_segments() -> None:
    p = example()
    tracks = p.tracks("majority")
    assert tracks.clip_ids == tuple(f"clip{i}" for i in range(6))
    assert tracks.truth.tolist() == [0, 1, 2, 0, 1, 2]
    for i, clip in enumerate(tracks.clip_ids):
        own = p.probabilities[[c == clip for c in p.clip_ids]]
        expected = vote(own, rule="majority")
        assert tracks.orders[i].tolist() == expected.order.tolist()
        np.testing.assert_allclose(tracks.probabilities[i], expected.probabilities)


def test_rules_can_disagree() -> None:
    rows = np.array([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0], [0.0, 1.0, 0.0]])
    p = Predictions(GENRES, ("a",) * 3, np.zeros(3), rows, {"a": "jazz"})
    assert p.tracks("majority").orders[0, 0] == 0
    assert p.tracks("mean").orders[0, 0] == 1


def test_segments_break_ties_by_number() -> None:
    p = Predictions(GENRES, ("a",), np.zeros(1), np.array([[0.2, 0.4, 0.4]]), {"a": "rock"})
    assert p.segments().orders.tolist() == [[1, 2, 0]]


def test_a_clip_without_an_artist_is_its_own_group() -> None:
    p = example()
    assert p.groups["clip0"] == p.groups["clip1"] == "artist0"
    assert p.groups["clip5"] == "clip5"


def test_clips_without_segments_are_dropped() -> None:
    p = Predictions(
        GENRES, ("a",), np.zeros(1), np.array([[1.0, 0, 0]]), {"a": "rock", "b": "jazz"}, {"b": "x"}
    )
    assert p.truth == {"a": "rock"}
    assert p.groups == {"a": "a"}


@pytest.mark.parametrize(
    ("change", "code", "quoted"),
    [
        ({"genres": ("blues", "jazz", "jazz")}, "genre-twice", "blues, jazz, jazz"),
        ({"clip_ids": ()}, "predictions-empty", ""),
        ({"starts": np.zeros(3)}, "predictions-shape", "[3] and [2, 3]"),
        ({"probabilities": np.array([[1.0, 0, 0], [np.nan, 0, 1]])}, "probabilities-invalid", "'b'"),
        ({"probabilities": np.array([[1.0, 0, 0], [3.0, -1.0, -1.0]])}, "probabilities-invalid", "segment 1"),
        ({"probabilities": np.array([[2.0, 0, 0], [1.0, 0, 0]])}, "probabilities-invalid", "segment 0"),
        ({"truth": {"a": "rock"}}, "genre-unknown", "None"),
        ({"truth": {"a": "rock", "b": "polka"}}, "genre-unknown", "polka"),
    ],
)
def test_bad_values_are_refused(change: dict[str, object], code: str, quoted: str) -> None:
    good: dict[str, object] = {
        "genres": GENRES,
        "clip_ids": ("a", "b"),
        "starts": np.zeros(2),
        "probabilities": np.array([[1.0, 0, 0], [0, 0, 1.0]]),
        "truth": {"a": "rock", "b": "rock"},
    }
    Predictions(**good)  # type: ignore[arg-type]
    with raises(code, quoted):
        Predictions(**{**good, **change})  # type: ignore[arg-type]


def test_file_brings_everything_back(tmp_path: Path) -> None:
    p = example()
    path = tmp_path / "predictions.csv"
    write_predictions(path, p)
    back = read_predictions(path)
    assert (back.genres, back.clip_ids, back.truth, back.groups) == (p.genres, p.clip_ids, p.truth, p.groups)
    np.testing.assert_allclose(back.starts, p.starts)
    np.testing.assert_allclose(back.probabilities, p.probabilities, rtol=1e-8)
    assert list(tmp_path.iterdir()) == [path]


def test_float32_comes_back_bit_for_bit(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(3), size=500).astype(np.float32)
    p = Predictions(GENRES, ("a",) * 500, np.zeros(500), rows, {"a": "rock"})
    write_predictions(tmp_path / "p.csv", p)
    back = read_predictions(tmp_path / "p.csv").probabilities.astype(np.float32)
    np.testing.assert_array_equal(back, rows)


def test_pandas_reads_the_file_without_options(tmp_path: Path) -> None:
    p = example()
    write_predictions(tmp_path / "p.csv", p)
    frame = pd.read_csv(tmp_path / "p.csv")
    assert frame["level"].value_counts().to_dict() == {"clip": 6, "segment": 24}
    values = frame[[f"p_{genre}" for genre in GENRES]]
    assert (values.dtypes == np.float64).all()
    clips = frame[frame["level"] == "clip"]
    assert clips["start_seconds"].isna().all()
    for rule in ("majority", "mean"):
        said = [GENRES[i] for i in p.tracks(rule).orders[:, 0]]  # type: ignore[arg-type]
        assert clips[f"predicted_{rule}"].tolist() == said
    np.testing.assert_allclose(values[frame["level"] == "clip"], p.tracks("mean").probabilities, rtol=1e-8)
    segments = frame[frame["level"] == "segment"]
    np.testing.assert_allclose(segments["start_seconds"], p.starts)
    assert segments["predicted_mean"].tolist() == [GENRES[i] for i in p.probabilities.argmax(1)]


@settings(max_examples=40, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=12), min_size=5, max_size=5, unique=True))
def test_any_text_survives_the_file(names: list[str]) -> None:
    """Commas, quotes, line ends, lone surrogates (file names that are not UTF-8): all come back."""
    clip, artist, *genres = names
    p = Predictions(
        tuple(genres),
        (clip,),
        np.array([1.5]),
        np.array([[0.5, 0.25, 0.25]]),
        {clip: genres[2]},
        {clip: artist},
    )
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(Path(folder) / "p.csv", p)
        back = read_predictions(Path(folder) / "p.csv")
    assert (back.genres, back.clip_ids, back.truth, back.groups) == (p.genres, p.clip_ids, p.truth, p.groups)


def test_a_lone_surrogate_survives_the_file(tmp_path: Path) -> None:
    p = Predictions(GENRES, ("caf\udce9",), np.zeros(1), np.array([[1.0, 0, 0]]), {"caf\udce9": "rock"})
    write_predictions(tmp_path / "p.csv", p)
    assert read_predictions(tmp_path / "p.csv").clip_ids == ("caf\udce9",)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text: "", "predictions-columns"),
        (lambda text: "a,b,c\n1,2,3\n", "predictions-columns"),
        (lambda text: text.replace("0.", "x."), "predictions-damaged"),
        (lambda text: text.splitlines()[0], "predictions-damaged"),
        (lambda text: text[: len(text) - 20], "predictions-damaged"),
        (lambda text: text.replace(",rock,", ",polka,"), "predictions-damaged"),
    ],
    ids=["empty", "other table", "no numbers", "header only", "cut off", "unknown genre"],
)
def test_a_damaged_file_is_named(tmp_path: Path, spoil: object, code: str) -> None:
    path = tmp_path / "predictions.csv"
    write_predictions(path, example())
    path.write_text(spoil(path.read_text()))  # type: ignore[operator]
    with raises(code, path):
        read_predictions(path)


def test_missing_places_are_named(tmp_path: Path) -> None:
    with raises("predictions-unreadable", "nowhere"):
        read_predictions(tmp_path / "nowhere.csv")
    with raises("predictions-not-written", "nowhere"):
        write_predictions(tmp_path / "nowhere" / "p.csv", example())


def test_pool_joins_folds() -> None:
    first, second = example(prefix="a"), example(prefix="b", seed=1)
    both = pool([first, second])
    assert both.clips == first.clips + second.clips
    assert both.groups == {**first.groups, **second.groups}
    np.testing.assert_array_equal(both.tracks("mean").probabilities[6:], second.tracks("mean").probabilities)


def test_pool_refuses_overlap_and_other_genres() -> None:
    with raises("folds-missing"):
        pool([])
    with raises("folds-overlap", "'clip0'"):
        pool([example(), example(seed=1)])
    other = Predictions(("a", "b"), ("x",), np.zeros(1), np.array([[1.0, 0]]), {"x": "a"})
    with raises("folds-of-two-corpora", "fold 1", "a, b"):
        pool([example(), other])
