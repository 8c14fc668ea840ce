"""Tables that `genrelab reproduce` makes, with a chart; without a record, the paper's figures alone."""

from __future__ import annotations

from typing import Any

from genrelab.lab.recipes import load_recipe
from genrelab.lab.reports.plots import Bar, bars
from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.papers.content import Content
from genrelab.lab.studies.figures.plates import Listing
from genrelab.lab.studies.reproduce.charts import record_charts
from genrelab.lab.studies.reproduce.page import COLUMNS, NUMBERS, cells, remarks, verdicts
from genrelab.lab.studies.reproduce.table import Table, load_table
from genrelab.pages.svg import Drawing

_SHOWN = ("recipe", "split", "figure", "paper", "ours", "difference", "seeds", "verdict")


def draw_table(material: Material, entry: Entry) -> Content:
    """Draw the table of an entry."""
    return table_content(material, entry)


def table_content(material: Material, entry: Entry) -> Content:
    """Return a reproduced table as charts and a listing, from its record if one was given."""
    table = load_table(str(entry.reproduce))
    record = material.record(table.name)
    if record is None:
        return _published(table)
    shown = [COLUMNS.index(name) for name in _SHOWN]
    numbers = [at for at, name in enumerate(_SHOWN) if name in NUMBERS]
    rows = [[line[at] for at in shown] for line in cells(record)]
    listing = Listing("Figures of the paper and of these runs", _SHOWN, rows, numbers)
    return Content(record_charts(record), [listing], [*verdicts(record), *remarks(record)])


def _published(table: Table) -> Content:
    recipes = [load_recipe(row.recipe) for row in table.rows]
    rows: list[tuple[str, ...]] = []
    marked: list[int] = []
    pictures: list[Drawing] = []
    for corpus in table.corpora if table.elsewhere is None else (table.elsewhere,):
        reported: dict[str, dict[str, float]] = {
            recipe.name: {each.metric: each.value for each in recipe.reported if each.corpus == corpus}
            for recipe in recipes
        }
        if not any(reported.values()):
            continue
        for recipe in recipes:
            values = [reported[recipe.name].get(metric) for metric in table.figures]
            marked.append(len(rows))
            shown = ["–" if value is None else f"{100 * value:.2f} %" for value in values]
            rows.append((recipe.row or recipe.title, recipe.name, corpus, *shown))
        series = {
            metric.replace("_", " "): [Bar(reported[recipe.name].get(metric)) for recipe in recipes]
            for metric in table.figures
        }
        names = [recipe.name.split("/")[1] for recipe in recipes]
        pictures.append(bars(f"Figures of the paper, {corpus}", names, series))
    headings: Any = ("row", "recipe", "corpus", *(metric.replace("_", " ") for metric in table.figures))
    numbers = range(3, 3 + len(table.figures))
    listing = Listing("Figures of the paper; none of these runs", headings, rows, numbers, marked)
    command = f"genrelab reproduce {table.name} --corpus NAME:PATH"
    note = (
        f"{table.protocol}. No record was given. `{command}` trains and tests all rows; then give its folder "
        "with --run."
    )
    return Content(pictures, [listing] if rows else [], [note])
