from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from genrelab.lab.metrics.predictions import Answers, Predictions
from genrelab.lab.metrics.scores import Evaluation, LevelScores, evaluate

GENRES = ("blues", "jazz", "metal", "rock")


def example(*, clips: int = 50, segments: int = 3, seed: int = 0, true: int = 4) -> Predictions:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(true, size=clips)
    ids = [f"clip{i}" for i in range(clips)]
    rows = rng.dirichlet(np.ones(4), size=(clips, segments))
    rows[np.arange(clips), :, numbers] += 0.2
    return Predictions(
        GENRES,
        tuple(np.repeat(ids, segments).tolist()),
        np.tile(np.arange(segments) * 5.0, clips),
        (rows / rows.sum(axis=2, keepdims=True)).reshape(-1, 4),
        {clip: GENRES[number] for clip, number in zip(ids, numbers, strict=True)},
        {clip: f"artist{i // 2}" for i, clip in enumerate(ids[:40])},
    )


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    return example()


@pytest.fixture(scope="module")
def evaluation(predictions: Predictions) -> Evaluation:
    return evaluate(predictions, seed=0, resamples=300)


def levels(predictions: Predictions, evaluation: Evaluation) -> list[tuple[Answers, LevelScores]]:
    return [
        (predictions.segments(), evaluation.segment),
        (predictions.tracks("majority"), evaluation.track["majority"]),
        (predictions.tracks("mean"), evaluation.track["mean"]),
    ]


