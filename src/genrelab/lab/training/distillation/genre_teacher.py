"""The genre teacher: a logistic regression from a teacher's embeddings or tags to the genres of the corpus.

It is fitted to labelled training clips only, so it carries over no label of another part. Its predictions for
the clips it was fitted to are close to their labels; with folds, each training clip is predicted by a
regression that was fitted without it and without its artist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.types import Clip
from genrelab.lab.recipes.distill import GenreTeacher

Floats = npt.NDArray[np.float64]
_LEAST = 1e-7  # probability of a genre that is absent from a fold's training clips
_STEPS = 2000


class TeacherFit(NamedTuple):
    """The predictions of a genre teacher.

    Attributes
    ----------
    logits : np.ndarray [shape=(clips, genres)]
        Logarithms of probabilities.
    accuracy : float or None
        Balanced accuracy on training clips, each predicted by a regression fitted without it; None without
        folds.
    """

    logits: Floats
    accuracy: float | None


def group_of(clip: Clip) -> str:
    """Return what keeps clips in one fold: their artist, else their file."""
    artist = artist_key(clip.artist)
    return f"artist {artist}" if artist is not None else f"file {clip.path or clip.id}"


def fit_genre_teacher(
    features: Floats,
    classes: npt.NDArray[np.int64],
    groups: Sequence[str],
    *,
    genres: int,
    settings: GenreTeacher,
    seed: int,
) -> TeacherFit:
    """Fit a class-balanced logistic regression to the labelled clips and predict all clips.

    Parameters
    ----------
    features : np.ndarray [shape=(clips, d)]
        Standardized here, by mean and deviation of the clips that the regression is fitted to.
    classes : np.ndarray [shape=(clips,)]
        Class numbers of the clips to fit; -1 for clips that are only predicted.
    groups : sequence of str
        Of each clip, see `group_of`; folds do not divide them.
    genres : int > 1
        Number of classes.
    settings : GenreTeacher
    seed : int
        Decides the folds.

    Raises
    ------
    CorpusError
        If there are clips of fewer than two genres to fit, or fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    fit = np.flatnonzero(classes >= 0)
    if len(np.unique(classes[fit])) < 2:
        raise CorpusError(
            "distill.genres: training clips of at least two genres must have targets; name them in the file "
            "of targets, or train with --targets none",
            code="teacher-one-genre",
        )
    logits = _fitted(features[fit], classes[fit], features, genres=genres, strength=settings.C)
    if settings.folds is None:
        return TeacherFit(logits, None)
    of_fit = np.asarray(groups)[fit]
    if len(np.unique(of_fit)) < settings.folds:
        raise CorpusError(
            f"distill.genres.folds={settings.folds}, but the training clips are of {len(np.unique(of_fit))} "
            "artists (or files); use fewer folds",
            code="teacher-few-groups",
        )
    folds = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=seed)
    for others, fold in folds.split(features[fit], classes[fit], of_fit):
        given, asked = fit[others], fit[fold]
        if len(np.unique(classes[given])) < 2:
            raise CorpusError(
                "distill.genres.folds: a fold leaves one genre to fit; use another number of folds",
                code="teacher-fold-one-genre",
            )
        logits[asked] = _fitted(
            features[given], classes[given], features[asked], genres=genres, strength=settings.C
        )
    return TeacherFit(logits, _balanced_accuracy(logits[fit].argmax(axis=1), classes[fit]))


def _fitted(
    features: Floats, classes: npt.NDArray[np.int64], asked: Floats, *, genres: int, strength: float
) -> Floats:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(
        StandardScaler(), LogisticRegression(C=strength, class_weight="balanced", max_iter=_STEPS)
    ).fit(features, classes)
    probabilities = np.full((len(asked), genres), _LEAST)
    probabilities[:, regression.classes_] = np.maximum(regression.predict_proba(asked), _LEAST)
    logits: Floats = np.log(probabilities / probabilities.sum(axis=1, keepdims=True))
    return logits


def _balanced_accuracy(predicted: npt.NDArray[np.intp], classes: npt.NDArray[np.int64]) -> float:
    recalls = [float((predicted[classes == genre] == genre).mean()) for genre in np.unique(classes)]
    return float(np.mean(recalls))
