"""Charts that compare: curves, bars by group, histograms, points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, text

Floats = npt.NDArray[np.float64]

SERIES = 6  # classes s0 to s5 of the style sheet
_KEY = 18  # pixels: height of a line of a key
_NUMBER = 36  # pixels: width of a value beside its bar
_LETTER = 6.6  # pixels: mean width of a letter


class Curve(NamedTuple):
    """A curve: its name, its points, and classes of the style sheet beyond its colour."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = ""


class Bar(NamedTuple):
    """A bar.

    Attributes
    ----------
    value : float or None
        From 0 to 1; None leaves its place empty.
    low, high : float or None
        Ends of its interval.
    folds : tuple of float
        Figures of single runs, as dots.
    paper : float or None
        The published figure, as a line across the bar.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    folds: tuple[float, ...] = ()
    paper: float | None = None


def number(value: float) -> str:
    """Write a value of an axis in few characters, with a true minus sign."""
    return svg.brief(value).replace("-", "−")


class Axis(NamedTuple):
    """An axis: its name, how its values are written, and its ends if values do not set them."""

    name: str
    write: Callable[[float], str] = number
    ends: tuple[float, float] | None = None


def percent(value: float) -> str:
    """Write a share in per cent."""
    return f"{100 * value:.0f} %"


ACCURACY = Axis("accuracy", percent)


def key(picture: Drawing, names: Sequence[str], *, x: float, y: float, curves: Sequence[Curve] = ()) -> None:
    """Write names of series beside their colours, or their curves, one below the other."""
    for number, name in enumerate(names):
        row, series = y + _KEY * number, f"s{number % SERIES}"
        mark = (
            svg.path(f"stroke {series} {curves[number].kind}".strip(), f"M{x:.1f} {row - 4:.1f}h20")
            if curves
            else element("rect", kind=f"fill {series}", x=x, y=row - 10, width=12, height=12)
        )
        picture.add(mark, text(name, x + (26 if curves else 18), row))


def curves(
    title: str,
    lines: Sequence[Curve],
    x_axis: Axis,
    y_axis: Axis,
    *,
    from_zero: bool = False,
    size: tuple[float, float] = (620, 340),
) -> Drawing:
    """Draw curves over one pair of axes, with a key below them if there are several.

    Parameters
    ----------
    title : str
    lines : sequence of Curve
    x_axis, y_axis : Axis
    from_zero : bool
        Whether both axes begin at 0 even if no value is near it.
    size : (float, float)
        Width and height in pixels, without the key.
    """
    below = _KEY * len(lines) if len(lines) > 1 else 0
    picture = Drawing("chart", size[0], size[1] + below, margins=(64, 24, 44, 48 + below))
    xs = [x for line in lines for x, y in line.points if math.isfinite(y)] or [0.0, 1.0]
    ys = [y for line in lines for _, y in line.points if math.isfinite(y)] or [0.0, 1.0]
    floor = [0.0] if from_zero else []
    across, marks_x = _scale([*(x_axis.ends or xs), *floor], picture.left, picture.right)
    up, marks_y = _scale([*(y_axis.ends or ys), *floor], picture.bottom, picture.top)
    picture.title(title)
    picture.y_axis((up(mark), y_axis.write(mark)) for mark in marks_y)
    picture.x_axis(((across(mark), x_axis.write(mark)) for mark in marks_x), name=x_axis.name)
    for number, line in enumerate(lines):
        drawn = [(across(x), up(y) if math.isfinite(y) else math.nan) for x, y in line.points]
        picture.add(svg.polyline(f"stroke s{number % SERIES} {line.kind}".strip(), drawn))
    if below:
        key(picture, [line.name for line in lines], x=picture.left, y=picture.bottom + 54, curves=lines)
    picture.add(text(y_axis.name, picture.left, picture.top - 6))
    ends = "; ".join(
        f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}"
        for line in lines
        if line.points
    )
    picture.label = f"{title}: {y_axis.name} by {x_axis.name}. {ends}."
    return picture


def _scale(values: Sequence[float], start: float, stop: float) -> tuple[svg.Scale, list[float]]:
    marks = svg.ticks(min(values), max(values))
    return svg.linear(marks[0], marks[-1], start, stop), marks


def histogram(title: str, values: Floats, *, unit: str, bins: int = 80, note: str = "") -> Drawing:
    """Draw how often values occur, with the mean and one deviation on both sides.

    Parameters
    ----------
    title : str
    values : np.ndarray, finite
    unit : str
    bins : int > 0
    note : str
        On the right of the title.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    counts, edges = np.histogram(flat, bins=bins)
    picture = Drawing("chart", 620, 270, margins=(64, 16, 36, 44))
    across, marks_x = _scale([float(edges[0]), float(edges[-1])], picture.left, picture.right)
    up, marks_y = _scale([0.0, float(counts.max())], picture.bottom, picture.top)
    picture.title(title, note=note)
    picture.y_axis((up(mark), number(mark)) for mark in marks_y)
    picture.x_axis(((across(mark), number(mark)) for mark in marks_x), name=unit)
    for count, low, high in zip(counts, edges, edges[1:], strict=False):
        if count:
            x, y = across(float(low)), up(float(count))
            picture.add(
                element(
                    "rect",
                    kind="fill s0",
                    x=x,
                    y=y,
                    width=max(0.5, across(float(high)) - x - 0.4),
                    height=picture.bottom - y,
                )
            )
    mean, deviation = float(flat.mean()), float(flat.std())
    for place, kind in (
        (mean, "stroke s1"),
        (mean - deviation, "stroke s1 dotted"),
        (mean + deviation, "stroke s1 dotted"),
    ):
        if edges[0] <= place <= edges[-1]:
            picture.add(svg.line(kind, across(place), picture.top, across(place), picture.bottom))
    picture.label = (
        f"{title}: {flat.size:,} values from {flat.min():.3g} to {flat.max():.3g} {unit}, mean {mean:.3g}, "
        f"deviation {deviation:.3g}, most often around {float(edges[counts.argmax()]):.3g}."
    )
    return picture


