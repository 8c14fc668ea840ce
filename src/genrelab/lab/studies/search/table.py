"""The trials of a search as text: for the terminal, Markdown, CSV, JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from genrelab.csv_text import csv_lines
from genrelab.lab.metrics.summary import figure
from genrelab.lab.studies.search.axes import brief, short_names
from genrelab.lab.studies.search.search_result import LEVELS, Outcome, Row
from genrelab.printing import plain

_FIGURES = ("valid_accuracy", "lowest", "highest", "valid_loss", "epochs", "parameters", "seconds_per_epoch")


def cells(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Return the table as text: a header, and one row per trial, best first."""
    names = short_names(list(outcome.searched.axes))
    tested = outcome.searched.test_figures
    header = ["trial", *names.values(), "valid accuracy", "valid loss", "epochs", "parameters", "s/epoch"]
    header += ["test segments", "test tracks"] if tested else []
    return [*header, "state"], [_cells(row, names, tested=tested) for row in outcome.rows]


def _cells(row: Row, names: Mapping[str, str], *, tested: bool) -> list[str]:
    found = [str(row.number), *(brief(row.values[key]) for key in names)]
    spread = (row.lowest, row.highest) if len(row.results) > 1 else ()
    found.append(share(row.valid_accuracy, *spread))
    found.append(_text(row.valid_loss, ".3f"))
    found += [_text(row.epochs, ".4g"), _text(row.parameters, ","), _text(row.seconds_per_epoch, ".3g")]
    found += [share(row.test(level)) for level in LEVELS] if tested else []
    return [*found, row.state]


def share(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return `57.1 % (49.8-64.0)`, with brackets only if both ends exist."""
    return figure({"value": value, "low": low, "high": high})


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def text(outcome: Outcome) -> str:
    """Return the table as aligned lines."""
    header, rows = cells(outcome)
    lines = [[plain(cell) for cell in line] for line in (header, *rows)]
    sizes = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(size) for cell, size in zip(line, sizes, strict=True)).rstrip() for line in lines
    )


def markdown(outcome: Outcome) -> str:
    """Return the table as Markdown."""
    header, rows = cells(outcome)
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        "| " + " | ".join(plain(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def comma_separated(outcome: Outcome) -> str:
    """Return all figures as CSV, one row per trial in the order of their numbers."""
    keys = list(outcome.searched.axes)
    levels = LEVELS if outcome.searched.test_figures else ()
    rows: list[list[object]] = [
        ["trial", *keys, *_FIGURES, *(f"test_{level}_accuracy" for level in levels), "state"]
    ]
    for row in outcome.by_number():
        figures = [getattr(row, name) for name in _FIGURES]
        tests = [row.test(level) for level in levels]
        rows.append([row.number, *(row.values[key] for key in keys), *figures, *tests, row.state])
    return csv_lines(rows)


def to_dict(outcome: Outcome) -> dict[str, Any]:
    """Return a JSON value: `search`, `best` (null if there is none), `trials` by number."""
    searched, best = outcome.searched, outcome.best
    about = {
        "name": searched.name,
        "title": searched.title,
        "values": {key: str(axis) for key, axis in searched.axes.items()},
        "sampler": searched.sampler,
        "trials": searched.trials,
        "seeds": list(outcome.seeds),
        "chosen_by": searched.monitor,
        "facts": dict(outcome.facts),
    }
    return {
        "search": about,
        "best": None if best is None else _plain(best, tested=True),
        "trials": [_plain(row, tested=searched.test_figures) for row in outcome.by_number()],
    }


def _plain(row: Row, *, tested: bool) -> dict[str, Any]:
    plain = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    results = plain.pop("results")
    plain = {"trial": plain.pop("number"), **plain, "runs": [result.run for result in results.values()]}
    if tested:
        plain["test"] = {
            level: {
                "mean": row.test(level),
                "by_seed": {seed: result.test[level].model_dump() for seed, result in results.items()},
            }
            for level in LEVELS
        }
    return plain
