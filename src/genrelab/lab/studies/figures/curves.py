"""Losses and accuracies of several runs by epoch, overlaid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from genrelab.errors import RunError, UsageError
from genrelab.lab.reports.plots import Axis, Curve, curves
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.plates import Drawn, Listing, Plate
from genrelab.lab.training.checkpoints import read_history
from genrelab.pages import svg
from genrelab.pages.svg import Drawing

_FIGURES = {
    "train_loss": "Training loss",
    "valid_loss": "Validation loss",
    "train_accuracy": "Training accuracy",
    "valid_accuracy": "Validation accuracy",
}
_MOST = 12  # curves that a picture holds


def loss_plates(material: Material) -> Drawn:
    """Draw losses and accuracies of runs by epoch, and list the kept epochs.

    Raises
    ------
    UsageError
        If there are no runs, or more than a picture holds.
    RunError
        If a run has no readable history.
    """
    runs = material.runs
    if not runs or len(runs) > _MOST:
        raise UsageError(
            f"{len(runs)} runs found: a picture holds 1 to {_MOST} curves. Name the run folders to compare",
            code="runs-for-curves",
        )
    names = run_names(runs)
    plates = [
        Plate(key.replace("_", "-"), title, [picture])
        for key, title in _FIGURES.items()
        if (picture := history_chart(runs, names, key)) is not None
    ]
    rows = []
    for name, run in zip(names, runs, strict=True):
        epoch = run.record.epoch
        last = histories(run)[-1]
        rows.append(
            (
                name,
                run.record.corpus.name,
                run.record.split.name,
                run.record.seed,
                epoch.trained,
                epoch.chosen + 1,
                svg.brief(last.get("train_loss", math.nan)),
                str(run.folder),
            )
        )
    headings = ("run", "corpus", "split", "seed", "epochs", "kept epoch", "last training loss", "folder")
    table = Listing("The runs", headings, rows, (3, 4, 5, 6))
    return Drawn("Losses of several runs", [*plates, Plate("runs", "Runs", tables=[table])])


def run_names(runs: Sequence[Run]) -> list[str]:
    """Name runs by their recipes, with as much more as distinguishes those of one recipe."""
    parts = [
        (run.recipe.name, run.record.corpus.name, run.record.split.name, f"seed {run.record.seed}")
        for run in runs
    ]
    names = [part[0] for part in parts]
    for more in (1, 2, 3):
        counts = Counter(names)
        different = {
            name: len({part[more] for part, each in zip(parts, names, strict=True) if each == name}) > 1
            for name in counts
        }
        names = [
            f"{name}, {part[more]}" if different[name] else name
            for name, part in zip(names, parts, strict=True)
        ]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name}, {run.folder}" for name, run in zip(names, runs, strict=True)
    ]


def histories(run: Run) -> list[dict[str, float]]:
    """Return the history of a run, one row per epoch.

    Raises
    ------
    RunError
        If the file is missing or damaged, or has no epoch.
    """
    try:
        rows = [dict(row) for row in read_history(run.folder)]
    except (OSError, ValueError) as error:
        raise RunError(
            f"cannot read the history of {run.folder}: {error}. Copy the whole run folder, or train again",
            code="history-unreadable",
        ) from error
    if not rows:
        raise RunError(f"the history of {run.folder} has no epoch; train again", code="history-unreadable")
    return rows


def history_chart(runs: Sequence[Run], names: Sequence[str], column: str) -> Drawing | None:
    """Draw one column of the histories of runs by epoch, counted from 1; None if no run has it."""
    lines: list[Curve] = []
    for name, run in zip(names, runs, strict=True):
        points = [
            (1 + row.get("epoch", number), row.get(column, math.nan))
            for number, row in enumerate(histories(run))
        ]
        if any(math.isfinite(y) for _, y in points):
            lines.append(Curve(name, points, _dash(len(lines))))
    if not lines:
        return None
    return curves(_FIGURES[column], lines, Axis("epoch"), Axis(column.split("_")[1]), from_zero=True)


def _dash(number: int) -> str:
    return "" if number < 6 else "dashed"
