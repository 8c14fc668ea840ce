"""Calibration of tags on distributions whose best calibration is known; thresholds; which tags are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from genrelab.lab.metrics.bootstrap import Estimate
from genrelab.lab.metrics.tag_calibration import (
    LEAST_SCALE,
    Platt,
    calibrated,
    find_tag_threshold,
    fit_platt,
    kept_tags,
)
from genrelab.lab.metrics.tag_predictions import TagPredictions
from genrelab.lab.metrics.tag_scores import TagScores

TAG = "mood:calm"


def of(truth: np.ndarray, values: np.ndarray, clips: list[str] | None = None) -> TagPredictions:
    ids = tuple(clips or map(str, range(len(truth))))
    return TagPredictions((TAG,), ids, np.asarray(truth, dtype=int)[:, None], np.asarray(values)[:, None])


def drawn(n: int, *, scale: float, offset: float, seed: int = 0) -> TagPredictions:
    """Return predictions whose best calibration is known."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, n)
    return of(rng.random(n) < expit(scale * logits + offset), expit(logits))


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.4, -1.5), (2.5, 1.0)])
def test_the_true_calibration_is_found(scale: float, offset: float) -> None:
    p = drawn(20_000, scale=scale, offset=offset)
    fit = fit_platt(p, TAG)
    assert fit.scale == pytest.approx(scale, rel=0.06) and fit.offset == pytest.approx(offset, abs=0.06)
    after = calibrated(p, {TAG: fit}).probabilities[:, 0]
    for low in np.arange(0, 1, 0.2):
        inside = (after >= low) & (after < low + 0.2)
        if inside.sum() >= 400:
            assert after[inside].mean() == pytest.approx(p.truth[inside, 0].mean(), abs=0.04)


def test_scikit_learn_agrees_with_clips_of_one_row() -> None:
    p = drawn(400, scale=0.7, offset=-0.5)
    model = LogisticRegression(C=np.inf, tol=1e-10)
    model.fit(logit(p.probabilities), p.truth[:, 0])
    fit = fit_platt(p, TAG, penalty=1e-9)
    assert fit.scale == pytest.approx(model.coef_[0, 0], abs=1e-3)
    assert fit.offset == pytest.approx(model.intercept_[0], abs=1e-3)


def test_a_clip_with_segments_is_calibrated_after_its_mean() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1, (20_000, 1)) + rng.normal(0, 2, (20_000, 4))
    has = rng.random(20_000) < expit(0.5 * logits - 1).mean(axis=1)
    clips = [str(clip) for clip in range(20_000) for _ in range(4)]
    segments = of(np.repeat(has, 4), expit(logits).ravel(), clips)
    fit = fit_platt(segments, TAG)
    assert fit.scale == pytest.approx(0.5, abs=0.06) and fit.offset == pytest.approx(-1, abs=0.08)
    means = fit_platt(segments.tracks(), TAG)
    assert abs(means.scale - 0.5) > 0.1, "the mean first and then the calibration is another thing"


def test_without_evidence_nothing_changes_and_with_little_not_much() -> None:
    assert fit_platt(of(np.array([-1, -1]), np.array([0.1, 0.9])), TAG) == Platt()
    perfect = fit_platt(of(np.array([0, 0, 1, 1]), np.array([0.3, 0.4, 0.6, 0.7])), TAG)
    assert 1 < perfect.scale < 20 and abs(perfect.offset) < 1e-3
    strict = fit_platt(of(np.array([0, 0, 1, 1]), np.array([0.3, 0.4, 0.6, 0.7])), TAG, penalty=100)
    assert strict.scale == pytest.approx(1, abs=0.05)
    all_true = fit_platt(of(np.ones(50), np.full(50, 0.5)), TAG)
    assert 0.9 < all_true.apply(0.5) < 1.0


def test_a_scale_never_turns_the_order_around() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(500)
    fit = fit_platt(of(values < 0.5, values), TAG)
    assert fit.scale == LEAST_SCALE
    after = fit.apply(np.array([0.0, 0.2, 0.8, 1.0]))
    assert (np.diff(after) > 0).all() and ((after > 0) & (after < 1)).all()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    edge=st.booleans(),
)
def test_any_predictions_give_probabilities(n: int, seed: int, edge: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random(n).round() if edge else rng.random(n)
    p = of(rng.integers(-1, 2, n), values)
    fit = fit_platt(p, TAG)
    assert fit.scale >= LEAST_SCALE and np.isfinite(fit.offset)
    after = calibrated(p, {TAG: fit})
    found = find_tag_threshold(after, TAG)
    assert 0 < found.probability < 1 and found.shown <= n


def test_tags_without_a_calibration_stay() -> None:
    truth, values = np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.0], [0.2, 1.0]])
    p = TagPredictions((TAG, "mood:sad"), ("a", "b"), truth, values)
    after = calibrated(p, {TAG: Platt(1.0, -1.0)})
    assert after.probabilities[:, 1].tolist() == [0.0, 1.0]
    assert after.probabilities[0, 0] == pytest.approx(expit(logit(0.9) - 1))


