"""Charts of predictions: confusions, reliability, intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, text
from genrelab.statistics.bootstrap import Estimate, percent
from genrelab.statistics.calibration import Bin


def confusions(
    genres: Sequence[str],
    counts: npt.NDArray[Any],
    shares: Sequence[Sequence[Estimate]],
    *,
    per_cent: bool = False,
    items: str = "tracks",
    title: str = "",
) -> Drawing:
    """Draw a confusion matrix: the shade is the share of the row, the number the count.

    Parameters
    ----------
    genres : sequence of str
        Names of rows and columns.
    counts : np.ndarray [shape=(genres, genres)]
        Number of tracks of each true genre (rows) with each predicted genre.
    shares : sequence of sequence of Estimate
        Their shares of the rows.
    per_cent : bool
        Write the shares of the rows in per cent, not the counts.
    items : str
        What is counted.
    title : str
        Written above; empty for a matrix below a heading.

    Returns
    -------
    Drawing
        Pointing at a cell shows its share with the interval.
    """
    k = len(genres)
    cell = 46 if k <= 12 else max(24, 552 // k)
    names = [svg.cut(genre, 18) for genre in genres]
    longest = max(map(len, names))
    above = 26 if title else 0
    left, top = 20 + 7.4 * longest, 30 + 5.4 * longest + above
    right = left + k * cell + 12
    slanted_end = left + (k - 0.5) * cell + 5.6 * len(names[-1]) + 6
    picture = Drawing("confusion", max(right + 7.0 * len(items), slanted_end), top + k * cell + 10)
    picture.add(
        text("predicted genre", left, 12 + above),
        text("true genre", left - 10, top - 12, anchor="end"),
        text(items, right, top - 12),
    )
    if title:
        picture.title(title)
    correct = []
    for i, name in enumerate(names):
        middle, total = (i + 0.5) * cell, int(counts[i].sum())
        y = top + middle + 4
        picture.add(
            svg.slanted(name, left + middle, top - 10, -45, kind=None),
            text(name, left - 10, y, anchor="end", kind=None),
            text(str(total), right, y),
        )
        correct.append(f"{genres[i]}: {int(counts[i, i])} of {total} correct.")
    for i, row in enumerate(shares):
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
                    text(_cell(int(counts[i, j]), share, per_cent), x + cell / 2, y + cell / 2 + 4,
                         anchor="middle", kind=None),
                )
            )  # fmt: skip
    named = f"{title}: confusion matrix" if title else "Confusion matrix"
    picture.label = f"{named} of {int(counts.sum())} {items}. {' '.join(correct)}"
    return picture


def _cell(count: int, share: Estimate, per_cent: bool) -> str:
    if not count:
        return ""
    return f"{100 * share.value:.0f}" if per_cent else str(count)


def reliability_diagram(bins: Sequence[Bin]) -> Drawing:
    """Draw accuracy against confidence.

    Parameters
    ----------
    bins : sequence of Bin
        As `genrelab.statistics.calibration.reliability` returns them.

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
