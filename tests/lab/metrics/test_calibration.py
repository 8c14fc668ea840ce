"""Calibration: the error, the temperature that reduces it, and the threshold of accepted predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from genrelab.lab.metrics.calibration import (
    calibration_error,
    confidences,
    find_threshold,
    fit_temperature,
    reliability,
    tempered,
)
from genrelab.lab.metrics.predictions import Predictions

GENRES = ("blues", "disco", "jazz")


def made(logits: np.ndarray, truth: np.ndarray) -> Predictions:
    """One segment per clip."""
    ids = tuple(f"c{number}" for number in range(len(truth)))
    names = {clip: GENRES[number] for clip, number in zip(ids, truth, strict=True)}
    return Predictions(GENRES, ids, np.zeros(len(ids)), softmax(logits, axis=1), names)


def honest(n: int, *, sharper: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, `sharper` times what is true, and genres drawn from the true probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 1.5, (n, 3))
    truth = np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])
    return sharper * logits, truth


def test_the_error_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, False, True, True])
    # two in one bin, half of them right; two in another, both right
    assert calibration_error(confidence, right) == pytest.approx(0.5 * 0.45 + 0.5 * 0.45)
    assert [each.tracks for each in reliability(confidence, right) if each.tracks] == [2, 2]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_every_answer_is_in_one_bin(answers: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([a for a, _ in answers]), np.array([b for _, b in answers])
    bins = reliability(confidence, right)
    assert sum(each.tracks for each in bins) == len(answers)
    assert all(each.low - 1e-9 <= each.confidence <= each.high + 1e-9 for each in bins if each.tracks)
    assert 0 <= calibration_error(confidence, right) <= 1


def test_the_temperature_undoes_what_was_made_too_sharp() -> None:
    logits, truth = honest(4000, sharper=2.5)
    sharp = made(logits, truth)
    temperature = fit_temperature(sharp)
    assert temperature == pytest.approx(2.5, rel=0.08)
    before, after = (
        calibration_error(*confidences(each.tracks("mean"))) for each in (sharp, tempered(sharp, temperature))
    )
    assert before > 0.1
    assert after < 0.03


def test_the_temperature_is_the_one_that_scipy_finds() -> None:
    logits, truth = honest(500, sharper=0.6, seed=3)

    def loss(log_temperature: float) -> float:
        rows = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-rows[np.arange(len(truth)), truth].mean())

    expected = np.exp(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x)
    assert fit_temperature(made(logits, truth)) == pytest.approx(expected, rel=0.01)


def test_temperature_keeps_the_order_of_genres() -> None:
    logits, truth = honest(50, sharper=1.0)
    plain = made(logits, truth)
    for temperature in (0.3, 4.0):
        changed = tempered(plain, temperature)
        assert (changed.segments().orders == plain.segments().orders).all()
    with raises("temperature-range", 0.0):
        tempered(plain, 0.0)


def test_the_threshold_gives_the_precision_it_promises() -> None:
    learned, fresh = (made(*honest(3000, sharper=1.0, seed=seed)) for seed in (1, 2))
    threshold = find_threshold(learned, precision=0.8)
    assert 0.3 < threshold.confidence < 0.9
    assert threshold.precision.value >= 0.8
    confidence, right = confidences(fresh.tracks("mean"))
    given = confidence >= threshold.confidence
    assert right[given].mean() > 0.78
    assert given.mean() == pytest.approx(threshold.answered, abs=0.04)


def test_no_threshold_is_needed_where_all_is_right() -> None:
    logits = np.eye(3)[np.arange(90) % 3] * 5
    assert find_threshold(made(logits, np.arange(90) % 3), precision=0.8).confidence == 0.0


def test_an_unreachable_precision_is_reported() -> None:
    rng = np.random.default_rng(0)
    threshold = find_threshold(made(rng.normal(size=(200, 3)), rng.integers(0, 3, 200)), precision=0.95)
    assert threshold.precision.value < 0.95
    assert not threshold.reached and threshold.wanted == 0.95 and threshold.low < threshold.precision.value


def test_the_figures_of_a_threshold_are_those_of_its_answers() -> None:
    plain = made(*honest(500, sharper=1.0, seed=4))
    threshold = find_threshold(plain, precision=0.8)
    confidence, right = confidences(plain.tracks("mean"))
    given = confidence >= threshold.confidence
    assert threshold.reached and threshold.answers == given.sum()
    assert 0.8 <= threshold.low < threshold.precision.value == pytest.approx(right[given].mean())


@pytest.mark.parametrize(("clips", "reached"), [(29, False), (30, True)])
def test_too_few_answers_reach_nothing(clips: int, reached: bool) -> None:
    truth = np.arange(clips) % 3
    threshold = find_threshold(made(np.eye(3)[truth] * 5, truth), precision=0.8)
    assert (threshold.answers, threshold.low, threshold.reached) == (clips, 1.0, reached)
    assert find_threshold(made(np.eye(3)[truth] * 5, truth), precision=0.0).reached, "nothing is wanted"
