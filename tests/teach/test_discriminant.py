"""The classifier, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import shrunk_covariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from genrelab.teach.fit.calibration import fit_logistic, fit_temperature, track_probabilities
from genrelab.teach.fit.crossval import cross_validate
from genrelab.teach.fit.discriminant import Moments, Scaling, discriminants
from genrelab.teach.fit.folds import assign_folds
from genrelab.teach.fit.suspects import find_suspects


def sample(n: int = 300, size: int = 12, genres: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    truth = rng.integers(genres, size=n)
    mixing = rng.normal(size=(size, size))
    values = (rng.normal(size=(genres, size))[truth] + rng.normal(size=(n, size))) @ mixing
    return values.astype(np.float32), truth


def test_it_is_scikit_learns_discriminant_of_the_shrunk_covariance() -> None:
    values, truth = sample()
    keep = np.concatenate([np.flatnonzero(truth == genre)[:60] for genre in range(4)])
    values, truth = values[keep], truth[keep]
    ours = discriminants(Moments.of(values, np.eye(4)[truth]), (0.0, 0.3), multi=False)
    plain = LinearDiscriminantAnalysis(solver="lsqr").fit(values.astype(np.float64), truth)
    within = np.mean([np.cov(values[truth == genre].T, bias=True) for genre in range(4)], axis=0)
    assert np.allclose(within, plain.covariance_, rtol=1e-4, atol=1e-5)
    for linear, shrinkage in zip(ours, (1e-6, 0.3), strict=True):
        covariance = shrunk_covariance(within, shrinkage)
        weights = np.linalg.solve(covariance, plain.means_.T)
        assert np.allclose(linear.weights, weights, rtol=1e-3, atol=1e-3)
        assert np.allclose(linear.bias, -0.5 * np.diag(plain.means_ @ weights), rtol=1e-3, atol=1e-3)
    assert np.array_equal(ours[0].scores(values).argmax(axis=1), plain.predict(values))


def test_leaving_out_is_a_subtraction() -> None:
    values, truth = sample()
    labels = np.eye(4)[truth]
    rest = Moments.of(values, labels) - Moments.of(values[:50], labels[:50])
    whole = Moments.of(values[50:], labels[50:])
    for one, other in zip(vars(rest).values(), vars(whole).values(), strict=True):
        assert np.allclose(one, other)


def test_scaling_moves_into_the_weights() -> None:
    values, truth = sample()
    values = values * 100 + 30
    scaling = Scaling.of(values)
    linear = discriminants(Moments.of(scaling.apply(values), np.eye(4)[truth]), (0.3,), multi=False)[0]
    unscaled = scaling.unscaled(linear)
    assert np.allclose(unscaled.scores(values), linear.scores(scaling.apply(values)), atol=1e-2)


def test_the_held_out_score_does_not_know_the_label() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(240, 30)).astype(np.float32)
    truth, groups = np.arange(240) % 3, np.arange(240) // 4
    labels = np.eye(3)[rng.permutation(truth)]
    folds = assign_folds(labels, groups, 5, rng)
    held = cross_validate(values, labels, folds, multi=False)
    right = labels[np.arange(240), held.scores.argmax(axis=1)]
    assert 0.2 < right.mean() < 0.46


def test_folds_keep_groups_together_and_genres_even() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(80, size=400)
    groups = np.unique(groups, return_inverse=True)[1]
    truth = (groups * 7) % 3
    folds = assign_folds(np.eye(3)[truth], groups, 5, rng)
    for group in range(groups.max() + 1):
        assert len(set(folds[groups == group])) == 1
    for genre in range(3):
        counts = np.bincount(folds[truth == genre], minlength=5)
        assert counts.max() - counts.min() <= 12


def test_probabilities_of_tracks_are_calibrated_through_their_segments() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=4000)
    centres = np.eye(3)[truth] * 2.0 + rng.normal(size=(4000, 3))
    deviations = rng.normal(size=(40, 3)) * 0.6
    labels = np.eye(3)[truth]

    def gap(temperature: float) -> float:
        found = track_probabilities(centres, temperature, deviations)
        return abs(float(found.max(axis=1).mean() - (found.argmax(axis=1) == truth).mean()))

    assert gap(fit_temperature(centres, labels, deviations)) < 0.02
    assert gap(fit_temperature(centres, labels)) > gap(fit_temperature(centres, labels, deviations))


def test_the_logistic_function_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(3, 5, 2000)
    positive = rng.random(2000) < 1 / (1 + np.exp(-(0.4 * scores - 1)))
    slope, offset = fit_logistic(scores, positive)
    theirs = LogisticRegression(C=1e6).fit(scores[:, None], positive)
    assert slope == pytest.approx(theirs.coef_[0, 0], rel=0.02)
    assert offset == pytest.approx(theirs.intercept_[0], abs=0.03)
    assert fit_logistic(-scores, positive)[0] == 0.0


def test_suspects() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]])
    found = find_suspects(probabilities, np.eye(2)[[0, 0, 0, 1]])
    assert [(each.example, each.genre) for each in found] == [(2, 1), (1, 1), (3, 0)]
