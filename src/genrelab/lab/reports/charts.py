"""The charts of a report page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from genrelab.lab.metrics.scores import LevelScores
from genrelab.pages import svg
from genrelab.pages.charts import confusions, interval_bar, reliability_diagram
from genrelab.pages.svg import Drawing, text

__all__ = [
    "PART_NAMES",
    "Panel",
    "confusion_matrix",
    "interval_bar",
    "learning_curves",
    "reliability_diagram",
]

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
    """Draw the confusion matrix of tracks under one voting rule; see `genrelab.pages.charts.confusions`."""
    return confusions(genres, scores.confusion, scores.shares)


def learning_curves(history: Sequence[Mapping[str, float]], *, chosen_on: str = "valid") -> list[Drawing]:
    """Draw loss, accuracy and (where given) learning rate by epoch.

    Parameters
    ----------
    history : sequence of mapping
        One per epoch, with some of `epoch` (counted from 0; charts count from 1), `train_loss`,
        `train_accuracy`, `valid_loss`, `valid_accuracy`, `learning_rate`, and `best` = 1 on the epoch whose
        weights were kept.
    chosen_on : {"valid", "test", "none"}
        The part whose figures the columns `valid_...` hold.

    Returns
    -------
    list of Drawing
        One per figure that has finite values. A single epoch makes no curve: its values are marked.
    """
    epochs = [1 + float(row.get("epoch", number)) for number, row in enumerate(history)]
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
            drawn.append(_curves(title, epochs, finite, best) if len(epochs) > 1 else _single(title, finite))
    return drawn


def _single(title: str, lines: Sequence[tuple[str, str, list[float]]]) -> Drawing:
    """Draw the values of the only epoch, one mark per part, with the number above it."""
    panel = Panel(title, [0.0, *(ys[0] for *_, ys in lines)], note="after the only epoch")
    step = (panel.right - panel.left) / (len(lines) + 1)
    facts = []
    for number, (name, label, (value,)) in enumerate(lines, start=1):
        x, y = panel.left + step * number, panel.y(value)
        panel.add(
            svg.path(f"curve {name}", f"M{x - 28:.1f} {y:.1f}h56"),
            text(f"{value:.3g}", x, y - 7, anchor="middle"),
            text(label, x, panel.bottom + 16, anchor="middle"),
        )
        facts.append(f"{label} {value:.3g}".strip())
    panel.label = f"{title} after the only epoch: {', '.join(facts)}."
    return panel


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