def bars(
    title: str,
    groups: Sequence[str],
    series: Mapping[str, Sequence[Bar]],
    *,
    note: str = "",
    axis: Axis = ACCURACY,
) -> Drawing:
    """Draw horizontal bars in groups, each with its interval, its runs and the published figure.

    Parameters
    ----------
    title : str
    groups : sequence of str
        Names of the groups, from above.
    series : mapping of str to sequence of Bar
        Name of a series -> one bar per group.
    note : str
        On the right of the title.
    axis : Axis
        Of the values.
    """
    thick, gap = (16, 12) if len(series) < 3 else (13, 12)
    left = 24 + _LETTER * max(len(svg.cut(group, 44)) for group in groups)
    height = len(groups) * (thick * len(series) + gap)
    below = 40 + (_KEY * len(series) if len(series) > 1 else 0)
    picture = Drawing("chart", left + 430, 44 + height + below, margins=(left, 54, 44, below))
    values = [
        value
        for each in series.values()
        for bar in each
        for value in (bar.value, bar.high, bar.paper, *bar.folds)
        if value is not None
    ]
    across, marks = _scale([0.0, max(values, default=1.0)], picture.left, picture.right)
    picture.title(title, note=note)
    picture.x_axis(
        ((across(mark), axis.write(mark)) for mark in marks),
        name=axis.name,
        rule=(picture.top, picture.bottom),
    )
    spoken = []
    for at, group in enumerate(groups):
        top = picture.top + at * (thick * len(series) + gap) + gap / 2
        picture.add(
            text(
                svg.cut(group, 44),
                picture.left - 8,
                top + thick * len(series) / 2 + 4,
                anchor="end",
                kind=None,
            )
        )
        for number, (label, each) in enumerate(series.items()):
            bar = each[at]
            picture.add(*_bar(bar, (across, axis), top + number * thick, thick, number))
            if bar.value is not None:
                spoken.append(f"{group}{f', {label}' if len(series) > 1 else ''}: {axis.write(bar.value)}")
    if len(series) > 1:
        key(picture, list(series), x=picture.left, y=picture.bottom + 48)
    picture.label = f"{title}. {'; '.join(spoken)}."
    return picture


