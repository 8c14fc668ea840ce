"""The result of teaching in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import BinaryIO

from genrelab.console import plain_table, write_console
from genrelab.printing import counted
from genrelab.recognize.writers.table import percent as percent_of
from genrelab.statistics.bootstrap import percent
from genrelab.teach.advice import Outcome, advice, warnings

MOST_GENRES = 60
"""Genres in the table; of more, the ones with the lowest recall."""
SUSPECTS = 10


def write_summary(outcome: Outcome, out: BinaryIO) -> None:
    """Write tables of the genres and of the labels that are probably wrong."""
    taught = outcome.taught
    table = plain_table()
    for name, right in (("genre", False), ("examples", True), ("recall", True), ("precision", True)):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    if taught.multi:
        table.add_column("average precision", justify="right")
        table.add_column("AUC", justify="right")
    genres = sorted(taught.figures.genres, key=lambda each: (_known(each.recall.value), each.genre))
    for each in sorted(genres[:MOST_GENRES], key=lambda each: each.genre):
        cells = [each.genre, f"{each.examples:,}", percent(each.recall), percent(each.precision)]
        if each.average_precision is not None and each.auc is not None:
            cells += [percent(each.average_precision), percent(each.auc)]
        table.add_row(*cells)
    write_console(out, table)
    if taught.suspects:
        out.write(b"\n")
        table = plain_table()
        table.add_column("labels that are probably wrong", overflow="fold")
        for name in ("labelled", "predicted", "probability"):
            table.add_column(name, overflow="fold", justify="right" if name == "probability" else "left")
        for suspect in taught.suspects[:SUSPECTS]:
            table.add_row(
                taught.examples.paths[suspect.example],
                ", ".join(taught.examples.genres[suspect.example]),
                taught.head.genres[suspect.genre],
                percent_of(suspect.other),
            )
        write_console(out, table)
    out.write(b"\n")


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield the result in a few lines."""
    taught = outcome.taught
    figures = taught.figures
    kind = "by other artists than those learned" if taught.by_group else "of the same artists"
    yield f"{counted(len(taught.examples), 'example')}, {counted(len(taught.head.genres), 'genre')}"
    if figures.mean_average_precision is not None and figures.mean_auc is not None:
        yield (
            f"mean average precision {percent(figures.mean_average_precision)}, AUC "
            f"{percent(figures.mean_auc)}, for tracks {kind}"
        )
    yield f"balanced accuracy {percent(figures.balanced_accuracy)}, for tracks {kind}"
    threshold = figures.threshold
    if threshold.confidence > 0:
        yield (
            f"unsure below a confidence of {threshold.confidence:.2f}: answers for "
            f"{100 * threshold.answered:.0f} % of tracks, {percent(threshold.precision)} of them right"
        )
    else:
        yield f"never unsure: all answers together are right for {percent(threshold.precision)} of tracks"
    yield from warnings(outcome)
    yield from advice(outcome)


def _known(value: float) -> float:
    return 2.0 if math.isnan(value) else value
