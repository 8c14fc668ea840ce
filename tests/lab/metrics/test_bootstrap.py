from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from raising import raises
from sklearn.metrics import confusion_matrix

from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate, percent


def bootstrap(n_groups: int, seed: int = 0, **options: float) -> ClusterBootstrap:
    return ClusterBootstrap(n_groups, rng=np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def accuracy(right: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp], **options: float) -> Estimate:
    n_groups = int(groups.max()) + 1
    draws = bootstrap(n_groups, **options)
    replicates = draws.sums(right, groups) / draws.sums(np.ones(len(right)), groups)
    return draws.estimate(right.mean(), replicates, trials=n_groups)


def test_every_resample_draws_as_many_groups_as_there_are() -> None:
    draws = bootstrap(30, resamples=500)
    assert draws.weights.shape == (500, 30)
    assert (draws.weights.sum(axis=1) == 30).all()
    assert abs(draws.weights.mean() - 1) < 1e-12
    assert 0.8 < draws.weights.var() < 1.1  # Poisson-like: 1 - 1/30


def test_same_seed_same_draws() -> None:
    np.testing.assert_array_equal(bootstrap(20, seed=5).weights, bootstrap(20, seed=5).weights)
    assert (bootstrap(20, seed=5).weights != bootstrap(20, seed=6).weights).any()


def test_confusions_are_those_of_the_resampled_items() -> None:
    rng = np.random.default_rng(1)
    truth, said, groups = rng.integers(4, size=60), rng.integers(4, size=60), rng.integers(9, size=60)
    truth[truth == 2] = 1  # a genre that is never true
    draws = bootstrap(9, resamples=5)
    result = draws.confusions(truth, said, groups, n_genres=4)
    for weights, matrix in zip(draws.weights, result, strict=True):
        expected = confusion_matrix(truth, said, labels=range(4), sample_weight=weights[groups])
        np.testing.assert_allclose(matrix, expected)


def test_agrees_with_scipy_where_every_clip_is_a_group() -> None:
    right = np.random.default_rng(2).random(180) < 0.57
    ours = accuracy(right, np.arange(180), resamples=9000)
    reference = scipy.stats.bootstrap(
        (right.astype(float),), np.mean, n_resamples=9000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours.value == right.mean()
    assert ours.low == pytest.approx(reference.low, abs=1 / 180 + 1e-9)
    assert ours.high == pytest.approx(reference.high, abs=1 / 180 + 1e-9)


def test_repeating_every_item_within_its_group_changes_nothing() -> None:
    """Ten segments that all say the same are not ten trials."""
    right = np.random.default_rng(4).random(60) < 0.6
    once = accuracy(right, np.arange(60))
    ten = accuracy(np.repeat(right, 10), np.repeat(np.arange(60), 10))
    naive = accuracy(np.repeat(right, 10), np.arange(600))
    np.testing.assert_allclose(once, ten)
    assert (once.high - once.low) > 2.5 * (naive.high - naive.low)


def simulate(rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Draw 40 artists of 5 clips whose chances of being right differ, 0.6 on average."""
    chance = rng.beta(1.2, 0.8, size=40)
    return rng.random(200) < np.repeat(chance, 5), np.repeat(np.arange(40), 5)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    clustered = alone = 0
    for trial in range(300):
        right, groups = simulate(rng)
        with_groups = accuracy(right, groups, resamples=400, seed=trial)
        without = accuracy(right, np.arange(200), resamples=400, seed=trial)
        clustered += with_groups.low <= 0.6 <= with_groups.high
        alone += without.low <= 0.6 <= without.high
    assert 0.90 <= clustered / 300 <= 0.98
    assert alone / 300 < 0.88  # clips as units promise too much


def test_all_right_is_not_certain() -> None:
    estimate = accuracy(np.ones(20, dtype=bool), np.arange(20))
    reference = scipy.stats.binomtest(20, 20).proportion_ci(method="exact")
    assert estimate == pytest.approx((1.0, reference.low, 1.0))
    estimate = accuracy(np.zeros(20, dtype=bool), np.arange(20))
    reference = scipy.stats.binomtest(0, 20).proportion_ci(method="exact")
    assert estimate == pytest.approx((0.0, 0.0, reference.high))


def test_the_groups_are_the_trials_of_the_exact_interval() -> None:
    few = accuracy(np.ones(20, dtype=bool), np.repeat(np.arange(4), 5))
    assert few.low == pytest.approx(0.025**0.25)


def test_one_group_alone_gives_no_interval() -> None:
    estimate = accuracy(np.array([True, False]), np.zeros(2, dtype=np.intp))
    assert estimate.value == 0.5
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


def test_undefined_resamples_do_not_count() -> None:
    draws = bootstrap(4, resamples=4)
    estimate = draws.estimate(0.5, np.array([math.nan, 0.4, 0.4, math.nan]), trials=4)
    assert estimate == (0.5, 0.4, 0.4)
    nothing = draws.estimate(math.nan, np.full(4, math.nan), trials=0)
    assert all(map(math.isnan, nothing))


def test_higher_confidence_is_wider() -> None:
    right = np.random.default_rng(4).random(100) < 0.6
    wide, narrow = (accuracy(right, np.arange(100), confidence=c) for c in (0.99, 0.5))
    assert wide.low < narrow.low < 0.6 < narrow.high < wide.high


@pytest.mark.parametrize(
    ("n_groups", "options", "code"),
    [
        (0, {}, "bootstrap-empty"),
        (5, {"resamples": 0}, "bootstrap-empty"),
        (5, {"confidence": 1.0}, "confidence-range"),
        (5, {"confidence": 95.0}, "confidence-range"),
    ],
)
def test_bad_values_are_refused(n_groups: int, options: dict[str, float], code: str) -> None:
    with raises(code, *options.values()):
        bootstrap(n_groups, **options)


def test_percent_in_words() -> None:
    assert percent(Estimate(0.5712, 0.498, 0.64)) == "57.1\N{NO-BREAK SPACE}% (49.8–64.0)"
    assert percent(Estimate(0.5, math.nan, math.nan)) == "50.0\N{NO-BREAK SPACE}%"
    assert percent(Estimate(math.nan, math.nan, math.nan)) == "–"
