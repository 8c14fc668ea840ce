"""A checked search: its keys and values are read, and all its recipes can be built."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import yaml

from genrelab.errors import UsageError
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.studies.search.axes import (
    Axis,
    Choices,
    brief,
    change_of,
    read_axis,
    read_choices,
    short_names,
    value_at,
)
from genrelab.lab.studies.search.plan import Monitor, Plan, Sampler
from genrelab.lab.studies.search.sampler import Finished, draw

RECIPE = "recipe"
"""The key whose values are names of recipes."""

_MOST_TRIALS = 10_000
_TRIALS = 20


@dataclass(frozen=True)
class Search:
    """The values that are tried, and the figure that chooses.

    Attributes
    ----------
    name, title : str
    recipe : str or None
        Name or file; None if `recipe` is a key of `axes`.
    changes : tuple of str
        `key=value` for all trials.
    axes : mapping of str to Axis
        Values of each searched key of the recipe.
    sampler : {"grid", "tpe", "random"}
    trials, seeds : int
        Number of trials, and of trainings per trial.
    monitor : {"valid_accuracy", "valid_loss"}
        The validation figure that compares trials.
    test_figures : bool
        Whether the test figures of all trials are shown.
    notes : mapping of str to str
        Place of the search in a paper, and assumptions.
    """

    name: str
    title: str
    recipe: str | None
    changes: tuple[str, ...]
    axes: Mapping[str, Axis]
    sampler: Sampler
    trials: int
    seeds: int
    monitor: Monitor
    test_figures: bool
    notes: Mapping[str, str]

    @property
    def sign(self) -> float:
        """1 if a higher figure is better, else -1."""
        return -1.0 if self.monitor.endswith("loss") else 1.0

    def recipe_of(self, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe of a trial.

        Raises
        ------
        RecipeError
            If the values are invalid.
        """
        name = values.get(RECIPE, self.recipe)
        changes = [change_of(key, value) for key, value in values.items() if key != RECIPE]
        return load_recipe(str(name), changes=[*self.changes, *changes])

    def values_of(self, number: int, finished: Sequence[Finished], *, seed: int) -> dict[str, Any]:
        """Return the values of trial `number`.

        Parameters
        ----------
        number : int, 1 to `trials`
        finished : sequence of (dict, float)
            Values and figure of finished trials, in the order of their numbers; only `tpe` uses them.
        seed : int
            Seed of the draws, which depend on it, `number` and `finished`.
        """
        if self.sampler == "grid":
            choices = [axis.probes() for axis in self.axes.values()]
            values = next(itertools.islice(itertools.product(*choices), number - 1, None))
            return dict(zip(self.axes, values, strict=True))
        return draw(
            self.axes, finished, model=self.sampler == "tpe", sign=self.sign, seed=seed, number=number
        )

    def words(self, values: Mapping[str, Any]) -> str:
        """Return the values of a trial as short text: `count = 2, max_share = 0.3`."""
        names = short_names(list(self.axes))
        return ", ".join(f"{names[key]} = {brief(value)}" for key, value in values.items())

    def bases(self) -> dict[str, str]:
        """Return the unchanged recipes of the trials as YAML, by name."""
        recipes = self.axes.get(RECIPE, Choices((self.recipe,)))
        return {str(name): dump_recipe(self.recipe_of({RECIPE: name})) for name in recipes.probes()}


def settle(plan: Plan, *, genres: int = 2) -> Search:
    """Read the keys and values of a plan, and build its networks without weights as a check.

    A grid builds all combinations; a space builds the ends of each range and all values, with the first
    values of the other keys.

    Raises
    ------
    UsageError
        If the plan is empty or inconsistent.
    RecipeError
        If a recipe, key or value is unknown or invalid; the message names the closest.
    """
    axes = _axes(plan)
    sampler = plan.sampler or ("grid" if plan.grid else "tpe")
    if (sampler == "grid") != bool(plan.grid):
        raise UsageError(
            f"the sampler {sampler} needs a {'grid' if sampler == 'grid' else 'space'}",
            code="sampler-without-axes",
        )
    trials = plan.trials or _TRIALS
    if plan.grid:
        trials = math.prod(len(axis.probes()) for axis in axes.values())
        if plan.trials is not None:
            raise UsageError(
                f"a grid runs all its {trials} combinations; omit trials, or search a space",
                code="grid-with-trials",
            )
        if trials > _MOST_TRIALS:
            raise UsageError(
                f"the grid has {trials:,} combinations, more than {_MOST_TRIALS:,}; list fewer values",
                code="grid-too-large",
            )
    notes = {"Of the paper": ", ".join(filter(None, (plan.paper, plan.place)))} if plan.paper else {}
    notes |= {f"Assumed: {what}": why for what, why in plan.assumed.items()}
    base = plan.recipe or str(axes[RECIPE].probes()[0])
    name = plan.name or load_recipe(base).name.split("/")[-1]
    search = Search(
        name=name,
        title=plan.title or f"Search over {', '.join(axes)}",
        recipe=plan.recipe,
        changes=tuple(plan.set),
        axes=axes,
        sampler=sampler,
        trials=trials,
        seeds=plan.seeds,
        monitor=plan.monitor,
        test_figures=plan.test_figures,
        notes=notes,
    )
    for values in _probes(search):
        _build(search, values, genres)
    return search


def _axes(plan: Plan) -> dict[str, Axis]:
    if bool(plan.grid) == bool(plan.space):
        both = "either a grid or a space, not both" if plan.grid else "a grid, a space or a plan"
        raise UsageError(
            f"a search needs {both}; e.g. --grid model.width=8,16 or --space model.dropout=0..0.5",
            code="search-without-axes",
        )
    over_recipes = RECIPE in {**plan.grid, **plan.space}
    if over_recipes == (plan.recipe is not None):
        raise UsageError(
            "the search is over recipes; name no other recipe"
            if over_recipes
            else "name the recipe to search",
            code="search-recipe",
        )
    if plan.grid:
        return {key: read_choices(key, values) for key, values in plan.grid.items()}
    axes: dict[str, Axis] = {}
    recipe = plan.recipe
    if over_recipes:
        axes[RECIPE] = read_choices(RECIPE, plan.space[RECIPE])
        recipe = str(axes[RECIPE].probes()[0])
    now = yaml.safe_load(dump_recipe(load_recipe(str(recipe), changes=plan.set)))
    for key, values in plan.space.items():
        axes[key] = axes.get(key) or read_axis(key, values, now=value_at(now, key))
    return axes


def _probes(search: Search) -> list[dict[str, Any]]:
    """Return the combinations of values that are checked."""
    probes = {key: axis.probes() for key, axis in search.axes.items()}
    if search.sampler == "grid":
        return [dict(zip(probes, values, strict=True)) for values in itertools.product(*probes.values())]
    first = {key: values[0] for key, values in probes.items()}
    return [{**first, key: value} for key, values in probes.items() for value in values]


def _build(search: Search, values: Mapping[str, Any], genres: int) -> None:
    recipe = search.recipe_of(values)
    if recipe.training.choose_epoch_on != "valid":
        raise UsageError(
            f"{recipe.name} has training.choose_epoch_on={recipe.training.choose_epoch_on}, so that only the "
            "test part could choose; search with --set training.choose_epoch_on=valid",
            code="search-without-valid",
        )
    with torch.device("meta"):  # sizes only, without weights
        build_network(recipe, genres=genres)
