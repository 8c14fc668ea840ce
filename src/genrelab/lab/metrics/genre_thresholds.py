"""Own thresholds for genres whose predictions are right too rarely at the threshold of all genres.

Definitions
-----------
- A genre is *below* the wanted precision if, at the threshold of all genres, the upper end of the one-sided
  95 % interval of its precision (the share of correct answers among those that name it) is lower.
- Its own threshold is the lowest higher one at which it has at least 20 answers, and the wanted share of them
  is correct. If there is none, it keeps the threshold of all.
- With such thresholds, the threshold of all other genres is fitted again: it may be lower for the same
  precision of all answers.

Like the threshold itself, they must be fitted on held-out clips, and measured on clips that they were not
fitted to.

They help where a network is too sure of single genres. Where its confidence means the same for all genres,
they cost a few answers and gain nothing, because each is fitted to few clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.lab.metrics.bootstrap import ClusterBootstrap
from genrelab.lab.metrics.calibration import Threshold, confidences, find_threshold
from genrelab.lab.metrics.predictions import Answers, Predictions

FEWEST_OF_GENRE = 20
"""Fewest answers from which the threshold of a genre is fitted."""
_BELOW = 0.95


@dataclass(frozen=True)
class GenreThreshold:
    """The threshold of one genre.

    Attributes
    ----------
    confidence : float
        Below it the recognizer abstains if this genre is first.
    precision : float
        Share of correct answers among those that name the genre.
    answers : int
        Number of answers that name it.
    precision_before, answers_before : float, int
        The same at the threshold of all genres.
    """

    confidence: float
    precision: float
    answers: int
    precision_before: float
    answers_before: int


@dataclass(frozen=True)
class Thresholds:
    """The threshold of all genres, and what some genres have instead.

    Attributes
    ----------
    common : Threshold
        Of all genres alike.
    rest : Threshold
        Of the genres without one of their own; its figures are those of all answers. It is `common` if there
        is no such genre.
    by_genre : mapping of str to GenreThreshold
        Genre -> its own threshold.
    """

    common: Threshold
    rest: Threshold
    by_genre: Mapping[str, GenreThreshold]

    def answered(self, answers: Answers, genres: Sequence[str], *, by_genre: bool) -> npt.NDArray[np.bool_]:
        """Return which tracks `[n]` get an answer.

        Parameters
        ----------
        answers : Answers
            Of tracks.
        genres : sequence of str
            By their numbers.
        by_genre : bool
            Whether genres have thresholds of their own.
        """
        own = {genre: each.confidence for genre, each in self.by_genre.items()} if by_genre else {}
        other = (self.rest if by_genre else self.common).confidence
        limits = np.array([own.get(genre, other) for genre in genres])
        confidence, _ = confidences(answers)
        return np.asarray(confidence >= limits[answers.orders[:, 0]])


@dataclass(frozen=True)
class Answering:
    """What thresholds do on clips that they were not fitted to.

    Attributes
    ----------
    precision, answered : float
        Share of correct answers (NaN without answers), and of answers among all clips.
    """

    precision: float
    answered: float

    @classmethod
    def of(cls, right: npt.NDArray[np.bool_], answered: npt.NDArray[np.bool_]) -> Answering:
        """Measure it on clips, `[n]` each."""
        return cls(float(right[answered].mean()) if answered.any() else np.nan, float(answered.mean()))

    def to_dict(self) -> dict[str, float | None]:
        """Return a value that JSON can hold."""
        precision = None if np.isnan(self.precision) else round(self.precision, 6)
        return {"precision": precision, "answered": round(self.answered, 4)}


def find_thresholds(predictions: Predictions, *, precision: float, seed: int = 0) -> Thresholds:
    """Find the threshold of all genres, and those of genres that are below the wanted precision.

    Parameters
    ----------
    predictions : Predictions
        Of held-out clips, already `tempered`; segments vote by mean.
    precision : float between 0 and 1
        The wanted share of correct predictions.
    seed : int
        Seed of the resamples, which are drawn by artist.
    """
    common = find_threshold(predictions, precision=precision, seed=seed)
    own = _own_thresholds(predictions, common, seed=seed)
    if not own:
        return Thresholds(common, common, {})
    limits = {genre: each.confidence for genre, each in own.items()}
    rest = find_threshold(predictions, precision=precision, seed=seed, own=limits)
    return Thresholds(common, rest, own)


def _own_thresholds(predictions: Predictions, common: Threshold, *, seed: int) -> dict[str, GenreThreshold]:
    answers = predictions.tracks("mean")
    confidence, right = confidences(answers)
    names = {group: number for number, group in enumerate(dict.fromkeys(answers.groups))}
    groups = np.array([names[group] for group in answers.groups], dtype=np.intp)
    bootstrap = ClusterBootstrap(len(names), rng=np.random.default_rng(seed))
    found = {}
    for number, genre in enumerate(predictions.genres):
        named = answers.orders[:, 0] == number
        given = named & (confidence >= common.confidence)
        count = int(given.sum())
        if count < FEWEST_OF_GENRE or right[given].mean() >= common.wanted:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = bootstrap.sums(given & right, groups) / bootstrap.sums(given, groups)
        if not np.nanquantile(shares, _BELOW) < common.wanted:
            continue
        for percent in range(round(100 * common.confidence) + 1, 100):
            kept = given & (confidence >= percent / 100)
            if kept.sum() < FEWEST_OF_GENRE:
                break
            share = float(right[kept].mean())
            if share >= common.wanted:
                before = float(right[given].mean())
                found[genre] = GenreThreshold(percent / 100, share, int(kept.sum()), before, count)
                break
    return found