def check_against_sklearn(answers: Answers, scores: LevelScores) -> None:
    truth, said = answers.truth, answers.orders[:, 0]
    labels = list(range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sklearn warns of genres that are said but never true
        balanced = reference.balanced_accuracy_score(truth, said)
        precision, recall, f1, support = reference.precision_recall_fscore_support(
            truth, said, labels=labels, zero_division=np.nan
        )
    assert scores.n == len(truth)
    assert scores.accuracy.value == pytest.approx(reference.accuracy_score(truth, said))
    assert scores.balanced_accuracy.value == pytest.approx(balanced)
    confusion = reference.confusion_matrix(truth, said, labels=labels)
    np.testing.assert_array_equal(scores.confusion, confusion)
    ours = list(scores.by_genre.values())
    np.testing.assert_array_equal([g.support for g in ours], support)
    np.testing.assert_array_equal([g.predicted for g in ours], confusion.sum(axis=0))
    np.testing.assert_allclose([g.precision.value for g in ours], precision)
    np.testing.assert_allclose([g.recall.value for g in ours], recall)
    np.testing.assert_allclose([g.f1.value for g in ours], f1)


def test_figures_are_those_of_scikit_learn(predictions: Predictions, evaluation: Evaluation) -> None:
    for answers, scores in levels(predictions, evaluation):
        check_against_sklearn(answers, scores)
        shares = np.array([[share.value for share in row] for row in scores.shares])
        normalized = reference.confusion_matrix(answers.truth, answers.orders[:, 0], normalize="true")
        np.testing.assert_allclose(shares, normalized)


def test_top2_and_log_loss_are_those_of_scikit_learn(
    predictions: Predictions, evaluation: Evaluation
) -> None:
    for answers, scores in levels(predictions, evaluation):
        ranks = np.empty_like(answers.orders)
        np.put_along_axis(ranks, answers.orders, -np.arange(4)[None].repeat(scores.n, 0), axis=1)
        expected = reference.top_k_accuracy_score(answers.truth, ranks, k=2, labels=range(4))
        assert scores.top2_accuracy.value == pytest.approx(expected)
        if scores.log_loss is not None:
            loss = reference.log_loss(answers.truth, answers.probabilities, labels=range(4))
            assert scores.log_loss.value == pytest.approx(loss)
    assert evaluation.track["majority"].log_loss is None
    assert evaluation.track["mean"].log_loss is not None


def test_zero_probability_of_the_truth_has_a_finite_loss() -> None:
    p = Predictions(GENRES, ("a",), np.zeros(1), np.array([[1.0, 0, 0, 0]]), {"a": "rock"})
    loss = evaluate(p, seed=0, resamples=10).segment.log_loss
    assert loss is not None
    assert loss.value == pytest.approx(-math.log(np.finfo(float).eps))


def test_intervals_hold_their_values(predictions: Predictions, evaluation: Evaluation) -> None:
    for _, scores in levels(predictions, evaluation):
        estimates = [
            scores.accuracy,
            scores.balanced_accuracy,
            scores.top2_accuracy,
            *(e for g in scores.by_genre.values() for e in (g.recall, g.precision, g.f1)),
            *(share for row in scores.shares for share in row),
        ]
        for value, low, high in estimates:
            assert 0 <= low <= value <= high <= 1
            assert low < high


def test_segments_are_resampled_by_artist_not_one_by_one() -> None:
    """Copies of a track's segments must leave its interval as wide as the track's."""
    p = example(segments=1)
    copies = Predictions(
        p.genres,
        tuple(np.repeat(p.clip_ids, 8).tolist()),
        np.tile(np.arange(8.0), 50),
        p.probabilities.repeat(8, axis=0),
        p.truth,
        p.groups,
    )
    scores = evaluate(copies, seed=0)
    assert scores.segment.groups == scores.track["mean"].groups == 30
    assert scores.segment.accuracy == pytest.approx(scores.track["mean"].accuracy)
    assert scores.segment.balanced_accuracy == pytest.approx(scores.track["mean"].balanced_accuracy)


def test_clustered_mistakes_widen_the_interval() -> None:
    """When an artist's tracks fail together, artists as groups give a wider interval than tracks."""
    right = np.repeat(np.random.default_rng(0).random(20) < 0.5, 5)
    rows = np.where(right[:, None], [0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1])
    ids = tuple(f"clip{i}" for i in range(100))
    truth = dict.fromkeys(ids, "blues")
    artists = {clip: f"artist{i // 5}" for i, clip in enumerate(ids)}
    wide = evaluate(Predictions(GENRES, ids, np.zeros(100), rows, truth, artists), seed=0)
    narrow = evaluate(Predictions(GENRES, ids, np.zeros(100), rows, truth), seed=0)
    width = [e.segment.accuracy.high - e.segment.accuracy.low for e in (wide, narrow)]
    assert width[0] == pytest.approx(width[1] * math.sqrt(5), rel=0.2)


def test_a_genre_absent_from_the_truth(predictions: Predictions) -> None:
    p = example(true=3)
    scores = evaluate(p, seed=0, resamples=100)
    for answers, level in levels(p, scores):
        check_against_sklearn(answers, level)
        assert math.isnan(level.by_genre["rock"].recall.value)
        assert all(math.isnan(share.value) for share in level.shares[3])
        assert not math.isnan(level.balanced_accuracy.low)


def test_two_genres_make_top2_certain() -> None:
    p = Predictions(("a", "b"), ("x",), np.zeros(1), np.array([[1.0, 0]]), {"x": "b"})
    assert evaluate(p, seed=0, resamples=10).segment.top2_accuracy == (1, 1, 1)


def test_json_has_no_nan_and_all_figures() -> None:
    p = example(true=3)
    evaluation = evaluate(p, seed=7, resamples=50, confidence=0.9)
    text = json.dumps(evaluation.to_dict(), allow_nan=False)
    value = json.loads(text)
    assert value["genres"] == list(GENRES)
    assert value["intervals"]["seed"] == 7
    assert value["intervals"]["resamples"] == 50
    assert value["intervals"]["confidence"] == 0.9
    mean = value["track"]["mean"]
    assert mean["accuracy"] == evaluation.track["mean"].accuracy._asdict()
    assert mean["by_genre"]["rock"]["recall"] == {"value": None, "low": None, "high": None}
    assert sum(map(sum, mean["confusion"]["counts"])) == mean["n"] == 50


def test_seed_fixes_the_intervals(predictions: Predictions) -> None:
    once, again, other = (evaluate(predictions, seed=s, resamples=50).to_dict() for s in (1, 1, 2))
    assert once == again
    assert once["segment"] != other["segment"]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), clips=st.integers(1, 6), genres=st.integers(1, 4))
def test_any_small_set_can_be_evaluated(data: st.DataObject, clips: int, genres: int) -> None:
    """One clip, one artist, ties, absent genres: figures stay in range and JSON stays valid."""
    names = GENRES[:genres]
    ids = tuple(f"clip{i}" for i in range(clips) for _ in range(data.draw(st.integers(1, 3))))
    weights = data.draw(
        st.lists(
            st.lists(st.sampled_from([1, 2]), min_size=genres, max_size=genres),
            min_size=len(ids),
            max_size=len(ids),
        )
    )
    rows = np.array(weights, dtype=float)
    p = Predictions(
        names,
        ids,
        np.zeros(len(ids)),
        rows / rows.sum(axis=1, keepdims=True),
        {clip: data.draw(st.sampled_from(names)) for clip in ids},
        {clip: data.draw(st.sampled_from(["x", "y", clip])) for clip in ids},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = evaluate(p, seed=0, resamples=20)
    json.dumps(evaluation.to_dict(), allow_nan=False)
    for scores in (evaluation.segment, *evaluation.track.values()):
        assert scores.confusion.sum() == scores.n
        for value, low, high in (scores.accuracy, scores.balanced_accuracy, scores.top2_accuracy):
            assert 0 <= value <= 1
            assert math.isnan(low) or 0 <= low <= high <= 1
