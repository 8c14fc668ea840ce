"""Is one recognizer better than another? Paired tests over the clips that both were tested on.

Definition
----------
A *system* is one recipe under one kind of split. Its runs with several seeds and the folds of a
cross-validation belong to it. A clip's *score* is the share of a system's seeds that predict its genre, by
the recipe's own voting rule.

- Difference: the mean score of the first system minus that of the second over the clips that both were
  tested on, with a paired cluster bootstrap over artists (see `genrelab.lab.metrics.bootstrap`): both systems
  are resampled with the same artists, so what is easy or hard for both cancels out.
- McNemar's test, exact: if only chance decides, each system wins half of the clips on which exactly one is
  correct (McNemar, "Note on the sampling error of the difference between correlated proportions", 1947).
  It treats clips as independent, which songs of one artist are not. It needs one prediction per clip, so it
  is given for systems with one seed. P-values of several pairs are corrected after Holm (1979).
- Effect size: Cohen's g, the share of those clips that the better system wins, minus one half: 0 means no
  difference, 0.5 that one system wins all. Cohen (1988) calls 0.05 small, 0.15 medium, 0.25 large.
- Clips of a corpus remain the same clips when its sound is changed (`mp3:gtzan:...`): the comparison then
  measures the change.
- Systems whose genres are independent are also compared by how they rank clips by each genre, see
  `genrelab.lab.studies.genre_ranking`. Accuracies compare with the first genre of a clip.
- Two systems without a common test clip are compared unpaired: each is resampled with its own artists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from genrelab.errors import UsageError
from genrelab.lab.findings.comparing import Decision, decision
from genrelab.lab.findings.wording import published
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate, Float
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.genre_ranking import RankingDifference, ranking_differences
from genrelab.lab.studies.systems import Scored, System, systems_of

_EFFECTS = ((0.25, "large"), (0.15, "medium"), (0.05, "small"), (0.0, "very small"))


@dataclass(frozen=True)
class Pair:
    """Two systems compared.

    Attributes
    ----------
    first, second : str
        Names of the systems.
    paired : bool
        Whether the same clips were compared.
    clips, groups : int
        Number of clips and artists (or clips of unknown artist) that were compared; unpaired, of both.
    accuracies : tuple of float
        Of the two, on these clips.
    difference, balanced_difference : Estimate
        First minus second: accuracy, and mean recall of the genres.
    only_first, only_second : int or None
        Clips on which only one is correct; None if a system has several seeds, or unpaired.
    p_value : float or None
        McNemar's, corrected for the number of pairs; None in the same cases.
    cohens_g : float or None
        Above 0 if the first wins; None in the same cases, and if they never differ.
    leaks : tuple of str
        Names of the systems whose runs leak.
    rankings : tuple of RankingDifference
        ROC-AUC and average precision, if the genres of both are independent.
    """

    first: str
    second: str
    paired: bool
    clips: int
    groups: int
    accuracies: tuple[float, float]
    difference: Estimate
    balanced_difference: Estimate
    only_first: int | None = None
    only_second: int | None = None
    p_value: float | None = None
    cohens_g: float | None = None
    leaks: tuple[str, ...] = ()
    rankings: tuple[RankingDifference, ...] = ()

    def sentence(self) -> str:
        """Return which is better, by how much, whether that may be chance, and whose figures leak."""
        first, second = (f"{100 * value:.1f} %" for value in self.accuracies)
        where = f"On the same {self.clips} clips" if self.paired else "On different clips"
        points = 100 * self.difference.value
        tests = [f"95 % interval {100 * self.difference.low:.1f} to {100 * self.difference.high:.1f}"]
        if math.isnan(self.difference.low):
            tests = ["no interval: there are too few artists"]
        if self.p_value is not None:
            tests.append(f"McNemar p {_p(self.p_value)}")
        better = f"{abs(points):.1f} points {'better' if points > 0 else 'worse'}" if points else "no better"
        return (
            f"{where} {self.first} has an accuracy of {first} and {self.second} of {second}: {self.first} is "
            f"{better} ({'; '.join(tests)}). {decision(self.decision)}{self._doubt()}"
        )

    @property
    def decision(self) -> Decision:
        """Whether the difference may be chance, and what says so."""
        return Decision(self.difference.low, self.difference.high, self.p_value)

    def _doubt(self) -> str:
        if not self.leaks:
            return ""
        both = len(self.leaks) == 2
        return f" Do not trust it: {' and '.join(self.leaks)} {'leak' if both else 'leaks'}."


@dataclass(frozen=True)
class Comparison:
    """All pairs of some systems.

    Attributes
    ----------
    systems : tuple of System
    pairs : tuple of Pair
    """

    systems: tuple[System, ...]
    pairs: tuple[Pair, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold."""
        systems = [
            {
                "name": system.name,
                "recipe": system.recipe,
                "corpus": system.corpus,
                "split": system.split,
                "seeds": list(system.seeds),
                "clips": len(system.clips),
                "warnings": list(system.warnings),
                "verdict": published(system.verdict)["verdict"],
            }
            for system in self.systems
        ]
        pairs = []
        for pair in self.pairs:
            record = asdict(pair)
            record["rankings"] = [each.to_dict() for each in pair.rankings]
            for key in ("difference", "balanced_difference"):
                estimate: Estimate = getattr(pair, key)
                record[key] = {
                    name: None if math.isnan(value) else value for name, value in estimate._asdict().items()
                }
            beyond = pair.decision.beyond_chance
            pairs.append(
                {
                    **record,
                    "sentence": pair.sentence(),
                    "effect": effect(pair.cohens_g),
                    "beyond_chance": beyond,
                    "decided_by": None if beyond is None else "interval",
                }
            )
        return {"systems": systems, "pairs": pairs}


