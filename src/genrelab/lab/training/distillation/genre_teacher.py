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
from scipy.special import softmax

from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.types import Clip
from genrelab.lab.recipes.distill import GenreTeacher
from genrelab.lab.training.distillation.linear_heads import Head, genre_heads

Floats = npt.NDArray[np.float64]
_LEAST = 1e-7  # probability of a genre


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
    fit = np.flatnonzero(classes >= 0)
    heads, number = genre_heads(
        features[fit],
        classes[fit],
        [groups[int(at)] for at in fit],
        genres=genres,
        settings=settings,
        seed=seed,
    )
    logits = _log_probabilities(heads[0], features)
    for at, head in enumerate(heads[1:], start=1):
        asked = fit[number == at]
        logits[asked] = _log_probabilities(head, features[asked])
    if settings.folds is None:
        return TeacherFit(logits, None)
    return TeacherFit(logits, _balanced_accuracy(logits[fit].argmax(axis=1), classes[fit]))


def _log_probabilities(head: Head, features: Floats) -> Floats:
    probabilities = np.maximum(softmax(head.logits(features), axis=1), _LEAST)
    found: Floats = np.log(probabilities / probabilities.sum(axis=1, keepdims=True))
    return found


def _balanced_accuracy(predicted: npt.NDArray[np.intp], classes: npt.NDArray[np.int64]) -> float:
    recalls = [float((predicted[classes == genre] == genre).mean()) for genre in np.unique(classes)]
    return float(np.mean(recalls))
