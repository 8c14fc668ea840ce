"""The charts of a report page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.metrics.calibration import Bin
from genrelab.lab.metrics.scores import LevelScores
from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, text

PART_NAMES = {"train": "training", "valid": "validation", "test": "test"}


class Panel(Drawing):
    """One of several small charts side by side: a title, horizontal grid lines, a range of values in y."""

    def __init__(self, title: str, values: Sequence[float], *, note: str = "", below: float = 0) -> None:
        super().__init__("curves", 360, 230 + below, margins=(46, 12, 34, 36 + below))
        rungs = svg.ticks(min(values), max(values))
        self.y = svg.linear(rungs[0], rungs[-1], self.bottom, self.top)
        self.title(title, note=note)
        self.y_axis((self.y(rung), svg.brief(rung)) for rung in rungs)


def confusion_matrix(genres: Sequence[str], scores: LevelScores) -> Drawing:
    """Draw the confusion matrix of tracks: the shade is the share of the row, the number the count.

    Parameters
    ----------
    genres : sequence of str
        Names of rows and columns.
    scores : LevelScores
        Of the tracks under one voting rule.

    Returns
    -------
    Drawing
        Pointing at a cell shows its share with the interval.
    """
    k = len(genres)
    cell = 46 if k <= 12 else max(24, 552 // k)
    names = [svg.cut(genre, 18) for genre in genres]
    longest = max(map(len, names))
    left, top = 20 + 7.4 * longest, 30 + 5.4 * longest
    right = left + k * cell + 12
    slanted_end = left + (k - 0.5) * cell + 5.6 * len(names[-1]) + 6
    picture = Drawing("confusion", max(right + 48, slanted_end), top + k * cell + 10)
    picture.add(
        text("predicted genre", left, 12),
        text("true genre", left - 10, top - 12, anchor="end"),
        text("tracks", right, top - 12),
    )
    correct = []
    for i, name in enumerate(names):
        middle, total = (i + 0.5) * cell, int(scores.confusion[i].sum())
        y = top + middle + 4
        picture.add(
            svg.slanted(name, left + middle, top - 10, -45, kind=None),
            text(name, left - 10, y, anchor="end", kind=None),
            text(str(total), right, y),
        )
        correct.append(f"{genres[i]}: {int(scores.confusion[i, i])} of {total} correct.")
    for i, row in enumerate(scores.shares):
        for j, share in enumerate(row):
            x, y = left + j * cell, top + i * cell
            opacity = 0.0 if math.isnan(share.value) else share.value
            picture.add(
                element(
                    "g",
                    element("title", f"{genres[i]} predicted as {genres[j]}: {percent(share)}"),
                    element("rect", kind="ground", x=x, y=y, width=cell, height=cell),
                    element("rect", kind="shade", fill_opacity=f"{opacity:.3f}", x=x + 1, y=y + 1,
                            width=cell - 2, height=cell - 2),
                    text(str(int(scores.confusion[i, j]) or ""), x + cell / 2, y + cell / 2 + 4,
                         anchor="middle", kind=None),
                )
            )  # fmt: skip
    picture.label = f"Confusion matrix of {scores.n} tracks. {' '.join(correct)}"
    return picture


def learning_curves(history: Sequence[Mapping[str, float]], *, chosen_on: str = "valid") -> list[Drawing]:
    """Draw loss, accuracy and (where given) learning rate by epoch.

    Parameters
    ----------
    history : sequence of mapping
        One per epoch, with some of `epoch`, `train_loss`, `train_accuracy`, `valid_loss`, `valid_accuracy`,
        `learning_rate`, and `best` = 1 on the epoch whose weights were kept.
    chosen_on : {"valid", "test", "none"}
        The part whose figures the columns `valid_...` hold.

    Returns
    -------
    list of Drawing
        One per figure that has finite values.
    """
    epochs = [float(row.get("epoch", number)) for number, row in enumerate(history)]
    best = next((epoch for epoch, row in zip(epochs, history, strict=True) if row.get("best")), None)
    parts = [(name, part) for name, part in (("train", "train"), ("valid", chosen_on)) if part != "none"]
    panels = {
        figure.capitalize(): [(name, PART_NAMES[part], f"{name}_{figure}") for name, part in parts]
        for figure in ("loss", "accuracy")
    }
    panels["Learning rate"] = [("rate", "", "learning_rate")]
    drawn = []
    for title, lines in panels.items():
        columns = [(name, label, [row.get(key, math.nan) for row in history]) for name, label, key in lines]
        finite = [column for column in columns if any(map(math.isfinite, column[2]))]
        if finite:
            drawn.append(_curves(title, epochs, finite, best))
    return drawn


def _curves(
    title: str, epochs: Sequence[float], lines: Sequence[tuple[str, str, list[float]]], best: float | None
) -> Drawing:
    panel = Panel(title, [0.0, *(y for _, _, ys in lines for y in ys if math.isfinite(y))])
    x = svg.linear(min(epochs), max(epochs), panel.left, panel.right)
    panel.x_axis(
        ((x(tick), f"{tick:g}") for tick in svg.ticks(min(epochs), max(epochs), whole=True)), name="epoch"
    )
    if best is not None:
        panel.add(svg.line("best", x(best), panel.top, x(best), panel.bottom))
    ranges = []
    for number, (name, label, ys) in enumerate(lines):
        points = [(x(epoch), panel.y(value)) for epoch, value in zip(epochs, ys, strict=True)]
        panel.add(svg.polyline(f"curve {name}", points))
        finite = [value for value in ys if math.isfinite(value)]
        ranges.append(f"{label} from {finite[0]:.3g} to {finite[-1]:.3g}".strip())
        if label:
            at = 110 + 110 * number
            panel.add(svg.path(f"curve {name}", f"M{at} 10h22"), text(label, at + 28, 14))
    kept = "" if best is None else f" Epoch {best:g} was kept."
    panel.label = f"{title} by epoch: {', '.join(ranges)}.{kept}"
    return panel


def reliability_diagram(bins: Sequence[Bin]) -> Drawing:
    """Draw accuracy against confidence.

    Parameters
    ----------
    bins : sequence of Bin
        As `genrelab.lab.metrics.calibration.reliability` returns them.

    Returns
    -------
    Drawing
        One dot per bin; its area grows with the number of predictions. On the diagonal, confidence equals
        accuracy.
    """
    picture = Drawing("reliability", 376, 360, margins=(56, 20, 14, 46))
    across = svg.linear(0.0, 1.0, picture.left, picture.right)
    up = svg.linear(0.0, 1.0, picture.bottom, picture.top)
    marks = svg.ticks(0.0, 1.0)
    picture.y_axis((up(tick), f"{tick:.0%}") for tick in marks)
    picture.x_axis(((across(tick), f"{tick:.0%}") for tick in marks), name="mean confidence")
    picture.add(
        svg.line("reach", across(0), up(0), across(1), up(1)),
        svg.slanted("accuracy", 14, up(0.5), -90, anchor="middle"),
    )
    filled = [each for each in bins if each.tracks]
    most = max((each.tracks for each in filled), default=1)
    facts = []
    for each in filled:
        fact = f"confidence {each.confidence:.0%}: {each.accuracy:.0%} of {each.tracks} correct"
        facts.append(fact)
        radius = 3.0 + 7.0 * math.sqrt(each.tracks / most)
        picture.add(
            element("circle", element("title", fact), kind="shade", cx=across(each.confidence),
                    cy=up(each.accuracy), r=radius)
        )  # fmt: skip
    picture.label = f"Accuracy by confidence. {'; '.join(facts)}."
    return picture


def interval_bar(estimate: Estimate) -> Drawing | None:
    """Draw a share between 0 and 1 as a dot on its interval; None if it is undefined."""
    if math.isnan(estimate.value):
        return None
    picture = Drawing("bar", 120, 14)
    x = svg.linear(0.0, 1.0, 4, 116)
    picture.add(svg.line("grid", 4, 7, 116, 7))
    if math.isfinite(estimate.low):
        picture.add(svg.line("reach", x(estimate.low), 7, x(estimate.high), 7))
    picture.add(element("circle", cx=x(estimate.value), cy=7, r=3.5))
    return picture
