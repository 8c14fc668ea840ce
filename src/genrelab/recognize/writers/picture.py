"""Genre over time as a picture: one SVG file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from genrelab.errors import UsageError
from genrelab.pages import svg
from genrelab.pages.palette import OTHERS, assign
from genrelab.pages.svg import Drawing, element
from genrelab.printing import plain
from genrelab.recognize.recognition import Part, Recognition
from genrelab.recognize.segmentation import MIN_PART_SECONDS, cut_parts
from genrelab.recognize.writers.table import clock, percent

_STRIP = 48  # top of the row of parts
_MOST_GENRES = 7  # with a colour of their own
_MOST_POINTS = 450  # one per two pixels
_LETTER = 7.0  # approximate pixels per letter
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)  # seconds
_OTHER_GENRES, _SILENCE = "other genres", "silence"

_Floats = npt.NDArray[np.float64]


def draw_timeline(record: Recognition, *, min_seconds: float = MIN_PART_SECONDS) -> str:
    """Draw the probabilities of a file's genres over time, and its parts above them.

    Parameters
    ----------
    record : Recognition
        Of a file that was recognized without an error.
    min_seconds : float > 0
        The shortest part.

    Returns
    -------
    str
        An SVG document.

    Raises
    ------
    UsageError
        If the record has an error, or as `genrelab.recognize.segmentation.cut_parts` does.
    """
    parts = cut_parts(record, min_seconds=min_seconds)
    if not parts or record.probabilities is None or record.duration is None:
        raise UsageError(
            f"{record.path} was not recognized: there is nothing to draw", code="nothing-to-draw"
        )
    names = [ranked.genre for ranked in record.genres]
    columns = _shown(record.probabilities, parts, names)
    colours = {genre: colour for genre, (colour, _) in assign(names[column] for column in columns).items()}
    times, layers = _layers(record, columns)
    name = plain(record.path.name)
    picture = Drawing("timeline", 960, 400, margins=(52, 28, 88, 92))
    picture.label = f"{name}: genre over time"
    x = svg.linear(0.0, record.duration, picture.left, picture.right)
    picture.add(
        element("title", picture.label),
        element("rect", kind="page", width=picture.width, height=picture.height),
        svg.text(svg.cut(name, 100), picture.left, 28, kind="title"),
    )
    _add_axes(picture, x, record.duration)
    shown = [(names[column], colours[names[column]]) for column in columns]
    others = [(_OTHER_GENRES, OTHERS)]
    borders = [x(edge) for edge in (0.0, *((times[:-1] + times[1:]) / 2).tolist(), record.duration)]
    picture.add(*_areas(picture, borders, layers, [*shown, *others]))
    picture.add(*(_strip(part, x(part.start), x(min(part.end, record.duration)), colours) for part in parts))
    picture.add(
        *(svg.line("cut", x(part.start), _STRIP, x(part.start), picture.bottom) for part in parts[1:])
    )
    silence = [(_SILENCE, None)] if any(part.genre is None for part in parts) else []
    _add_legend(picture, [*shown, *(others if len(names) > len(columns) else []), *silence])
    return picture.document()


def _shown(probabilities: npt.NDArray[np.float16], parts: tuple[Part, ...], names: list[str]) -> list[int]:
    """Return the columns that get a colour: genres of parts first, then by mean probability."""
    seconds = {name: 0.0 for name in names}
    for part in parts:
        if part.genre is not None:
            seconds[part.genre] += part.end - part.start
    audible = probabilities[~np.isnan(probabilities).any(axis=1)]
    mean = audible.mean(axis=0) if len(audible) else np.zeros(len(names))
    order = sorted(range(len(names)), key=lambda column: (-seconds[names[column]], -mean[column]))
    return order[:_MOST_GENRES]


def _layers(record: Recognition, columns: list[int]) -> tuple[_Floats, _Floats]:
    """Return times in seconds [shape=(points,)] and probabilities [shape=(points, layers)].

    The last layer is the sum of the other genres. In long files, neighbouring segments are averaged. Silent
    points are 0 in all layers.
    """
    assert record.probabilities is not None
    centres = np.array([(piece.start + piece.end) / 2 for piece in record.timeline])
    shown = record.probabilities[:, columns].astype(np.float64)
    rest = (1.0 - shown.sum(axis=1, keepdims=True)).clip(0.0)
    stacked = np.nan_to_num(np.concatenate([shown, rest], axis=1))
    if not columns:  # silence only
        stacked[:] = 0.0
    group = -(-len(centres) // _MOST_POINTS)
    firsts = np.arange(0, len(centres), group)
    sizes = np.diff([*firsts, len(centres)])
    return np.add.reduceat(centres, firsts) / sizes, np.add.reduceat(stacked, firsts) / sizes[:, None]


def _areas(
    picture: Drawing, borders: list[float], layers: _Floats, looks: list[tuple[str, str]]
) -> Iterator[Markup]:
    """Stack the layers as steps: each point extends half the way to its neighbours."""
    tops = np.concatenate([np.zeros((len(layers), 1)), layers.cumsum(axis=1)], axis=1).clip(0.0, 1.0)
    edges = [
        [(x, y) for pair, y in zip(pairwise(borders), column, strict=True) for x in pair]
        for column in (picture.bottom - (picture.bottom - picture.top) * tops).T
    ]
    for (name, colour), (lower, upper) in zip(looks, pairwise(edges), strict=True):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *lower[::-1]])
        yield element("polygon", element("title", name), points=points, fill=colour)


def _add_axes(picture: Drawing, x: svg.Scale, duration: float) -> None:
    y = svg.linear(0.0, 1.0, picture.bottom, picture.top)
    picture.y_axis(((y(share), percent(share)) for share in (0.0, 0.5, 1.0)), grid=False)
    step = next((tick for tick in _TICKS if duration / tick <= 12), _TICKS[-1])
    times = (number * step for number in range(int(duration / step) + 1))
    picture.x_axis(((x(time), clock(time)) for time in times), rule=(picture.bottom, picture.bottom + 5))


def _strip(part: Part, left: float, right: float, colours: dict[str, str]) -> Markup:
    """Draw one part above the probabilities, with its name if there is room."""
    name, mean = part.genre or _SILENCE, ""
    if part.genre is not None and part.probability is not None:
        mean = f", {percent(part.probability)}"
    marks = [
        element("title", f"{name}{mean}, {clock(part.start)} to {clock(part.end)}"),
        _swatch(None if not mean else colours.get(name, OTHERS), left, _STRIP, right - left, 26),
    ]
    room = int((right - left - 10) / _LETTER)
    if room >= min(3, len(name)):
        marks.append(
            svg.text(svg.cut(plain(name), room), left + 6, _STRIP + 17, kind="on" if mean else "axis")
        )
    return element("g", *marks)


def _swatch(colour: str | None, x: float, y: float, width: float, height: float) -> Markup:
    """Draw a rectangle in the colour of a genre, or in that of silence."""
    kind = "silence" if colour is None else None
    return element("rect", kind=kind, fill=colour, x=x, y=y, width=width, height=height)


def _add_legend(picture: Drawing, looks: list[tuple[str, str | None]]) -> None:
    x, y = picture.left, picture.bottom + 44
    for name, colour in looks:
        short = svg.cut(plain(name), 28)
        width = 38 + _LETTER * len(short)
        if x > picture.left and x + width > picture.right:
            x, y = picture.left, y + 20
        picture.add(_swatch(colour, x, y - 10, 12, 12), svg.text(short, x + 18, y, kind=None))
        x += width
