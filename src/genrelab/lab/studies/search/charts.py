"""The charts of a search's page."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from genrelab.lab.reports.charts import Panel
from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, text

_SIGNS = 4  # shapes and colours in the style sheet; more series repeat them
_KEY_ROW = 17


class Point(NamedTuple):
    """A trial in a chart.

    Attributes
    ----------
    x, y : float
    label : str
        What pointing at it shows.
    best : bool
        Whether it is the chosen one.
    """

    x: float
    y: float
    label: str
    best: bool = False


def scatter(
    title: str, x_name: str, y_name: str, series: Mapping[str, Sequence[Point]], *, log: bool = False
) -> Drawing:
    """Draw trials as points, those of one series joined from left to right.

    Parameters
    ----------
    title, x_name, y_name : str
        Of the chart and its axes.
    series : mapping of str to sequence of Point
        By name; a single series has no key.
    log : bool
        Whether the x axis is logarithmic; all x are above 0 then.
    """
    points = [point for group in series.values() for point in group]
    several = len(series) > 1
    panel = Panel(title, [point.y for point in points], note=y_name, below=_KEY_ROW * len(series) * several)
    values = [point.x for point in points]
    if log:
        x, marks = svg.logarithmic(values, panel.left, panel.right)
    else:
        marks = svg.ticks(min(values), max(values), count=4)
        x = svg.linear(marks[0], marks[-1], panel.left, panel.right)
    panel.x_axis(((x(tick), svg.brief(tick)) for tick in marks), name=x_name)
    for number, (name, group) in enumerate(series.items()):
        ordered = sorted(group)
        if several:
            joined = [(x(point.x), panel.y(point.y)) for point in ordered]
            row = panel.bottom + 42 + _KEY_ROW * number
            panel.add(
                svg.polyline(f"joined sign{number % _SIGNS}", joined),
                _sign(panel.left + 6, row, number),
                text(name, panel.left + 18, row + 4),
            )
        panel.add(*(_sign(x(each.x), panel.y(each.y), number, each) for each in ordered))
    panel.label = f"{title}: {y_name} against {x_name}. " + " ".join(f"{point.label}." for point in points)
    return panel


def effect(
    name: str, y_name: str, values: Sequence[str], points: Sequence[Point], *, ordered: bool = True
) -> Drawing:
    """Draw the effect of one key: each trial as a point, the mean of each value as a dash.

    Parameters
    ----------
    name, y_name : str
    values : sequence of str
        The key's values, from left to right.
    points : sequence of Point
        Their x are places among `values`.
    ordered : bool
        Whether the values are numbers; a line joins their means then.
    """
    shortened = [value if len(value) <= 14 else f"…{value[-13:]}" for value in values]
    slant = max(map(len, shortened)) * 7 * len(values) > 302  # pixels: the width of the plot
    panel = Panel(name, [point.y for point in points], note=y_name, below=50 if slant else 0)
    x = svg.linear(-0.5, len(values) - 0.5, panel.left, panel.right)
    panel.x_axis(((x(place), label) for place, label in enumerate(shortened)), slant=slant)
    means = [
        (place, statistics.fmean(of_value))
        for place in range(len(values))
        if (of_value := [point.y for point in points if point.x == place])
    ]
    panel.add(*(_sign(x(point.x), panel.y(point.y), 0, point) for point in points))
    if ordered:
        panel.add(svg.polyline("means", [(x(place), panel.y(mean)) for place, mean in means]))
    panel.add(*(svg.path("means", f"M{x(place) - 8:.1f} {panel.y(mean):.1f}h16") for place, mean in means))
    listed = ", ".join(f"{values[place]}: {mean:.3g}" for place, mean in means)
    panel.label = f"Mean {y_name} by {name}. {listed}."
    return panel


def _sign(x: float, y: float, number: int, point: Point | None = None) -> Markup:
    """Draw a circle, square, triangle or diamond; the chosen trial has a ring around it."""
    kind = number % _SIGNS
    paths = (
        "",
        f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z",
        f"M{x:.1f} {y - 5.5:.1f}l5 9h-10z",
        f"M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
    )
    marks = [element("path", d=paths[kind]) if kind else element("circle", cx=x, cy=y, r=4.5)]
    if point is not None:
        marks.insert(0, element("title", point.label))
        if point.best:
            marks.append(element("circle", kind="ring", cx=x, cy=y, r=9))
    return element("g", *marks, kind=f"sign{kind}")
