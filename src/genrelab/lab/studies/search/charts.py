"""The pictures of a search's page, as inline SVG, in the manner of a report's: see `reports.charts`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from genrelab.lab.reports.charts import BOTTOM, LEFT, PANEL_HEIGHT, PANEL_WIDTH, RIGHT, TOP, ticks

_SIGNS = 4  # shapes and colours that the style sheet knows; they come round again
_FLOOR, _WALL = PANEL_HEIGHT - BOTTOM, PANEL_WIDTH - RIGHT
_KEY_ROW = 17


class Point(NamedTuple):
    """A trial in a picture.

    Attributes
    ----------
    x, y : float
    says : str
        What pointing at it shows.
    best : bool
        Whether it is the chosen one.
    """

    x: float
    y: float
    says: str
    best: bool = False


def scatter(
    title: str, x_name: str, y_name: str, series: Mapping[str, Sequence[Point]], *, log: bool = False
) -> str:
    """Draw trials as points, those of one series joined from left to right.

    Parameters
    ----------
    title, x_name, y_name : str
        Of the picture and its axes.
    series : mapping of str to sequence of Point
        With their names; the key is left out if there is but one.
    log : bool
        Of the x axis, all of whose values are above 0.
    """
    points = [point for group in series.values() for point in group]
    place = _logarithmic if log else _linear
    x, x_ticks = place([point.x for point in points], LEFT, _WALL)
    marks: list[str] = []
    y = _grid(marks, title, y_name, [point.y for point in points], bottom=_FLOOR)
    _below(marks, x_name, [(x(tick), _brief(tick)) for tick in x_ticks], bottom=_FLOOR)
    for number, (name, group) in enumerate(series.items()):
        ordered = sorted(group)
        if len(series) > 1:
            line = "L".join(f"{x(point.x):.1f} {y(point.y):.1f}" for point in ordered)
            marks.append(f'<path class="joined sign{number % _SIGNS}" d="M{line}"/>')
            row = PANEL_HEIGHT + _KEY_ROW * number + 6
            marks.append(_sign(LEFT + 6, row, number, ""))
            marks.append(f'<text class="axis" x="{LEFT + 18}" y="{row + 4}">{escape(name)}</text>')
        marks += [_sign(x(point.x), y(point.y), number, point.says, best=point.best) for point in ordered]
    height = PANEL_HEIGHT + (_KEY_ROW * len(series) if len(series) > 1 else 0)
    label = f"{title}: {y_name} against {x_name}. " + " ".join(f"{point.says}." for point in points)
    return _svg(height, label, marks)


def effect(
    name: str, y_name: str, values: Sequence[str], points: Sequence[Point], *, ordered: bool = True
) -> str:
    """Draw what the values of one key did: each trial as a point, the mean of each value as a dash.

    Parameters
    ----------
    name, y_name : str
    values : sequence of str
        The key's values, from left to right.
    points : sequence of Point
        Whose x is the place among `values`.
    ordered : bool
        Whether the values are numbers, so that a line from mean to mean has a meaning.
    """
    width = (_WALL - LEFT) / len(values)

    def x(place: float) -> float:
        return LEFT + (place + 0.5) * width

    marks: list[str] = []
    y = _grid(marks, name, y_name, [point.y for point in points], bottom=_FLOOR)
    shortened = [value if len(value) <= 14 else f"…{value[-13:]}" for value in values]
    aslant = max(map(len, shortened)) * 7 > width
    _below(
        marks, "", [(x(place), text) for place, text in enumerate(shortened)], bottom=_FLOOR, aslant=aslant
    )
    means = [
        (place, statistics.fmean(found))
        for place in range(len(values))
        if (found := [point.y for point in points if point.x == place])
    ]
    line = "L".join(f"{x(place):.1f} {y(mean):.1f}" for place, mean in means)
    marks += [_sign(x(point.x), y(point.y), 0, point.says, best=point.best) for point in points]
    if ordered:
        marks.append(f'<path class="means" d="M{line}"/>')
    marks += [f'<path class="means" d="M{x(place) - 8:.1f} {y(mean):.1f}h16"/>' for place, mean in means]
    told = ", ".join(f"{values[place]}: {mean:.3g}" for place, mean in means)
    return _svg(PANEL_HEIGHT + (50 if aslant else 0), f"Mean {y_name} by {name}. {told}.", marks)


def _grid(
    marks: list[str], title: str, y_name: str, values: Sequence[float], *, bottom: float
) -> Callable[[float], float]:
    """Draw what stands behind the points; return where a value is on the page."""
    rungs = ticks(min(values), max(values), count=4)
    y = _between(rungs[0], rungs[-1], bottom, TOP)
    marks.append(f'<text class="title" x="0" y="12">{escape(title)}</text>')
    marks.append(f'<text class="axis" x="{_WALL}" y="12" text-anchor="end">{escape(y_name)}</text>')
    for rung in rungs:
        at = y(rung)
        marks.append(f'<line class="grid" x1="{LEFT}" x2="{_WALL}" y1="{at:.1f}" y2="{at:.1f}"/>')
        marks.append(f'<text class="axis" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{rung:g}</text>')
    return y


def _below(
    marks: list[str], name: str, labels: Sequence[tuple[float, str]], *, bottom: float, aslant: bool = False
) -> None:
    for at, label in labels:
        where = (
            f'transform="translate({at + 4:.1f} {bottom + 14:.0f}) rotate(-40)" text-anchor="end"'
            if aslant
            else f'x="{at:.1f}" y="{bottom + 16:.0f}" text-anchor="middle"'
        )
        marks.append(f'<text class="axis" {where}>{escape(label)}</text>')
    marks.append(
        f'<text class="axis" x="{_WALL}" y="{bottom + 31:.0f}" text-anchor="end">{escape(name)}</text>'
    )


def _linear(
    values: Sequence[float], start: float, stop: float
) -> tuple[Callable[[float], float], list[float]]:
    marked = ticks(min(values), max(values), count=4)
    return _between(marked[0], marked[-1], start, stop), marked


def _logarithmic(
    values: Sequence[float], start: float, stop: float
) -> tuple[Callable[[float], float], list[float]]:
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = 0.06 * (high - low) or 0.5
    inner = _between(low - margin, high + margin, start, stop)
    decades = range(math.floor(low - margin), math.ceil(high + margin) + 1)
    steps = (1, 3) if high - low > 1.5 else (1, 2, 5)
    marked = [step * 10.0**decade for decade in decades for step in steps]
    inside = [tick for tick in marked if low - margin <= math.log10(tick) <= high + margin]
    return (lambda value: inner(math.log10(value))), inside


def _between(low: float, high: float, start: float, stop: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / ((high - low) or 1.0) * (stop - start)


def _sign(x: float, y: float, number: int, says: str, *, best: bool = False) -> str:
    """Draw a circle, square, triangle or diamond; the chosen trial has a ring around it."""
    kind = number % _SIGNS
    shape = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
        f'<path d="M{x - 4:.1f} {y - 4:.1f}h8v8h-8z"/>',
        f'<path d="M{x:.1f} {y - 5.5:.1f}l5 9h-10z"/>',
        f'<path d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>',
    )[kind]
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>' if best else ""
    title = f"<title>{escape(says)}</title>" if says else ""
    return f'<g class="sign{kind}">{title}{shape}{ring}</g>'


def _brief(value: float) -> str:
    """Write an axis value in few characters: 70k, 1.1M, 0.5, 3e-4."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    if value and abs(value) < 0.01:
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:.3g}"


def _svg(height: float, label: str, marks: Sequence[str]) -> str:
    return (
        f'<svg class="curves" role="img" viewBox="0 0 {PANEL_WIDTH} {height:.0f}" '
        f'aria-label="{escape(label)}">{"".join(marks)}</svg>'
    )
