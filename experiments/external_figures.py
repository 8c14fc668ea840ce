"""The figures of `external.py`: from one answer per file to estimates with intervals.

Conventions
-----------
- The predicted genre of a file is the first of its ranking, also where the model answers `unsure`. A file
  without a ranking (silence) counts as wrong.
- A file is answered if its genre is not `unsure`; precision is the share of correct answers among those.
- Balanced accuracy is the mean recall of the genres that occur.
- Intervals are 95 % percentile bootstrap intervals over groups of files, see
  `genrelab.lab.metrics.bootstrap`. Without groups, each file is its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.lab.metrics.calibration import BINS, calibration_error, reliability
from genrelab.lab.metrics.scores import balanced_accuracy, precision, recall

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
NONE = "(none)"
"""The prediction for a file without a ranking."""


@dataclass(frozen=True)
class Answer:
    """What a model says about one file of known genre.

    Attributes
    ----------
    name, corpus, genre, group : str
        `genre` is the true one.
    ranking : tuple of str
        Genres, most likely first; empty for silence.
    confidence : float
        Probability of the first genre.
    reason : str or None
        Why the model does not answer; None if it does.
    """

    name: str
    corpus: str
    genre: str
    group: str
    ranking: tuple[str, ...]
    confidence: float
    reason: str | None

    @property
    def predicted(self) -> str:
        """The first genre."""
        return self.ranking[0] if self.ranking else NONE

    @property
    def right(self) -> bool:
        """Whether it is the true one."""
        return self.predicted == self.genre


@dataclass(frozen=True)
class Table:
    """Answers as arrays, with resamples of their groups.

    Attributes
    ----------
    genres : tuple of str
        Of the model, and `NONE`.
    truth, predicted : np.ndarray [shape=(n,)], int
        Numbers of genres.
    right, second, answered : np.ndarray [shape=(n,)], bool
        Whether the first genre is correct, one of the first two is, and whether there is an answer.
    confidence : np.ndarray [shape=(n,)]
    group : np.ndarray [shape=(n,)], int
    bootstrap : ClusterBootstrap
    """

    genres: tuple[str, ...]
    truth: Ints
    predicted: Ints
    right: npt.NDArray[np.bool_]
    second: npt.NDArray[np.bool_]
    answered: npt.NDArray[np.bool_]
    confidence: Floats
    group: Ints
    bootstrap: ClusterBootstrap

    @classmethod
    def of(cls, answers: Sequence[Answer], genres: Sequence[str], *, seed: int = 0) -> Table:
        """Return the table of at least one answer."""
        names = {group: number for number, group in enumerate(dict.fromkeys(each.group for each in answers))}
        number = {genre: at for at, genre in enumerate((*genres, NONE))}
        return cls(
            (*genres, NONE),
            np.array([number[each.genre] for each in answers], dtype=np.intp),
            np.array([number[each.predicted] for each in answers], dtype=np.intp),
            np.array([each.right for each in answers], dtype=bool),
            np.array([each.genre in each.ranking[:2] for each in answers], dtype=bool),
            np.array([each.reason is None for each in answers], dtype=bool),
            np.array([each.confidence for each in answers], dtype=np.float64),
            np.array([names[each.group] for each in answers], dtype=np.intp),
            ClusterBootstrap(len(names), rng=np.random.default_rng(seed)),
        )

    def share(self, of: npt.ArrayLike, among: npt.ArrayLike | None = None) -> Estimate:
        """Return the share of some files among some or all files, with its interval."""
        hits = np.asarray(of, dtype=bool)
        base = np.ones(len(hits), dtype=bool) if among is None else np.asarray(among, dtype=bool)
        value = hits[base].mean() if base.any() else math.nan
        groups = len(np.unique(self.group[base]))
        return self.bootstrap.estimate(value, self.replicates(hits, base), trials=groups)

    def replicates(self, hits: npt.NDArray[np.bool_], base: npt.NDArray[np.bool_]) -> Floats:
        """Return a share on every resample; NaN where nothing of `base` was drawn."""
        above, below = (self.bootstrap.sums(each, self.group) for each in (hits & base, base))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(above / below)

    def confusion(self) -> tuple[Ints, Floats]:
        """Return the confusion matrix `[genres, genres]`, true genres in rows, and those of all resamples."""
        k = len(self.genres)
        counts = np.bincount(self.truth * k + self.predicted, minlength=k * k).reshape(k, k)
        return counts, self.bootstrap.confusions(self.truth, self.predicted, self.group, n_genres=k)

    def balanced(self) -> tuple[Estimate, Floats]:
        """Return the balanced accuracy, and that of every resample."""
        counts, resampled = self.confusion()
        replicates = balanced_accuracy(resampled)
        groups = self.bootstrap.n_groups
        return self.bootstrap.estimate(
            float(balanced_accuracy(counts)), replicates, trials=groups
        ), replicates

    def calibration(self) -> tuple[Estimate, list[dict[str, Any]]]:
        """Return the expected calibration error and the reliability table."""
        bins = np.clip(np.ceil(self.confidence * BINS).astype(int) - 1, 0, BINS - 1)
        gaps = np.zeros(self.bootstrap.resamples)
        for each in np.unique(bins):
            inside = bins == each
            gaps += np.abs(self.bootstrap.sums(np.where(inside, self.confidence - self.right, 0), self.group))
        replicates = gaps / self.bootstrap.sums(np.ones(len(bins)), self.group)
        rows = [
            {
                "low": each.low,
                "high": each.high,
                "files": each.tracks,
                "confidence": each.confidence,
                "accuracy": each.accuracy,
            }
            for each in reliability(self.confidence, self.right)
            if each.tracks
        ]
        error = calibration_error(self.confidence, self.right)
        return self.bootstrap.estimate(error, replicates), rows


def overall(table: Table) -> dict[str, Any]:
    """Return the figures of all files of a table."""
    return {
        "files": len(table.truth),
        "groups": table.bootstrap.n_groups,
        "accuracy": plain_estimate(table.share(table.right)),
        "balanced_accuracy": plain_estimate(table.balanced()[0]),
        "top2_accuracy": plain_estimate(table.share(table.second)),
        "answered": plain_estimate(table.share(table.answered)),
        "precision": plain_estimate(table.share(table.right, table.answered)),
    }


def by_genre(table: Table) -> dict[str, Any]:
    """Return the figures of each genre that occurs or is predicted."""
    counts, resampled = table.confusion()
    figures = {"recall": recall, "precision": precision}
    found: dict[str, Any] = {}
    for at, genre in enumerate(table.genres):
        true, named = table.truth == at, table.predicted == at
        if genre == NONE or not (true.any() or named.any()):
            continue
        row: dict[str, Any] = {"files": int(true.sum()), "predicted": int(named.sum())}
        for (name, figure), base in zip(figures.items(), (true, named), strict=True):
            trials = len(np.unique(table.group[base]))
            estimate = table.bootstrap.estimate(
                float(figure(counts)[at]), figure(resampled)[:, at], trials=trials
            )
            row[name] = plain_estimate(estimate)
        row["answered"] = plain_estimate(table.share(table.answered, true))
        row["answers"] = int((named & table.answered).sum())
        row["precision_of_answers"] = plain_estimate(table.share(table.right, named & table.answered))
        found[genre] = row
    return found


def confusions(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return true genre, predicted genre and number of files, the most frequent confusion first."""
    pairs = Counter((each.genre, each.predicted) for each in answers if not each.right)
    return [
        {"genre": genre, "predicted": predicted, "files": count}
        for (genre, predicted), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    ]


