"""AUC, average precision and correlation, against scikit-learn and SciPy, with and without weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from genrelab.statistics import ranking
from genrelab.statistics.ranking import average_precision, correlation, ranks, roc_auc

FIGURES = [(roc_auc, roc_auc_score), (average_precision, average_precision_score)]
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n=st.integers(2, 60), levels=st.sampled_from([2, 5, 1000]))
@pytest.mark.parametrize(("ours", "theirs"), FIGURES)
def test_scikit_learn_agrees_for_every_weighting(
    ours: object, theirs: object, seed: int, n: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(levels, size=n) / levels
    positive = rng.random(n) < 0.4
    positive[:2] = True, False
    weights = np.vstack([np.ones(n), rng.integers(0, 4, size=(3, n))])
    found = ours(scores, positive, weights)  # type: ignore[operator]
    for value, row in zip(found, weights, strict=True):
        if not row[positive].any() or not row[~positive].any():
            continue
        wanted = theirs(positive, scores, sample_weight=row)  # type: ignore[operator]
        assert value == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, n=st.integers(3, 60), offset=st.sampled_from([0.0, 1e5]))
def test_scipy_agrees_about_correlations(seed: int, n: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(6, size=n) / 6 + offset
    second = first + rng.normal(size=n)
    first[0] += 1
    one = np.ones((1, n))
    assert correlation(first, second, one)[0] == pytest.approx(pearsonr(first, second)[0], abs=1e-7)
    wanted = spearmanr(first, second)[0]
    assert correlation(ranks(first), ranks(second), one)[0] == pytest.approx(wanted, abs=1e-9)
    assert ranks(first).tolist() == (rankdata(first) - 1).tolist()
    drawn = rng.integers(n, size=n)
    if np.ptp(first[drawn]) and np.ptp(second[drawn]):
        weights = np.bincount(drawn, minlength=n)[None].astype(float)
        wanted = pearsonr(first[drawn], second[drawn])[0]
        assert correlation(first, second, weights)[0] == pytest.approx(wanted, abs=1e-6)


def test_figures_are_undefined_where_nothing_can_be_ranked() -> None:
    scores, weights = np.array([0.1, 0.9]), np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    one, none = np.array([True, False]), np.array([False, False])
    assert np.isnan(roc_auc(scores, one, weights)).tolist() == [False, True, True]
    assert np.isnan(average_precision(scores, one, weights)).tolist() == [False, False, True]
    assert np.isnan(roc_auc(scores, none, weights)).all()
    assert np.isnan(roc_auc(scores[:0], none[:0], np.ones((2, 0)))).tolist() == [True, True]
    assert np.isnan(correlation(scores, np.array([0.5, 0.5]), weights)).all()
    assert np.isnan(correlation(scores, scores, weights)).tolist() == [False, True, True]


def test_many_weightings_are_computed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.random(30), rng.random(30) < 0.5
    weights = rng.integers(0, 3, size=(50, 30)).astype(float)
    whole = roc_auc(scores, positive, weights)
    monkeypatch.setattr(ranking, "_AT_ONCE", 100)
    assert roc_auc(scores, positive, weights).tolist() == whole.tolist()
