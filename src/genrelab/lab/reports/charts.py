"""The pictures of a report page, as inline SVG.

Colours are classes that the page's style sheet fills in, so that one picture serves light, dark and paper.
Every picture is an image to a screen reader, with the same facts in its label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.metrics.calibration import Bin
from genrelab.lab.metrics.scores import LevelScores

Scale = Callable[[float], float]

PANEL_WIDTH, PANEL_HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 34, 36
PART_NAMES = {"train": "training", "valid": "validation", "test": "test"}


def confusion_matrix(genres: Sequence[str], scores: LevelScores) -> str:
    """Draw the confusion matrix of tracks: the shade is the share of the row, the number the count.

    Parameters
    ----------
    genres : sequence of str
        Names of rows and columns.
    scores : LevelScores
        Of the tracks under one voting rule.

    Returns
    -------
    str
        An `<svg>` element; pointing at a cell shows its share with the interval.
    """
    k = len(genres)
    cell = 46 if k <= 12 else max(24, 552 // k)
    names = [_short(genre) for genre in genres]
    left = 20 + 7.4 * max(len(name) for name in names)
    top = 30 + 5.4 * max(len(name) for name in names)
    width, height = left + k * cell + 60, top + k * cell + 10
    marks = [
        f'<text class="axis" x="{left:.1f}" y="12">said to be</text>',
        f'<text class="axis" x="{left - 10:.1f}" y="{top - 12:.1f}" text-anchor="end">true genre</text>',
        f'<text class="axis" x="{left + k * cell + 12:.1f}" y="{top - 12:.1f}">tracks</text>',
    ]
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        x, y = left + middle, top - 10
        marks.append(f'<text transform="translate({x:.1f} {y:.1f}) rotate(-45)">{escape(name)}</text>')
        y = top + middle + 4
        marks.append(f'<text x="{left - 10:.1f}" y="{y:.1f}" text-anchor="end">{escape(name)}</text>')
        total = int(scores.confusion[i].sum())
        marks.append(f'<text class="axis" x="{left + k * cell + 12:.1f}" y="{y:.1f}">{total}</text>')
    for i, row in enumerate(scores.shares):
        for j, share in enumerate(row):
            says = f"{genres[i]} said to be {genres[j]}: {percent(share)}"
            count = int(scores.confusion[i, j])
            marks.append(_cell(left + j * cell, top + i * cell, cell, count, share.value, says))
    label = f"Confusion matrix of {scores.n} tracks. " + " ".join(
        f"{genre}: {int(scores.confusion[i, i])} of {int(scores.confusion[i].sum())} right."
        for i, genre in enumerate(genres)
    )
    return _svg("confusion", width, height, label, marks)


def _cell(x: float, y: float, size: int, count: int, share: float, says: str) -> str:
    share = 0.0 if math.isnan(share) else share
    return (
        f'<g><title>{escape(says)}</title><rect class="ground" x="{x:.1f}" y="{y:.1f}" '
        f'width="{size}" height="{size}"/><rect class="shade" fill-opacity="{share:.3f}" x="{x + 1:.1f}" '
        f'y="{y + 1:.1f}" width="{size - 2}" height="{size - 2}"/>'
        f'<text x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" '
        f'text-anchor="middle">{count or ""}</text></g>'
    )


def learning_curves(history: Sequence[Mapping[str, float]], *, chosen_on: str = "valid") -> str:
    """Draw loss, accuracy and (where given) learning rate by epoch.

    Parameters
    ----------
    history : sequence of mapping
        One an epoch, with some of `epoch`, `train_loss`, `train_accuracy`, `valid_loss`, `valid_accuracy`,
        `learning_rate`, and `best` = 1 on the epoch whose weights were kept.
    chosen_on : {"valid", "test", "none"}
        The part whose figures the columns `valid_...` hold.

    Returns
    -------
    str
        An `<svg>` element a panel; empty if there is nothing to draw.
    """
    epochs = [float(row.get("epoch", number)) for number, row in enumerate(history)]
    best = next((epoch for epoch, row in zip(epochs, history, strict=True) if row.get("best")), None)
    panels = []
    for title, figure in (("Loss", "loss"), ("Accuracy", "accuracy")):
        lines = [
            (name, PART_NAMES[part], _column(history, f"{name}_{figure}"))
            for name, part in (("train", "train"), ("valid", chosen_on))
            if part != "none"
        ]
        panels.append(_panel(title, epochs, lines, best))
    panels.append(_panel("Learning rate", epochs, [("rate", "", _column(history, "learning_rate"))], best))
    return "".join(panels)


def _column(history: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [float(row.get(name, math.nan)) for row in history]


def _panel(
    title: str, epochs: Sequence[float], lines: Sequence[tuple[str, str, list[float]]], best: float | None
) -> str:
    drawn = [line for line in lines if any(map(math.isfinite, line[2]))]
    if not drawn:
        return ""
    values = [y for _, _, ys in drawn for y in ys if math.isfinite(y)]
    x_ticks = ticks(min(epochs), max(epochs), whole=True)
    y_ticks = ticks(min(0.0, *values), max(values))
    x = _scale(min(epochs), max(epochs), LEFT, PANEL_WIDTH - RIGHT)
    y = _scale(y_ticks[0], y_ticks[-1], PANEL_HEIGHT - BOTTOM, TOP)
    right, bottom = PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM
    marks = [f'<text class="title" x="0" y="14">{escape(title)}</text>']
    for tick in y_ticks:
        at = y(tick)
        marks.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        marks.append(
            f'<text class="axis" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_brief(tick)}</text>'
        )
    marks += [
        f'<text class="axis" x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in x_ticks
    ]
    marks.append(f'<text class="axis" x="{right}" y="{bottom + 31}" text-anchor="end">epoch</text>')
    if best is not None:
        marks.append(f'<line class="best" x1="{x(best):.1f}" x2="{x(best):.1f}" y1="{TOP}" y2="{bottom}"/>')
    says = []
    for number, (name, label, ys) in enumerate(drawn):
        points = [(x(epoch), y(value)) for epoch, value in zip(epochs, ys, strict=True)]
        marks.append(f'<path class="curve {name}" d="{_path(points)}"/>')
        finite = [value for value in ys if math.isfinite(value)]
        says.append(f"{label} from {finite[0]:.3g} to {finite[-1]:.3g}".strip())
        if label:
            at = 110 + 110 * number
            marks.append(f'<path class="curve {name}" d="M{at} 10h22"/>')
            marks.append(f'<text class="axis" x="{at + 28}" y="14">{label}</text>')
    kept = "" if best is None else f" Epoch {best:g} was kept."
    text = f"{title} by epoch: {', '.join(says)}.{kept}"
    return _svg("curves", PANEL_WIDTH, PANEL_HEIGHT, text, marks)


def reliability_diagram(bins: Sequence[Bin]) -> str:
    """Draw how often an answer is right against how confident it is, and how many answers there are.

    Parameters
    ----------
    bins : sequence of Bin
        As `genrelab.lab.metrics.calibration.reliability` returns them.

    Returns
    -------
    str
        An `<svg>` element: a dot a bin, as large as its share of the answers; on the line, confidence means
        what it says.
    """
    size, left, top = 300, 56, 14
    across, up = _scale(0.0, 1.0, left, left + size), _scale(0.0, 1.0, top + size, top)
    marks = []
    for tick in ticks(0.0, 1.0):
        x, y = across(tick), up(tick)
        marks += [
            f'<line class="grid" x1="{left}" x2="{left + size}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="axis" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.0%}</text>',
            f'<text class="axis" x="{x:.1f}" y="{top + size + 18}" text-anchor="middle">{tick:.0%}</text>',
        ]
    marks += [
        f'<line class="reach" x1="{across(0):.1f}" y1="{up(0):.1f}" x2="{across(1):.1f}" y2="{up(1):.1f}"/>',
        f'<text class="axis" x="{left + size / 2}" y="{top + size + 38}" text-anchor="middle">'
        "mean confidence</text>",
        f'<text class="axis" transform="translate(14 {top + size / 2}) rotate(-90)" text-anchor="middle">'
        "right</text>",
    ]
    filled = [each for each in bins if each.tracks]
    most = max((each.tracks for each in filled), default=1)
    says = []
    for each in filled:
        told = f"confidence {each.confidence:.0%}: {each.accuracy:.0%} of {each.tracks} right"
        radius = 3.0 + 7.0 * math.sqrt(each.tracks / most)
        marks.append(
            f'<circle class="shade" cx="{across(each.confidence):.1f}" cy="{up(each.accuracy):.1f}" '
            f'r="{radius:.1f}"><title>{told}</title></circle>'
        )
        says.append(told)
    label = f"Confidence and truth. {'; '.join(says)}."
    return _svg("reliability", left + size + 20, top + size + 46, label, marks)


_STYLE = """
text { fill: #1b1f26; font: 13px sans-serif; } .axis { fill: #555e6b; font-size: 12px; }
.grid, .reach { stroke: #8a93a0; stroke-width: 0.6; } .reach { stroke-dasharray: 4 3; stroke-width: 1.2; }
.ground { fill: none; stroke: #8a93a0; stroke-width: 0.4; } .shade { fill: #3f7fd1; }
@media (prefers-color-scheme: dark) { text { fill: #e8eaee; } .axis { fill: #a5aebb; } }
"""


def standalone(svg: str) -> str:
    """Return a picture as a file of its own, with colours that do on light and on dark pages."""
    head, rest = svg.split(">", 1)
    box = head.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split()
    size = f'width="{box[0]}" height="{box[1]}"'
    return f'{head} xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>{rest}\n'


def interval_bar(estimate: Estimate) -> str:
    """Draw a share between 0 and 1 as a dot on its interval; decoration of the number beside it."""
    if math.isnan(estimate.value):
        return ""
    dot = f'<circle cx="{4 + 112 * estimate.value:.1f}" cy="7" r="3.5"/>'
    line = ""
    if math.isfinite(estimate.low):
        low, high = 4 + 112 * estimate.low, 4 + 112 * estimate.high
        line = f'<line class="reach" x1="{low:.1f}" x2="{high:.1f}" y1="7" y2="7"/>'
    scale = '<line class="grid" x1="4" x2="116" y1="7" y2="7"/>'
    return f'<svg class="bar" viewBox="0 0 120 14" aria-hidden="true">{scale}{line}{dot}</svg>'


def ticks(low: float, high: float, *, count: int = 5, whole: bool = False) -> list[float]:
    """Return round, evenly spaced values around a range.

    Parameters
    ----------
    low, high : float
        The range. The ticks hold it, except that with `whole` they stay inside.
    count : int
        About how many steps.
    whole : bool
        Only whole numbers, inside the range (epochs).
    """
    span = (high - low) or (1.0 if whole else abs(high) or 1.0)
    power: float = 10.0 ** math.floor(math.log10(span / count))
    step: float = next(power * nice for nice in (1, 2, 5, 10) if power * nice * count >= span * 0.999)
    if whole:
        step = max(1.0, step)
        first, last = math.ceil(low / step), math.floor(high / step)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _scale(low: float, high: float, start: float, stop: float) -> Scale:
    if high == low:
        return lambda value: (start + stop) / 2
    return lambda value: start + (value - low) / (high - low) * (stop - start)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Join points, with a gap where one is not finite; a lone point becomes a short dash."""
    parts = []
    pen_down = False
    for i, (x, y) in enumerate(points):
        if not math.isfinite(y):
            pen_down = False
            continue
        alone = not pen_down and (i + 1 == len(points) or not math.isfinite(points[i + 1][1]))
        parts.append(f"M{x - 3:.1f} {y:.1f}h6" if alone else f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    return "".join(parts)


def _brief(value: float) -> str:
    """Write an axis value in few characters: 0.5, 20, 8e-4."""
    if value == 0 or abs(value) >= 0.01:
        return f"{value:g}"
    digits, power = f"{value:e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def _short(name: str, *, longest: int = 18) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _svg(kind: str, width: float, height: float, label: str, marks: Sequence[str]) -> str:
    return (
        f'<svg class="{kind}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'aria-label="{escape(label)}">{"".join(marks)}</svg>'
    )