def reasons(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return, for each reason why a model does not answer, the number of files and their genres."""
    found: dict[str, Any] = {}
    for reason, _ in Counter(each.reason for each in answers if each.reason is not None).most_common():
        those = [each for each in answers if each.reason == reason]
        genres = dict(Counter(each.genre for each in those).most_common())
        right = sum(each.right for each in those)
        found[str(reason)] = {"files": len(those), "first_genre_right": right, "genres": genres}
    return found


def difference(ours: Table, theirs: Table) -> dict[str, Any]:
    """Return the figures of one model minus those of another on the same files, by paired resamples.

    Both tables must hold the same files in the same order, and be made with the same seed.
    """

    def paired(figure: Callable[[Table], tuple[float, Floats]]) -> dict[str, float | None]:
        (value, replicates), (other, others) = figure(ours), figure(theirs)
        return plain_estimate(ours.bootstrap.estimate(value - other, replicates - others))

    def share(table: Table, hits: npt.NDArray[np.bool_], base: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
        return (float(hits[base].mean()) if base.any() else math.nan), table.replicates(hits, base)

    every = np.ones(len(ours.truth), dtype=bool)
    return {
        "files": len(every),
        "groups": ours.bootstrap.n_groups,
        "accuracy": paired(lambda table: share(table, table.right, every)),
        "balanced_accuracy": paired(lambda table: (table.balanced()[0].value, table.balanced()[1])),
        "top2_accuracy": paired(lambda table: share(table, table.second, every)),
        "answered": paired(lambda table: share(table, table.answered, every)),
        "precision": paired(lambda table: share(table, table.right, table.answered)),
        "only_first_right": int((ours.right & ~theirs.right).sum()),
        "only_second_right": int((theirs.right & ~ours.right).sum()),
    }


def plain_estimate(estimate: Estimate) -> dict[str, float | None]:
    """Return an estimate as JSON: `value`, `low`, `high`, null where undefined."""
    return {name: None if math.isnan(x) else round(x, 6) for name, x in estimate._asdict().items()}
