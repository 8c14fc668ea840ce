"""Two systems with independent genres compared: how well each ranks clips by each genre.

Definition
----------
ROC-AUC and average precision of a genre are those of `genrelab.statistics.ranking`: how well the probability
of the genre separates the tracks that have it from those that do not. A system's figure is the mean over the
genres that some, but not all of the common clips have; its probabilities are means over its seeds. Intervals
of a difference resample artists, the same ones for both systems.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.genre_table import genre_tags
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate, Float
from genrelab.lab.metrics.tag_predictions import pool_tags
from genrelab.lab.models.build import loss_of
from genrelab.lab.runs.folders import Run
from genrelab.statistics.ranking import average_precision, roc_auc

Name = Literal["auc", "average_precision"]
_FIGURES: Mapping[Name, Callable[[Float, npt.NDArray[np.bool_], Float], Float]] = {
    "auc": roc_auc,
    "average_precision": average_precision,
}
_WORDS: Mapping[Name, str] = {"auc": "ROC-AUC", "average_precision": "average precision"}


class Ranked(NamedTuple):
    """A clip: how probable each genre is, and which it has, `[genres]`."""

    probabilities: Float
    has: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RankingDifference:
    """A figure of two systems, averaged over genres.

    Attributes
    ----------
    figure : {"auc", "average_precision"}
    values : tuple of float
        Of the two, 0..1.
    difference : Estimate
        First minus second.
    genres : int
        How many genres the mean is over.
    """

    figure: Name
    values: tuple[float, float]
    difference: Estimate
    genres: int

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold."""
        difference = {
            name: None if math.isnan(value) else value for name, value in self.difference._asdict().items()
        }
        return {
            "figure": self.figure,
            "values": list(self.values),
            "difference": difference,
            "genres": self.genres,
        }

    def text(self) -> str:
        """Return the figure in words, such as `mean ROC-AUC of 3 genres: 0.861 and 0.812, +0.049`."""
        first, second = self.values
        interval = f" ({self.difference.low:+.3f} to {self.difference.high:+.3f})"
        return (
            f"mean {_WORDS[self.figure]} of {self.genres} genres: {first:.3f} and {second:.3f}, "
            f"{self.difference.value:+.3f}{'' if math.isnan(self.difference.low) else interval}"
        )


def ranked_clips(by_seed: Sequence[Sequence[Run]]) -> dict[str, Ranked] | None:
    """Return the clips of a system, given its runs for each seed; None without independent genres."""
    seeds = []
    for runs in by_seed:
        found = [each for run in runs if (each := run.tag_predictions()) is not None]
        if len(found) < len(runs) or not all(loss_of(run.recipe.training).independent for run in runs):
            return None
        seeds.append(pool_tags(found).only(genre_tags(runs[0].genres)).tracks())
    rows = [{clip: at for at, clip in enumerate(each.clip_ids)} for each in seeds]
    return {
        clip: Ranked(
            np.mean([each.probabilities[row[clip]] for each, row in zip(seeds, rows, strict=True)], axis=0),
            seeds[0].truth[rows[0][clip]] == 1,
        )
        for clip in seeds[0].clip_ids
    }


def ranking_differences(
    first: Sequence[Ranked],
    second: Sequence[Ranked],
    groups: Sequence[str],
    *,
    seed: int,
    resamples: int,
) -> tuple[RankingDifference, ...]:
    """Compare two systems on the same clips.

    Parameters
    ----------
    first, second : sequence of Ranked
        The same clips in the same order, with the same genres in the same order.
    groups : sequence of str
        Artist of each clip.
    seed : int
    resamples : int > 0
    """
    names, group = np.unique(list(groups), return_inverse=True)
    bootstrap = ClusterBootstrap(len(names), rng=np.random.default_rng(seed), resamples=resamples)
    weights = np.concatenate([np.ones((1, len(group))), bootstrap.weights[:, group]])
    has = np.stack([each.has for each in first])
    columns = np.flatnonzero(has.any(axis=0) & ~has.all(axis=0))
    if not len(columns):
        return ()
    made = []
    for name, figure in _FIGURES.items():
        ours, theirs = (
            _mean(figure, np.stack([each.probabilities for each in side]), has, columns, weights)
            for side in (first, second)
        )
        differences = ours - theirs
        low, high = math.nan, math.nan
        if len(names) > 1:
            low, high = np.nanquantile(differences[1:], [0.025, 0.975])
        estimate = Estimate(float(differences[0]), float(low), float(high))
        made.append(RankingDifference(name, (float(ours[0]), float(theirs[0])), estimate, len(columns)))
    return tuple(made)


def _mean(
    figure: Callable[[Float, npt.NDArray[np.bool_], Float], Float],
    probabilities: Float,
    has: npt.NDArray[np.bool_],
    columns: npt.NDArray[np.intp],
    weights: Float,
) -> Float:
    """Return the mean over genres of the measured figure, then of every resample.

    A resample without any clip of a genre, or without any other, leaves the genre out.
    """
    every = np.stack([figure(probabilities[:, at], has[:, at], weights) for at in columns])
    known = ~np.isnan(every)
    means = np.where(known, every, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0), means, math.nan)
