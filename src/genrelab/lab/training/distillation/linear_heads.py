"""Linear heads on a teacher's arrays: regressions of genres and tags that can be applied to any view.

They are fitted to training clips only, so they carry over no label of another part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.recipes.distill import GenreTeacher

Floats = npt.NDArray[np.float64]
_LEAST = 1e-7  # probability of a genre that is absent from the clips a head is fitted to
_STEPS = 2000


class Head(NamedTuple):
    """Logits are `features @ weight.T + bias`.

    Attributes
    ----------
    weight : np.ndarray [shape=(outputs, d)]
    bias : np.ndarray [shape=(outputs,)]
    """

    weight: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """Return the logits `[clips, outputs]` of `features [clips, d]`."""
        found: Floats = features @ self.weight.T + self.bias
        return found


def genre_head(features: Floats, classes: npt.NDArray[np.int64], *, genres: int, strength: float) -> Head:
    """Fit a class-balanced multinomial regression.

    Parameters
    ----------
    features : np.ndarray [shape=(clips, d)]
    classes : np.ndarray [shape=(clips,)]
        Class numbers.
    genres : int > 1
    strength : float > 0
        scikit-learn's `C`: the smaller, the smoother.

    Raises
    ------
    CorpusError
        If the clips are of fewer than two genres.
    """
    from sklearn.linear_model import LogisticRegression

    known = np.unique(classes)
    if len(known) < 2:
        raise CorpusError(
            "distill.genres: training clips of at least two genres must have targets; name them in the file "
            "of targets, or train with --targets none",
            code="teacher-one-genre",
        )
    mean, scale = _moments(features)
    fit = LogisticRegression(C=strength, class_weight="balanced", max_iter=_STEPS)
    fit.fit((features - mean) / scale, classes)
    coefficients, intercept = fit.coef_, fit.intercept_
    if len(known) == 2:  # scikit-learn keeps one row: the logit of the second class
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([np.zeros_like(intercept), intercept])
    weight, bias = np.zeros((genres, features.shape[1])), np.full(genres, np.log(_LEAST))
    weight[known] = coefficients / scale
    bias[known] = intercept - weight[known] @ mean
    return Head(weight, bias)


def genre_heads(
    features: Floats,
    classes: npt.NDArray[np.int64],
    groups: Sequence[str],
    *,
    genres: int,
    settings: GenreTeacher,
    seed: int,
) -> tuple[list[Head], npt.NDArray[np.int64]]:
    """Fit a head to all clips and, with folds, heads that were fitted without the clip and its artist.

    Parameters
    ----------
    features : np.ndarray [shape=(clips, d)]
        Of labelled training clips.
    classes : np.ndarray [shape=(clips,)]
    groups : sequence of str
        Of each clip, see `group_of`; folds do not divide them.
    genres : int > 1
    settings : GenreTeacher
    seed : int
        Decides the folds.

    Returns
    -------
    list of Head
        The first one is fitted to all clips.
    np.ndarray [shape=(clips,)]
        The number of the head for each clip.

    Raises
    ------
    CorpusError
        If there are clips of fewer than two genres to fit, or fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    heads = [genre_head(features, classes, genres=genres, strength=settings.C)]
    number = np.zeros(len(classes), dtype=np.int64)
    if settings.folds is None:
        return heads, number
    if len(np.unique(np.asarray(groups))) < settings.folds:
        raise CorpusError(
            f"distill.genres.folds={settings.folds}, but the training clips are of {len(set(groups))} "
            "artists (or files); use fewer folds",
            code="teacher-few-groups",
        )
    folds = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=seed)
    for others, fold in folds.split(features, classes, groups):
        if len(np.unique(classes[others])) < 2:
            raise CorpusError(
                "distill.genres.folds: a fold leaves one genre to fit; use another number of folds",
                code="teacher-fold-one-genre",
            )
        number[fold] = len(heads)
        heads.append(genre_head(features[others], classes[others], genres=genres, strength=settings.C))
    return heads, number


def tag_heads(features: Floats, truth: npt.NDArray[np.int8], *, strength: float) -> Head:
    """Fit one binary regression per tag, each to the clips for which the tag is known.

    Parameters
    ----------
    features : np.ndarray [shape=(clips, d)]
    truth : np.ndarray [shape=(clips, tags)]
        1, 0, or -1 where it is unknown.
    strength : float > 0
        See `genre_head`.

    Returns
    -------
    Head
        One output per tag. A tag that all or none of the clips have gets a constant logit.
    """
    from sklearn.linear_model import LogisticRegression

    weight, bias = np.zeros((truth.shape[1], features.shape[1])), np.zeros(truth.shape[1])
    for at, column in enumerate(truth.T):
        known = column >= 0
        has = column[known] == 1
        if not has.any() or has.all():
            bias[at] = np.log((has.sum() + 0.5) / ((~has).sum() + 0.5))
            continue
        mean, scale = _moments(features[known])
        fit = LogisticRegression(C=strength, max_iter=_STEPS).fit((features[known] - mean) / scale, has)
        weight[at] = fit.coef_[0] / scale
        bias[at] = fit.intercept_[0] - weight[at] @ mean
    return Head(weight, bias)


def _moments(features: Floats) -> tuple[Floats, Floats]:
    deviation = features.std(axis=0)
    return features.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0)
