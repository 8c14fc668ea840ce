"""A teacher of genres: a regression from another listener's arrays to the genres of the training clips.

It is fitted on labelled training clips alone, so that it carries no label of the other parts over. What it
says of the very clips that it was fitted on is close to their labels; with folds, a training clip is judged
by a regression that saw neither it nor anything else of its artist.
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
_LEAST = 1e-7  # probability of a genre that a fold's regression has never seen
_STEPS = 2000


class Taught(NamedTuple):
    """What a teacher says.

    Attributes
    ----------
    logits : np.ndarray [shape=(clips, genres)]
        Logarithms of probabilities.
    accuracy : float or None
        Balanced accuracy on the training clips that were judged by regressions which did not see them.
    """

    logits: Floats
    accuracy: float | None


def group_of(clip: Clip) -> str:
    """Return what clips must share to be kept together: the artist, else the file."""
    artist = artist_key(clip.artist)
    return f"artist {artist}" if artist is not None else f"file {clip.path or clip.id}"


def teach(
    features: Floats,
    classes: npt.NDArray[np.int64],
    groups: Sequence[str],
    *,
    genres: int,
    settings: GenreTeacher,
    seed: int,
) -> Taught:
    """Fit a class-balanced logistic regression to the labelled clips and let it judge all.

    Parameters
    ----------
    features : np.ndarray [shape=(clips, d)]
        Standardized here, by mean and deviation of the clips that a regression is fitted to.
    classes : np.ndarray [shape=(clips,)]
        Class numbers of the clips to fit; -1 where a clip is only judged.
    groups : sequence of str
        Of each clip, see `group_of`; folds do not divide them.
    genres : int > 1
        Number of classes.
    settings : GenreTeacher
    seed : int
        How folds are dealt.

    Raises
    ------
    CorpusError
        If clips of fewer than two genres are there to fit, or fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    fit = np.flatnonzero(classes >= 0)
    if len(np.unique(classes[fit])) < 2:
        raise CorpusError(
            "distill.genres: training clips of two genres at least must have targets; name them in the file "
            "of targets, or train with --targets none"
        )
    logits = _fitted(features[fit], classes[fit], features, genres=genres, strength=settings.C)
    if settings.folds is None:
        return Taught(logits, None)
    of_fit = np.asarray(groups)[fit]
    if len(np.unique(of_fit)) < settings.folds:
        raise CorpusError(
            f"distill.genres.folds={settings.folds}, but the training clips are of {len(np.unique(of_fit))} "
            "artists (or files); take fewer folds"
        )
    folds = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=seed)
    for seen, judged in folds.split(features[fit], classes[fit], of_fit):
        given, asked = fit[seen], fit[judged]
        if len(np.unique(classes[given])) < 2:
            raise CorpusError("distill.genres.folds: a fold leaves one genre alone to fit; take other folds")
        logits[asked] = _fitted(
            features[given], classes[given], features[asked], genres=genres, strength=settings.C
        )
    return Taught(logits, _balanced_accuracy(logits[fit].argmax(axis=1), classes[fit]))


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


def _balanced_accuracy(said: npt.NDArray[np.intp], classes: npt.NDArray[np.int64]) -> float:
    recalls = [float((said[classes == genre] == genre).mean()) for genre in np.unique(classes)]
    return float(np.mean(recalls))
