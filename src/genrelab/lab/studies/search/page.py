"""The page of a search: the choice, the table, what each value did, size and time.

Like the report of a run it loads nothing, runs no script, and escapes every text that came from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.studies.search.axes import Choices, short_names
from genrelab.lab.studies.search.charts import Point, effect, scatter
from genrelab.lab.studies.search.search_result import Outcome, Row
from genrelab.lab.studies.search.table import cells, share
from genrelab.printing import plain_page

_SAMPLERS = {
    "grid": "all combinations of the values",
    "tpe": "drawn by Optuna's TPE sampler",
    "random": "drawn evenly at random",
}
_FIGURES = {"valid_accuracy": "validation accuracy", "valid_loss": "validation loss"}


def page(outcome: Outcome) -> str:
    """Return the page as HTML."""
    sections = [
        _warnings(outcome),
        _headline(outcome),
        _section("The trials", _trials(outcome)),
        _section("What each value did", _effects(outcome)),
        _section("Size and time", _size_and_time(outcome)),
        _section("Test accuracy by size and time", _test_figures(outcome)),
        _section("What was searched", _facts(outcome)),
        _section("The chosen recipe", _recipe(outcome)),
    ]
    template = files("genrelab.lab.reports").joinpath("report.html").read_text(encoding="utf-8")
    style = files(__package__).joinpath("search.css").read_text(encoding="utf-8")
    filled = Template(template.replace("</style>", f"{style}</style>", 1))
    title = escape(outcome.searched.title)
    return plain_page(filled.substitute(title=title, body="\n".join(filter(None, sections))))


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>" if content else ""


def _warnings(outcome: Outcome) -> str:
    found = [f"Trial {row.number} came to no figure: {row.state}." for row in outcome.failed]
    if not outcome.complete:
        found.insert(
            0, f"The search is not finished: {_done(outcome)} of {outcome.searched.trials} trials are."
        )
    if outcome.best is not None:
        found += [warning for result in outcome.best.results.values() for warning in result.warnings]
    if not found:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in dict.fromkeys(found))
    return (
        '<aside class="warnings" aria-label="Read this first"><strong>Read this first</strong>'
        f"<ul>{items}</ul></aside>"
    )


def _done(outcome: Outcome) -> int:
    return sum(not row.open for row in outcome.rows)


def _headline(outcome: Outcome) -> str:
    best, searched = outcome.best, outcome.searched
    if best is None:
        return '<p class="headline">No trial has a figure yet.</p>'
    figure = share(best.valid_accuracy) if searched.monitor == "valid_accuracy" else f"{best.score:.3f}"
    each = "" if len(outcome.seeds) == 1 else f", each the mean of {len(outcome.seeds)} seeds"
    tests = "; ".join(
        f"seed {seed}: {share(**result.test['segment'].model_dump())} of segments, "
        f"{share(**result.test['track'].model_dump())} of tracks"
        for seed, result in best.results.items()
    )
    return (
        f'<p class="headline"><strong>{escape(searched.words(best.values))}</strong> has the best '
        f"{_FIGURES[searched.monitor]}, {figure}, of {_done(outcome)} trials{each}.</p>\n"
        f"<p>On the test part, which had no say in the choice, this trial recognizes: {tests}. "
        "In brackets: 95 % intervals by resampling artists.</p>\n"
        '<p class="note">The best validation figure of many trials is too high for new music, and the '
        "more so the more trials there were. The test figure of the chosen trial is not, as long as nobody "
        "chooses by test figures.</p>"
    )


def _trials(outcome: Outcome) -> str:
    header, rows = cells(outcome)
    numbers = range(1 + len(outcome.searched.axes), len(header) - 1)

    def line(texts: Sequence[str], tag: str, kind: str = "") -> str:
        each = (
            f'<{tag} class="{"number" if column in numbers else ""}">{escape(text)}</{tag}>'
            for column, text in enumerate(texts)
        )
        return f'<tr class="{kind}">{"".join(each)}</tr>\n'

    body = ""
    for texts, row in zip(rows, outcome.rows, strict=True):
        body += line(texts, "td", "chosen" if row is outcome.best else "failed" if row.score is None else "")
    caption = "Best first. Validation figures are of segments, in the epoch whose weights were kept."
    if len(outcome.seeds) > 1:
        caption += " Means of the seeds, in brackets the lowest and the highest."
    if outcome.searched.test_figures:
        caption += " Test figures are for comparing with others' figures; the choice did not look at them."
    return (
        '<div class="scroll" role="region" tabindex="0" aria-label="The trials">'
        f"<table><caption><span>{caption}</span></caption>\n<thead>{line(header, 'th')}</thead>\n"
        f"<tbody>\n{body}</tbody></table></div>"
    )


def _effects(outcome: Outcome) -> str:
    searched = outcome.searched
    names = short_names(list(searched.axes))
    figure = _FIGURES[searched.monitor]
    scores = [(row, row.score) for row in outcome.rows if row.score is not None]
    if not scores:
        return ""
    panels = []
    for key, axis in searched.axes.items():
        places = [axis.place(row.values[key]) for row, _ in scores]
        points = [_point(outcome, row, x, y) for x, (row, y) in zip(places, scores, strict=True)]
        if isinstance(axis, Choices):
            panels.append(effect(names[key], figure, axis.texts, points, ordered=axis.numbers))
        else:
            panels.append(scatter(names[key], names[key], figure, {"": points}, log=axis.log))
    note = (
        "A point is a trial; the ring is around the chosen one. A dash is the mean of all trials "
        "that had a value, whatever their other values were."
    )
    return f'<div class="panels">{"".join(panels)}</div><p class="note">{note}</p>'


def _size_and_time(outcome: Outcome) -> str:
    rows = [row for row in outcome.rows if row.score is not None]
    if len({row.parameters for row in rows}) < 2:
        return ""
    note = (
        "Seconds an epoch are the median of a training, validation included, on the machine that trained it, "
        "with whatever else it did then."
    )
    figure = _FIGURES[outcome.searched.monitor]
    return f'{_against_size_and_time(outcome, figure, lambda row: row.score)}<p class="note">{note}</p>'


def _test_figures(outcome: Outcome) -> str:
    if not outcome.searched.test_figures:
        return ""
    drawn = _against_size_and_time(outcome, "test accuracy of segments", lambda row: row.test("segment"))
    note = "For comparing with figures that others print. To choose by them would make them too high."
    return drawn and f'{drawn}<p class="note">{note}</p>'


def _against_size_and_time(outcome: Outcome, figure: str, of: Callable[[Row], float | None]) -> str:
    """Draw a figure against parameters and against time, a series for each kind of network."""
    panels = []
    axes: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
        ("parameters", lambda row: row.parameters),
        ("seconds an epoch", lambda row: row.seconds_per_epoch),
    )
    for name, size in axes:
        series: dict[str, list[Point]] = {}
        for row in outcome.rows:
            x, y = size(row), of(row)
            if row.score is not None and x and y is not None:
                series.setdefault(row.network, []).append(_point(outcome, row, x, y))
        if series:
            panels.append(scatter(f"By {name}", name, figure, dict(sorted(series.items())), log=True))
    return f'<div class="panels">{"".join(panels)}</div>' if panels else ""


def _point(outcome: Outcome, row: Row, x: float, y: float) -> Point:
    says = f"Trial {row.number}: {outcome.searched.words(row.values)}: {y:.3f}"
    return Point(x, y, says, best=row is outcome.best)


def _facts(outcome: Outcome) -> str:
    searched = outcome.searched
    facts = {
        **{key: str(axis) for key, axis in searched.axes.items()},
        "Trials": f"{searched.trials}, {_SAMPLERS[searched.sampler]}",
        "Seeds": ", ".join(map(str, outcome.seeds)),
        "Chosen by": f"{_FIGURES[searched.monitor]}, in the epoch whose weights were kept",
        "Recipe": searched.recipe or "searched over",
        "Changed for all trials": ", ".join(searched.changes) or "nothing",
        **outcome.facts,
        "Trained on": ", ".join(
            sorted({result.device for row in outcome.rows for result in row.results.values()})
        ),
        **searched.notes,
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in facts.items()
    )
    return f'<table class="facts"><tbody>\n{rows}</tbody></table>'


def _recipe(outcome: Outcome) -> str:
    recipe = outcome.best_recipe()
    if recipe is None:
        return ""
    return f"<details><summary>As YAML</summary><pre>{escape(dump_recipe(recipe))}</pre></details>"
