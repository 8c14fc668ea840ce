"""From examples to a head: calibration, wrong labels, genres that cannot be told apart or measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genrelab.teach.advice import Outcome, advice
from genrelab.teach.fit.calibration import calibrate_held_out, fit_temperature
from genrelab.teach.fit.figures import best_threshold, held_out_thresholds
from genrelab.teach.sources.examples import Examples, LeftOut
from genrelab.teach.teaching import TeachSettings, teach


def drawn(n: int = 600, *, genres: int = 3, spread: float = 1.2, per_artist: int = 3) -> Examples:
    """Draw examples that overlap."""
    rng = np.random.default_rng(0)
    truth = np.arange(n) % genres
    vectors = 40 + 7 * (np.eye(genres, 10)[truth] * 2 + spread * rng.normal(size=(n, 10)))
    return Examples(
        tuple(f"/music/{k}.mp3" for k in range(n)),
        tuple((f"genre {k}",) for k in truth),
        tuple(f"artist {k // (genres * per_artist)} {k % genres}" for k in range(n)),
        tuple(k.to_bytes(32, "big") for k in range(n)),
        vectors.astype(np.float32),
    )


def test_the_head_is_calibrated() -> None:
    examples = drawn()
    taught = teach(examples)
    logits = taught.head.linear.scores(examples.vectors)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidence = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1).mean()
    accuracy = taught.figures.accuracy.value
    assert 0.6 < accuracy < 0.95 and abs(confidence - accuracy) < 0.05
    assert taught.figures.calibration_error < 0.08
    threshold = taught.figures.threshold
    assert taught.head.abstain_below == threshold.confidence and threshold.low >= 0.8
    low, value, high = (taught.figures.balanced_accuracy[k] for k in (1, 0, 2))
    assert low < value < high


def test_wrong_labels_come_first() -> None:
    examples = drawn(spread=0.6)
    wrong = set(range(0, 600, 29))
    genres = [(f"genre {(k + 1) % 3}",) if k in wrong else own for k, own in enumerate(examples.genres)]
    taught = teach(Examples(examples.paths, tuple(genres), *list(vars(examples).values())[2:]))
    first = [each.example for each in taught.suspects[: len(wrong)]]
    assert len(wrong.intersection(first)) >= 0.8 * len(wrong)


def test_genres_that_are_the_same_are_named() -> None:
    examples = drawn()
    genres = [(f"same {k % 2}",) if own == ("genre 0",) else own for k, own in enumerate(examples.genres)]
    taught = teach(Examples(examples.paths, tuple(genres), *list(vars(examples).values())[2:]))
    assert [(pair.first, pair.second) for pair in taught.figures.alike] == [("same 0", "same 1")]


def test_a_genre_of_one_artist_cannot_be_measured() -> None:
    examples = drawn()
    keys = [
        "one" if own == ("genre 2",) else key
        for own, key in zip(examples.genres, examples.group_keys, strict=True)
    ]
    taught = teach(Examples(examples.paths, examples.genres, tuple(keys), examples.sounds, examples.vectors))
    assert taught.by_group and taught.unmeasured == ("genre 2",)
    assert np.isnan(taught.figures.genres[2].recall.value)
    assert taught.figures.examples == 400 and "genre 2" in taught.head.genres
    assert not {each.example for each in taught.suspects}.intersection(range(2, 600, 3))


def test_the_same_seed_gives_the_same_result() -> None:
    examples = drawn(150)
    one, other = (teach(examples, TeachSettings(seed=4)).to_dict() for _ in range(2))
    assert one == other


def test_segments_that_differ_make_the_confidence_of_a_track_lower() -> None:
    examples = drawn()
    deviations = (15 * np.random.default_rng(1).normal(size=(60, 10))).astype(np.float32)
    plain, spread = teach(examples), teach(examples, deviations=deviations)
    assert spread.head.temperature < plain.head.temperature


def test_the_figures_of_a_fold_do_not_use_its_labels() -> None:
    rng = np.random.default_rng(0)
    folds, truth = np.arange(200) % 4, rng.integers(3, size=200)
    labels, rows = np.eye(3)[truth], np.ones(200, dtype=bool)
    scores = 3 * labels + rng.normal(size=labels.shape)
    others = labels.copy()
    others[folds == 2] = np.roll(labels[folds == 2], 1, axis=1)
    inside = folds == 2
    before, after = (calibrate_held_out(scores, each, folds, rows) for each in (labels, others))
    assert np.array_equal(before[inside], after[inside]) and not np.array_equal(before, after)
    assert fit_temperature(scores, labels) != fit_temperature(scores, others)
    probabilities = 1 / (1 + np.exp(-scores[:, 0]))
    before, after = (held_out_thresholds(probabilities, each[:, 0] > 0, folds) for each in (labels, others))
    assert np.array_equal(before[inside], after[inside]) and not np.array_equal(before, after)
    assert best_threshold(probabilities, np.zeros(200, dtype=bool)) == 0.5


def test_a_genre_of_all_tracks_is_always_present() -> None:
    examples = drawn(240)
    every = replace(examples, genres=tuple((*own, "all") for own in examples.genres))
    taught = teach(every, TeachSettings(multi=True))
    assert taught.head.genres[0] == "all" and taught.head.tag_linear is not None
    logits = taught.head.tag_linear.scores(every.vectors)
    assert np.isfinite(logits).all() and (logits[:, 0] > 4).all()
    genres = {each.genre: each for each in taught.figures.genres}
    assert genres["all"].recall.value == 1.0 and genres["genre 1"].recall.value > 0.6


def test_the_curve_ends_at_the_measured_accuracy() -> None:
    examples = drawn()
    keys = tuple(
        "one" if own == ("genre 2",) else key
        for own, key in zip(examples.genres, examples.group_keys, strict=True)
    )
    taught = teach(replace(examples, group_keys=keys))
    assert abs(taught.curve[-1].quality - taught.figures.balanced_accuracy.value) < 1e-9


def test_what_is_perfect_is_not_said_to_rise() -> None:
    taught = teach(drawn(45, spread=0.05), TeachSettings())
    assert taught.curve[-1].quality == 1
    text = " ".join(advice(Outcome(taught, LeftOut())))
    assert "doubling" not in text and "Fewer than 20 examples" in text
