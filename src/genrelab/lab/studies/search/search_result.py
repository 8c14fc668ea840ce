"""The result of a search: its trials, best first, and the choice.

The choice uses only the validation part. Test figures of other trials than the chosen one are omitted unless
the search requests them: choosing the best of many trials by its test figure selects the luckiest, and leaves
no held-out clip to show it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrelab.lab.recipes import Recipe
from genrelab.lab.studies.search.search_space import Search
from genrelab.lab.studies.search.study import Result, Trial

LEVELS = ("segment", "track")


@dataclass(frozen=True)
class Row:
    """A trial, with the means of its figures over seeds; None if undefined.

    Attributes
    ----------
    number : int
        From 1.
    values : dict
    state : str
        `done`, the number of finished seeds, or the reason of the failure.
    open : bool
        Whether a training of it is unfinished.
    score : float or None
        The compared figure; None unless all seeds have it.
    valid_accuracy, valid_loss, epochs, seconds_per_epoch : float or None
    lowest, highest : float or None
        Lowest and highest `valid_accuracy` among the seeds.
    parameters : int or None
    network : str
        Kind of the model; empty if no training is finished.
    results : mapping of int to Result
        By seed.
    """

    number: int
    values: Mapping[str, Any]
    state: str
    open: bool
    score: float | None
    valid_accuracy: float | None
    valid_loss: float | None
    lowest: float | None
    highest: float | None
    epochs: float | None
    seconds_per_epoch: float | None
    parameters: int | None
    network: str
    results: Mapping[int, Result]

    def test(self, level: str) -> float | None:
        """Return the mean test accuracy by `segment` or by `track`."""
        return _mean([result.test[level].value for result in self.results.values()])


def _row(trial: Trial, monitor: str, seeds: range) -> Row:
    results = {seed: trial.results[seed] for seed in seeds if seed in trial.results}
    done = list(results.values())
    accuracies = [result.valid_accuracy for result in done if result.valid_accuracy is not None]
    failed = [f"seed {seed} failed: {trial.failed[seed]}" for seed in seeds if seed in trial.failed]
    score = trial.figure(monitor, seeds)
    state = "done" if score is not None else f"{len(done)} of {len(seeds)} seeds"
    if len(done) == len(seeds) and score is None:
        state = f"{monitor} is not a finite number"
    return Row(
        number=trial.number,
        values=trial.values,
        state="; ".join(failed) or state,
        open=not all(trial.done(seed) for seed in seeds),
        score=score,
        valid_accuracy=_mean(accuracies),
        valid_loss=_mean([result.valid_loss for result in done]),
        lowest=min(accuracies, default=None),
        highest=max(accuracies, default=None),
        epochs=_mean([result.epochs for result in done]),
        seconds_per_epoch=_mean([result.seconds_per_epoch for result in done]),
        parameters=done[0].parameters if done else None,
        network=done[0].network if done else "",
        results=results,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return math.fsum(found) / len(found) if found and len(found) == len(values) else None


@dataclass(frozen=True)
class Outcome:
    """The trials of a search so far.

    Attributes
    ----------
    searched : Search
    seeds : range
    rows : list of Row
        Best first, those without a figure last. Among equal figures the lower loss is better, then the
        earlier trial.
    facts : mapping of str to str
        Facts that a reader needs to repeat the search.
    """

    searched: Search
    seeds: range
    rows: list[Row]
    facts: Mapping[str, str]

    @classmethod
    def of(
        cls, searched: Search, trials: Sequence[Trial], seeds: range, *, facts: Mapping[str, str]
    ) -> Outcome:
        """Rank trials."""
        rows = [_row(trial, searched.monitor, seeds) for trial in trials]

        def order(row: Row) -> tuple[float, float, int]:
            score = math.inf if row.score is None else -searched.sign * row.score
            return score, math.inf if row.valid_loss is None else row.valid_loss, row.number

        return cls(searched, seeds, sorted(rows, key=order), facts)

    @property
    def best(self) -> Row | None:
        """The chosen trial; None if no trial has a figure yet."""
        return self.rows[0] if self.rows and self.rows[0].score is not None else None

    @property
    def failed(self) -> list[Row]:
        """The finished trials without a figure."""
        return [row for row in self.rows if row.score is None and not row.open]

    @property
    def complete(self) -> bool:
        """Whether all trainings are finished."""
        return len(self.rows) >= self.searched.trials and not any(row.open for row in self.rows)

    def best_recipe(self) -> Recipe | None:
        """Return the recipe of the chosen trial, with the name of the search and the source of its values."""
        best = self.best
        if best is None:
            return None
        recipe = self.searched.recipe_of(best.values)
        chosen = (
            f"The search {self.searched.name}: the best {self.searched.monitor} of {len(self.rows)} trials "
            f"({self.facts.get('Corpus', '')}; {self.facts.get('Split', '')})"
        )
        return recipe.model_copy(
            update={
                "name": self.searched.name,
                "title": f"{recipe.title}, as the search {self.searched.name} found it",
                "row": None,
                "reported": (),  # figures of the paper belong to the values of the paper
                "parameters": None,
                "sources": {**recipe.sources, **dict.fromkeys(best.values, chosen)},
                "assumed": {key: why for key, why in recipe.assumed.items() if key not in best.values},
            }
        )

    def by_number(self) -> list[Row]:
        """Return the trials in the order of their numbers."""
        return sorted(self.rows, key=lambda row: row.number)