def compare(runs: Sequence[Run], *, seed: int = 0, resamples: int = 5000) -> Comparison:
    """Compare the systems of finished runs in pairs.

    Parameters
    ----------
    runs : sequence of Run
        Of two or more systems; for a cross-validation all folds, for each seed the same ones.
    seed : int
        Of the bootstrap.
    resamples : int > 0

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If all runs belong to one system, the seeds of a system were tested on different clips, two systems
        have different genres, or a clip has different genres in two systems.
    """
    systems = systems_of(runs)
    if len(systems) < 2:
        raise UsageError(
            "all these runs belong to one system (recipe, corpus and kind of split); to compare, name runs "
            "of another recipe or split too",
            code="one-system",
        )
    pairs = [compare_systems(*two, seed=seed, resamples=resamples) for two in combinations(systems, 2)]
    return Comparison(systems, _corrected(pairs))


def effect(g: float | None) -> str | None:
    """Return Cohen's word for an effect size g; None for None."""
    return None if g is None else next(word for least, word in _EFFECTS if abs(g) >= least)


def compare_systems(first: System, second: System, *, seed: int = 0, resamples: int = 5000) -> Pair:
    """Compare two systems, without a correction for further pairs; see `compare`."""
    if set(first.genres) != set(second.genres):
        raise UsageError(
            f"{first.name} knows {', '.join(first.genres)}; {second.name} knows {', '.join(second.genres)}: "
            "compare runs with the same genres",
            code="systems-of-other-genres",
        )
    same_corpus = first.original == second.original
    both = [
        clip
        for clip, ours in first.clips.items()
        if same_corpus and clip in second.clips and ours.may_be(second.clips[clip])
    ]
    for clip in both:
        if first.clips[clip].genre != second.clips[clip].genre:
            raise UsageError(
                f"the clip {clip} is {first.clips[clip].genre} in {first.name} and "
                f"{second.clips[clip].genre} in {second.name}; the runs had different labels",
                code="systems-of-other-labels",
            )
    ours = [first.clips[clip] for clip in both or first.clips]
    theirs = [second.clips[clip] for clip in both or second.clips]
    rng = np.random.default_rng(seed)
    one = _resampled(ours, first.genres, rng, resamples)
    other = _resampled(theirs, first.genres, np.random.default_rng(seed) if both else rng, resamples)
    pair = Pair(
        first.name,
        second.name,
        bool(both),
        len(both) or len(ours) + len(theirs),
        one.groups if both else one.groups + other.groups,
        (one.accuracy, other.accuracy),
        _difference(one, other, "accuracies"),
        _difference(one, other, "recalls"),
        leaks=tuple(each.name for each in (first, second) if each.verdict.state == "leaks"),
        rankings=_rankings(first, second, both, seed=seed, resamples=resamples),
    )
    if not both or len(first.seeds) > 1 or len(second.seeds) > 1:
        return pair
    wins = sum(mine.score > yours.score for mine, yours in zip(ours, theirs, strict=True))
    losses = sum(mine.score < yours.score for mine, yours in zip(ours, theirs, strict=True))
    differing = wins + losses
    return replace(
        pair,
        only_first=wins,
        only_second=losses,
        p_value=float(binomtest(wins, differing).pvalue) if differing else 1.0,
        cohens_g=wins / differing - 0.5 if differing else None,
    )