def test_the_lowest_threshold_with_the_precision() -> None:
    values = np.repeat([0.05, 0.305, 0.605, 0.9], 20)
    truth = np.concatenate([np.arange(20) < share * 20 for share in (0.0, 0.25, 0.6, 1.0)])
    found = find_tag_threshold(of(truth, values), TAG, precision=0.75)
    assert (found.probability, found.shown, found.reached) == (0.31, 40, True)
    assert found.precision.value == pytest.approx(32 / 40) and found.recall.value == pytest.approx(32 / 37)
    assert found.precision.low < 0.8 < found.precision.high
    assert find_tag_threshold(of(truth, values), TAG, precision=0.6).probability == 0.06
    assert find_tag_threshold(of(truth, values), TAG, precision=0.9).probability == 0.61
    unknown = np.concatenate([truth, np.full(60, -1)]).astype(int)
    more = find_tag_threshold(of(unknown, np.concatenate([values, np.full(60, 0.5)])), TAG, precision=0.75)
    assert (more.probability, more.shown) == (found.probability, found.shown)


def test_a_precision_out_of_reach_gives_the_best_f1_from_a_half_on() -> None:
    values, truth = np.repeat([0.1, 0.6, 0.8], 30), np.tile([1, 0, 0], 30)
    truth[60:75] = 1
    found = find_tag_threshold(of(truth, values), TAG)
    assert not found.reached and found.wanted == 0.7
    scores = {}
    for percent in range(50, 81):
        shown = values >= percent / 100
        scores[percent] = 2 * (shown & (truth == 1)).sum() / (shown.sum() + truth.sum())
    assert found.probability == max(scores, key=scores.__getitem__) / 100
    unlikely = find_tag_threshold(of(truth, values / 2), TAG)
    assert (unlikely.probability, unlikely.shown) == (0.5, 0), "more often absent than present"


def test_a_lucky_clip_is_no_precision() -> None:
    values = np.concatenate([[0.99], np.linspace(0.01, 0.9, 99)])
    truth = np.concatenate([[1], np.arange(99) % 4 == 0]).astype(int)
    assert not find_tag_threshold(of(truth, values), TAG).reached


def test_nothing_to_find_a_threshold_on() -> None:
    none = find_tag_threshold(of(np.array([-1]), np.array([0.3])), TAG)
    assert (none.probability, none.shown, none.reached) == (0.5, 0, False)
    never = find_tag_threshold(of(np.zeros(30), np.full(30, 0.3)), TAG)
    assert (never.probability, never.reached) == (0.5, False)
    for precision in (0.0, 1.1, float("nan")):
        with raises("tag-precision-range", precision):
            find_tag_threshold(of(np.ones(3), np.ones(3)), TAG, precision=precision)
    with raises("penalty-range", 0):
        fit_platt(of(np.ones(3), np.ones(3)), TAG, penalty=0)
    with raises("tag-not-predicted", "mood:sad"):
        fit_platt(of(np.ones(3), np.ones(3)), "mood:sad")


def test_tags_are_kept_by_auc_and_enough_clips() -> None:
    def scores(auc: float, positives: int = 30, negatives: int = 30) -> TagScores:
        estimate = Estimate(auc, np.nan, np.nan)
        return TagScores("labels", positives, negatives, 9, estimate, estimate)

    every = {
        "a": scores(0.75),
        "b": scores(0.749),
        "c": scores(np.nan),
        "d": scores(0.9, positives=9),
        "e": scores(0.9, negatives=9),
        "f": scores(0.9, 10, 10),
    }
    assert kept_tags(every) == ("a", "f")
    assert kept_tags(every, fewest=1) == ("a", "d", "e", "f")
    assert kept_tags(every, least=0.8, fewest=1) == ("d", "e", "f")


@pytest.mark.parametrize("penalty", [0.1, 5.0])
def test_no_other_scale_and_offset_have_a_smaller_loss(penalty: float) -> None:
    p = drawn(60, scale=1.8, offset=-1.0)
    has, logits = p.truth[:, 0] == 1, logit(p.probabilities[:, 0])
    fit = fit_platt(p, TAG, penalty=penalty)

    def loss(scale: float, offset: float) -> float:
        each = expit(scale * logits + offset)
        away = (scale - 1) ** 2 + offset**2
        return float(-np.log(np.where(has, each, 1 - each)).sum() + penalty * away / 2)

    best = loss(fit.scale, fit.offset)
    for angle in np.linspace(0, 2 * np.pi, 24):
        for far in (0.01, 0.3):
            assert loss(fit.scale + far * np.cos(angle), fit.offset + far * np.sin(angle)) > best