def _value(value: float, axis: Axis) -> str:
    return f"{100 * value:.1f}" if axis.write is percent else axis.write(value)


def _bar(bar: Bar, scale: tuple[svg.Scale, Axis], top: float, thick: int, series: int) -> Iterable[Markup]:
    across, axis = scale
    middle = top + thick / 2
    end = across(0.0)
    if bar.value is not None:
        end = across(bar.value)
        yield element(
            "rect",
            element("title", axis.write(bar.value)),
            kind=f"fill s{series % SERIES}",
            x=across(0.0),
            y=top + 1.5,
            width=end - across(0.0),
            height=float(thick - 3),
        )
    if bar.low is not None and bar.high is not None:
        yield svg.line("whisker", across(bar.low), middle, across(bar.high), middle)
        end = max(end, across(bar.high))
    for value in bar.folds if len(bar.folds) > 1 else ():
        yield element("circle", kind="fold", cx=across(value), cy=middle, r=2.2)
        end = max(end, across(value))
    if bar.paper is not None and bar.value is None:
        yield element(
            "rect",
            element("title", f"paper: {axis.write(bar.paper)}"),
            kind=f"stroke s{series % SERIES}",
            x=across(0.0),
            y=top + 2,
            width=across(bar.paper) - across(0.0),
            height=float(thick - 4),
        )
        yield text(f"{_value(bar.paper, axis)} paper", across(bar.paper) + 5, middle + 4)
    elif bar.paper is not None:
        published = across(bar.paper)
        yield svg.line("papers", published, top, published, top + thick)
        if end - 3 <= published <= end + _NUMBER:
            end = published
    if bar.value is not None:
        yield text(_value(bar.value, axis), end + 5, middle + 4)


class Mark(NamedTuple):
    """A point of a chart: its place, its series, its area from 0 to 1, and its name."""

    x: float
    y: float
    series: str
    area: float
    name: str


def points(title: str, marks: Sequence[Mark], x_axis: Axis, y_axis: Axis, *, note: str = "") -> Drawing:
    """Draw named points over a logarithmic x axis; those of a series are joined.

    Parameters
    ----------
    title : str
    marks : sequence of Mark
        With x above 0.
    x_axis, y_axis : Axis
    note : str
        On the right of the title.
    """
    names = list(dict.fromkeys(mark.series for mark in marks))
    below = 48 + _KEY * len(names)
    picture = Drawing("chart", 620, 330 + below, margins=(64, 110, 36, below))
    across, marks_x = svg.logarithmic([mark.x for mark in marks], picture.left, picture.right)
    up, marks_y = _scale([mark.y for mark in marks], picture.bottom, picture.top)
    picture.title(title, note=note)
    picture.y_axis((up(mark), y_axis.write(mark)) for mark in marks_y)
    picture.x_axis(((across(mark), x_axis.write(mark)) for mark in marks_x), name=x_axis.name)
    picture.add(text(y_axis.name, picture.left, picture.top - 6))
    for number, name in enumerate(names):
        of_series = sorted(mark for mark in marks if mark.series == name)
        series = f"s{number % SERIES}"
        joined = [(across(mark.x), up(mark.y)) for mark in of_series]
        picture.add(svg.polyline(f"stroke thin {series}", joined))
        for mark in of_series:
            x, y, radius = across(mark.x), up(mark.y), 4 + 10 * math.sqrt(mark.area)
            picture.add(
                element(
                    "circle",
                    element("title", mark.name),
                    kind=f"fill {series}",
                    fill_opacity="0.55",
                    cx=x,
                    cy=y,
                    r=radius,
                ),
                text(mark.name, x + radius + 4, y + 4),
            )
    key(picture, names, x=picture.left, y=picture.bottom + 48)
    listed = "; ".join(f"{mark.name}: {y_axis.write(mark.y)}" for mark in marks)
    picture.label = f"{title}: {y_axis.name} by {x_axis.name}. {listed}."
    return picture
