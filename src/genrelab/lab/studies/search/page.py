"""The page of a search: the choice, the table of trials, the effect of each value, size and time."""

from __future__ import annotations

from collections.abc import Callable

from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.studies.search.axes import Choices, short_names
from genrelab.lab.studies.search.charts import Point, effect, scatter
from genrelab.lab.studies.search.search_result import Outcome, Row
from genrelab.lab.studies.search.table import cells, share
from genrelab.pages.render import render
from genrelab.pages.svg import Drawing

_SAMPLERS = {
    "grid": "all combinations of the values",
    "tpe": "drawn by Optuna's TPE sampler",
    "random": "drawn evenly at random",
}
_FIGURES = {"valid_accuracy": "validation accuracy", "valid_loss": "validation loss"}


def page(outcome: Outcome) -> str:
    """Return the page as HTML."""
    best, searched = outcome.best, outcome.searched
    figure = _FIGURES[searched.monitor]
    header, rows = cells(outcome)
    recipe = outcome.best_recipe()
    by_size = _by_size_and_time(outcome, "test accuracy of segments", lambda row: row.test("segment"))
    return render(
        "lab/studies/search/search.html",
        title=searched.title,
        doubts=_doubts(outcome),
        best=best,
        choice=best and searched.words(best.values),
        figure=figure,
        best_figure=best and _best_figure(best, searched.monitor),
        done=_done(outcome),
        seeds=len(outcome.seeds),
        tests=[
            (seed, *(share(**result.test[level].model_dump()) for level in ("segment", "track")))
            for seed, result in (best.results.items() if best else ())
        ],
        tested=searched.test_figures,
        header=header,
        rows=rows,
        first_number=1 + len(searched.axes),
        kinds=["chosen" if row is best else "failed" if row.score is None else "" for row in outcome.rows],
        effects=_effects(outcome, figure),
        sizes=_by_size_and_time(outcome, figure, lambda row: row.score) if _sizes_differ(outcome) else (),
        test_sizes=by_size if searched.test_figures else (),
        settings=_settings(outcome),
        recipe=recipe and dump_recipe(recipe),
    )


def _doubts(outcome: Outcome) -> list[str]:
    doubts = []
    if not outcome.complete:
        doubts.append(
            f"The search is not finished: {_done(outcome)} of {outcome.searched.trials} trials are."
        )
    doubts += [f"Trial {row.number} has no result: {row.state}." for row in outcome.failed]
    if outcome.best is not None:
        doubts += [warning for result in outcome.best.results.values() for warning in result.warnings]
    return list(dict.fromkeys(doubts))


def _done(outcome: Outcome) -> int:
    return sum(not row.open for row in outcome.rows)


def _best_figure(best: Row, monitor: str) -> str:
    return share(best.valid_accuracy) if monitor == "valid_accuracy" else f"{best.score:.3f}"


def _effects(outcome: Outcome, figure: str) -> list[Drawing]:
    searched = outcome.searched
    names = short_names(list(searched.axes))
    scores = [(row, row.score) for row in outcome.rows if row.score is not None]
    panels = []
    for key, axis in searched.axes.items() if scores else ():
        points = [_point(outcome, row, axis.place(row.values[key]), y) for row, y in scores]
        if isinstance(axis, Choices):
            panels.append(effect(names[key], figure, axis.texts, points, ordered=axis.numbers))
        else:
            panels.append(scatter(names[key], names[key], figure, {"": points}, log=axis.log))
    return panels


def _sizes_differ(outcome: Outcome) -> bool:
    return len({row.parameters for row in outcome.rows if row.score is not None}) > 1


def _by_size_and_time(outcome: Outcome, figure: str, of: Callable[[Row], float | None]) -> list[Drawing]:
    """Draw a figure by parameters and by time, one series per kind of network."""
    axes: dict[str, Callable[[Row], float | None]] = {
        "parameters": lambda row: row.parameters,
        "seconds per epoch": lambda row: row.seconds_per_epoch,
    }
    panels = []
    for name, size in axes.items():
        series: dict[str, list[Point]] = {}
        for row in outcome.rows:
            x, y = size(row), of(row)
            if row.score is not None and x and y is not None:
                series.setdefault(row.network, []).append(_point(outcome, row, x, y))
        if series:
            panels.append(scatter(f"By {name}", name, figure, dict(sorted(series.items())), log=True))
    return panels


def _point(outcome: Outcome, row: Row, x: float, y: float) -> Point:
    label = f"Trial {row.number}: {outcome.searched.words(row.values)}: {y:.3f}"
    return Point(x, y, label, best=row is outcome.best)


def _settings(outcome: Outcome) -> dict[str, str]:
    searched = outcome.searched
    devices = {result.device for row in outcome.rows for result in row.results.values()}
    return {
        **{key: str(axis) for key, axis in searched.axes.items()},
        "Trials": f"{searched.trials}, {_SAMPLERS[searched.sampler]}",
        "Seeds": ", ".join(map(str, outcome.seeds)),
        "Chosen by": f"{_FIGURES[searched.monitor]}, in the epoch whose weights were kept",
        "Recipe": searched.recipe or "part of the search",
        "Changed for all trials": ", ".join(searched.changes) or "nothing",
        **outcome.facts,
        "Trained on": ", ".join(sorted(devices)),
        **searched.notes,
    }
