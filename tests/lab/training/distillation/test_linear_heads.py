"""Linear heads are scikit-learn's regressions, as numbers that any view can be multiplied with."""

from __future__ import annotations

import numpy as np
from raising import raises
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genrelab.lab.recipes.distill import GenreTeacher
from genrelab.lab.training.distillation.linear_heads import genre_head, genre_heads, tag_heads

RNG = np.random.default_rng(0)
CLASSES = np.array([0, 1, 2, 3] * 20)
FEATURES = RNG.normal(size=(80, 6)) * 3.0 + np.eye(4, 6)[CLASSES] * 4.0 + 7.0
FEATURES[:, 5] = 1.0  # never varies
NEW = RNG.normal(size=(9, 6)) * 3.0 + 7.0


def regression(strength: float, weight: str | None = "balanced") -> LogisticRegression:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, class_weight=weight, max_iter=2000))


def test_a_genre_head_is_scikit_learns_regression() -> None:
    rare = np.flatnonzero((CLASSES != 3) | (np.arange(80) < 40))  # not all genres equally often
    head = genre_head(FEATURES[rare], CLASSES[rare], genres=4, strength=0.1)
    wanted = regression(0.1).fit(FEATURES[rare], CLASSES[rare]).predict_proba(NEW)
    np.testing.assert_allclose(softmax(head.logits(NEW), axis=1), wanted, atol=1e-3)


def test_a_genre_that_no_clip_has_is_improbable() -> None:
    for known in ((0, 2, 3), (1, 3)):
        rows = np.isin(CLASSES, known)
        head = genre_head(FEATURES[rows], CLASSES[rows], genres=4, strength=0.1)
        found = softmax(head.logits(NEW), axis=1)
        wanted = regression(0.1).fit(FEATURES[rows], CLASSES[rows]).predict_proba(NEW)
        np.testing.assert_allclose(found[:, known], wanted, atol=1e-3)
        assert found[:, [each for each in range(4) if each not in known]].max() < 1e-4


def test_the_head_of_a_clip_knows_nothing_of_its_group() -> None:
    settings = GenreTeacher.model_validate({"from": ["multi"], "folds": 4, "C": 0.1})
    groups = [f"artist {number // 4}" for number in range(80)]
    heads, number = genre_heads(FEATURES, CLASSES, groups, genres=4, settings=settings, seed=3)
    assert len(heads) == 5 and set(number) == {1, 2, 3, 4}
    assert all(len({number[row] for row in range(at, at + 4)}) == 1 for at in range(0, 80, 4))
    for fold, head in enumerate(heads[1:], start=1):
        others = number != fold
        wanted = regression(0.1).fit(FEATURES[others], CLASSES[others]).predict_proba(NEW)
        np.testing.assert_allclose(softmax(head.logits(NEW), axis=1), wanted, atol=1e-3)
    every = genre_head(FEATURES, CLASSES, genres=4, strength=0.1)
    np.testing.assert_array_equal(heads[0].weight, every.weight)
    alone, none = genre_heads(
        FEATURES, CLASSES, groups, genres=4, settings=settings.model_copy(update={"folds": None}), seed=3
    )
    assert len(alone) == 1 and not none.any()
    with raises("teacher-few-groups", 4, 2):
        genre_heads(FEATURES, CLASSES, ["a", "b"] * 40, genres=4, settings=settings, seed=3)
    with raises("teacher-one-genre"):
        genre_head(FEATURES[:1], CLASSES[:1], genres=4, strength=0.1)


def test_each_tag_is_fitted_to_the_clips_that_are_annotated_for_it() -> None:
    truth = np.stack([CLASSES == 1, CLASSES > 1, CLASSES >= 0, CLASSES < 0], axis=1).astype(np.int8)
    truth[::3, 0] = -1
    head = tag_heads(FEATURES, truth, strength=0.1)
    for tag in (0, 1):
        known = truth[:, tag] >= 0
        wanted = regression(0.1, weight=None).fit(FEATURES[known], truth[known, tag]).predict_proba(NEW)
        np.testing.assert_allclose(expit(head.logits(NEW)[:, tag]), wanted[:, 1], atol=1e-3)
    always, never = expit(head.logits(NEW)[:, 2:]).T
    np.testing.assert_allclose(always, 80.5 / 81)
    np.testing.assert_allclose(never, 0.5 / 81)
