"""Charts of a reproduced table, from its record: the paper's figures, ours, intervals, single runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.lab.reports.plots import Bar, bars
from genrelab.pages.charts import confusions
from genrelab.pages.svg import Drawing
from genrelab.statistics.bootstrap import Estimate


def record_charts(record: Mapping[str, Any]) -> list[Drawing]:
    """Draw one chart per figure of the table: a bar per row, one series per split."""
    lines = record["lines"]
    recipes = list(dict.fromkeys(line["recipe"] for line in lines))
    splits = list(dict.fromkeys(line["split"] for line in lines))
    metrics = list(dict.fromkeys(metric for line in lines for metric in line["figures"]))
    found = {(line["recipe"], line["split"]): line for line in lines}
    drawn = []
    for metric in metrics:
        series = {
            f"split {split}": [_bar(found.get((recipe, split)), metric) for recipe in recipes]
            for split in splits
        }
        if any(bar.value is not None or bar.paper is not None for each in series.values() for bar in each):
            names = [recipe.split("/")[-1] for recipe in recipes]
            title = metric.replace("_", " ").capitalize()
            drawn.append(
                bars(title, names, series, note="line: the paper; dots: runs; whisker: 95 % interval")
            )
    return drawn


def _bar(line: Mapping[str, Any] | None, metric: str) -> Bar:
    figure = line["figures"].get(metric) if line else None
    if figure is None:
        return Bar(None)
    paper = figure["paper"]["value"] if figure["paper"] else None
    if figure["ours"] is None:
        return Bar(None, paper=paper)
    ours = figure["ours"]
    folds = tuple(each["value"] for each in figure["runs"])
    return Bar(ours["value"], ours["low"], ours["high"], folds, paper)


def record_confusions(record: Mapping[str, Any]) -> list[Drawing]:
    """Draw the confusion matrix of each line in per cent; records before format 3 hold none."""
    drawn = []
    for line in record["lines"]:
        found = line.get("confusion")
        if not found:
            continue
        title = f"{line['recipe'].split('/')[-1]}, {line['split']}"
        drawn.append(confusion_in_per_cent(found["genres"], np.array(found["counts"]), title=title))
    return drawn


def confusion_in_per_cent(
    genres: Sequence[str], counts: npt.NDArray[Any], *, items: str = "tracks", title: str = ""
) -> Drawing:
    """Draw a confusion matrix in per cent of each true genre."""
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, counts / np.maximum(sums, 1), math.nan)
    estimates = [[Estimate(float(value), math.nan, math.nan) for value in row] for row in shares]
    return confusions(genres, counts, estimates, per_cent=True, items=items, title=title)