def _rankings(
    first: System, second: System, clips: Sequence[str], *, seed: int, resamples: int
) -> tuple[RankingDifference, ...]:
    """Compare how two systems with independent genres rank their common clips."""
    if not clips or first.ranked is None or second.ranked is None or first.genres != second.genres:
        return ()
    return ranking_differences(
        [first.ranked[clip] for clip in clips],
        [second.ranked[clip] for clip in clips],
        [first.clips[clip].group for clip in clips],
        seed=seed,
        resamples=resamples,
    )


class _Resampled(NamedTuple):
    """A system's figures: the measured ones first, then those of every resample."""

    groups: int
    accuracies: Float
    recalls: Float

    @property
    def accuracy(self) -> float:
        return float(self.accuracies[0])


def _resampled(
    clips: Sequence[Scored], genres: Sequence[str], rng: np.random.Generator, resamples: int
) -> _Resampled:
    names, group = np.unique([clip.group for clip in clips], return_inverse=True)
    bootstrap = ClusterBootstrap(len(names), rng=rng, resamples=resamples)
    score = np.array([clip.score for clip in clips])
    genre = np.array([clip.genre for clip in clips])

    def mean(chosen: npt.NDArray[np.bool_]) -> Float:
        above = np.concatenate([[score[chosen].sum()], bootstrap.sums(score * chosen, group)])
        below = np.concatenate([[chosen.sum()], bootstrap.sums(chosen, group)])
        with np.errstate(invalid="ignore"):
            return np.asarray(above / below)

    recalls = np.stack([mean(genre == name) for name in genres if (genre == name).any()])
    return _Resampled(len(names), mean(np.ones(len(clips), dtype=bool)), np.nanmean(recalls, axis=0))


def _difference(one: _Resampled, other: _Resampled, figure: str) -> Estimate:
    differences: Float = getattr(one, figure) - getattr(other, figure)
    value = float(differences[0])
    if min(one.groups, other.groups) < 2:
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(differences[1:], [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def _corrected(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Correct p-values for the number of tests, after Holm."""
    tested = sorted(
        (pair for pair in pairs if pair.p_value is not None), key=lambda pair: pair.p_value or 0.0
    )
    corrected: dict[int, float] = {}
    highest = 0.0
    for place, pair in enumerate(tested):
        highest = max(highest, min(1.0, (pair.p_value or 0.0) * (len(tested) - place)))
        corrected[id(pair)] = highest
    return tuple(replace(pair, p_value=corrected.get(id(pair))) for pair in pairs)


def _p(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else f"= {value:.1e}"
