"""The result of teaching as one HTML page, which loads nothing from outside."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from genrelab.pages import svg
from genrelab.pages.charts import confusions, interval_bar, reliability_diagram
from genrelab.pages.palette import assign
from genrelab.pages.render import render
from genrelab.pages.svg import Drawing, element
from genrelab.printing import counted, plain
from genrelab.recognize.writers.table import percent as percent_of
from genrelab.statistics.bootstrap import Estimate, percent
from genrelab.teach.advice import Outcome, advice, left_out, quality_name, warnings
from genrelab.teach.fit.figures import GenreFigures
from genrelab.teach.teaching import Taught

MOST_SHOWN = 100
"""Most tracks in the list of probable mistakes."""
MOST_IN_MATRIX = 40
"""Genres of a confusion matrix; of more genres only the confusions are listed."""
_MOST_CONFUSIONS = 30


def write_page(outcome: Outcome, model: Path, base: str, out: BinaryIO) -> None:
    """Write the page.

    Parameters
    ----------
    outcome : Outcome
    model : Path
        The model file that was written.
    base : str
        Identity of the model whose embedding it has.
    out : binary file
        Stays open.
    """
    taught = outcome.taught
    figures = taught.figures
    pictured = len(taught.head.genres) <= MOST_IN_MATRIX
    page = render(
        "teach/page.html",
        title=f"{model.stem}: {counted(len(taught.head.genres), 'genre')} from "
        f"{counted(len(taught.examples), 'example')}",
        model=plain(model.name),
        base=base,
        multi=taught.multi,
        by_group=taught.by_group,
        groups_name="Artists" if taught.by_group else "Tracks",
        figures=figures,
        percent=percent,
        balanced=percent(figures.balanced_accuracy),
        warnings=warnings(outcome),
        advice=advice(outcome),
        left_out=[plain(each) for each in left_out(outcome)],
        genres=_genre_rows(taught),
        matrix=_matrix(taught) if pictured else None,
        confused=_confused(taught),
        reliability=reliability_diagram(figures.bins),
        curve=_curve(taught),
        quality=quality_name(taught),
        suspects=_suspect_rows(taught),
        most=MOST_SHOWN,
        facts=_facts(outcome, base),
    )
    out.write(page.encode("utf-8"))


def swatch(colour: str) -> Drawing:
    """Draw the colour of a genre."""
    picture = Drawing("swatch", 12, 12)
    picture.add(element("rect", x=0, y=0, width=12, height=12, rx=2, fill=colour))
    return picture


def _genre_rows(taught: Taught) -> list[tuple[Any, ...]]:
    colours = assign(taught.head.genres)
    rows = []
    for each in sorted(taught.figures.genres, key=_order):
        shown = each.average_precision if taught.multi and each.average_precision else each.recall
        more: tuple[Any, ...] = ()
        if taught.multi:
            more = (_decimal(each.auc), f"{each.threshold:.2f}" if each.threshold else "–")
        rows.append(
            (
                (swatch(colours[each.genre][0]), each.genre),
                each.examples,
                each.groups,
                percent(shown),
                interval_bar(shown) or "",
                *((percent(each.recall),) if taught.multi else ()),
                percent(each.precision),
                *more,
            )
        )
    return rows


def _order(genre: GenreFigures) -> tuple[float, str]:
    value = genre.average_precision.value if genre.average_precision else genre.recall.value
    return (-1.0 if math.isnan(value) else -value, genre.genre)


def _matrix(taught: Taught) -> Drawing:
    counts = taught.figures.confusion
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    nothing = math.nan
    return confusions(
        taught.head.genres,
        np.rint(counts).astype(int),
        [[Estimate(float(share), nothing, nothing) for share in row] for row in shares],
    )


def _confused(taught: Taught) -> list[tuple[str, str, int, str]]:
    """Return the most frequent confusions: genre, predicted genre, tracks, share of the genre."""
    counts = taught.figures.confusion.copy()
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    names, rows = taught.head.genres, []
    for row, column in zip(*np.unravel_index(order, counts.shape), strict=True):
        if counts[row, column] > 0:
            share = counts[row, column] / totals[row]
            rows.append((names[row], names[column], int(counts[row, column]), percent_of(share)))
    return rows


def _curve(taught: Taught) -> Drawing:
    """Draw the learning curve, over the logarithm of the number of examples."""
    picture = Drawing("curves", 420, 260, margins=(46, 16, 34, 46))
    points = [point for point in taught.curve if point.examples > 0]
    rungs = svg.ticks(0.0, max(point.quality for point in points))
    up = svg.linear(rungs[0], rungs[-1], picture.bottom, picture.top)
    across, ticks = svg.logarithmic([point.examples for point in points], picture.left, picture.right)
    picture.title(quality_name(taught).capitalize())
    picture.y_axis((up(rung), f"{rung:.0%}") for rung in rungs)
    picture.x_axis(((across(tick), svg.brief(tick)) for tick in ticks), name="examples per genre")
    places = [(across(point.examples), up(point.quality)) for point in points]
    picture.add(svg.polyline("curve valid", places))
    for point, (x, y) in zip(points, places, strict=True):
        fact = f"{point.examples:.0f} examples per genre: {point.quality:.0%}"
        picture.add(element("circle", element("title", fact), kind="sign1", cx=x, cy=y, r=4))
    facts = [f"{point.examples:.0f} examples per genre: {point.quality:.0%}" for point in points]
    picture.label = f"Learning curve. {'; '.join(facts)}."
    return picture


def _suspect_rows(taught: Taught) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            plain(taught.examples.paths[each.example]),
            ", ".join(taught.examples.genres[each.example]),
            taught.head.genres[each.genre],
            percent_of(each.other),
            percent_of(each.own),
        )
        for each in taught.suspects[:MOST_SHOWN]
    ]


def _facts(outcome: Outcome, base: str) -> dict[str, str]:
    taught = outcome.taught
    groups = "artist or album" if taught.by_group else "track"
    return {
        "Examples": f"{len(taught.examples):,}",
        "Measured": f"{taught.figures.examples:,} of them, of {counted(taught.figures.groups, groups)}",
        "Several genres per track": "yes" if taught.multi else "no",
        "Classifier": f"linear discriminants, shrinkage {taught.shrinkage:g}, on the embedding of {base}",
        "Temperature": f"{taught.head.temperature:g}",
        "Unsure below": f"{taught.head.abstain_below:.2f}"
        if taught.head.abstain_below > 0
        else "never unsure",
    }


def _decimal(estimate: Estimate | None) -> str:
    return "–" if estimate is None or math.isnan(estimate.value) else f"{estimate.value:.2f}"
