"""Figures of paper `soundfusion`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from genrelab.lab.reports.plots import Axis, Mark, percent, points
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.curves import histories
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.papers.content import Content, Draw
from genrelab.lab.studies.figures.papers.results import accuracies, confusion_of, described, mean_text
from genrelab.lab.studies.figures.plates import Listing

_FAMILIES = {"resnet1d": "ResNet1D", "resnet2d": "ResNet2D"}
_SIZES = {"s": "small", "m": "medium", "l": "large"}
_SYSTEMS = {
    "SoundFusion-1": ("soundfusion/soundfusion-1",),
    "ResNet1D": ("soundfusion/resnet1d-m", "soundfusion/resnet1d-s", "soundfusion/resnet1d-l"),
    "ResNet2D": (
        "soundfusion/resnet2d-s", "soundfusion/resnet2d-m", "soundfusion/resnet2d-l", "soundfusion/resnet34",
    ),
}  # fmt: skip


def _accuracy_by_size(material: Material, entry: Entry) -> Content:
    """Draw accuracy by number of parameters; the area of a mark is the time of an epoch."""
    by_recipe = material.of(entry.recipes)
    seconds = {name: statistics.fmean(map(seconds_per_epoch, runs)) for name, runs in by_recipe.items()}
    longest = max(seconds.values()) or 1.0
    marks, rows = [], []
    for name, runs in by_recipe.items():
        family, _, size = name.split("/")[1].partition("-")
        found = accuracies(runs, "segment")
        if not found:
            continue
        parameters, value = runs[0].record.parameters, statistics.fmean(found)
        label = f"{_SIZES[size]}, {seconds[name]:,.0f} s"
        marks.append(Mark(parameters, value, _FAMILIES[family], seconds[name] / longest, label))
        rows.append(
            (name, f"{parameters:,}", mean_text(found), f"{seconds[name]:.1f}", runs[0].record.device)
        )
    chart = points(
        "Accuracy and time by size", marks, Axis("parameters"), Axis("test accuracy of segments", percent),
        note="area: seconds per epoch",
    )  # fmt: skip
    headings = ("recipe", "parameters", "test accuracy of segments", "seconds per epoch", "device")
    return Content(
        [chart],
        [Listing("The runs", headings, rows, (1, 2, 3))],
        ["Seconds per epoch include validation, on the machine that trained and whatever else ran on it."],
    )


def seconds_per_epoch(run: Run) -> float:
    """Return the median time of the epochs of a run."""
    found = [row["seconds"] for row in histories(run) if row.get("seconds", 0) > 0]
    return (
        statistics.median(found) if found else run.record.training_seconds / max(1, run.record.epoch.trained)
    )


def _confusions(material: Material, entry: Entry) -> Content:
    by_recipe = material.of(entry.recipes)
    pictures, notes = [], []
    for title, names in _SYSTEMS.items():
        name = next((each for each in names if each in by_recipe), None)
        if name is None:
            notes.append(f"{title}: no run was given; genrelab train {names[0]} makes one.")
            continue
        runs = by_recipe[name]
        pictures.append(confusion_of(runs, "track", title=f"{title}, per cent"))
        notes.append(f"{described(runs)} Accuracy of tracks: {mean_text(accuracies(runs, 'track'))}.")
    return Content(pictures, notes=notes)


FIGURES: Mapping[str, Draw] = {"1": _accuracy_by_size, "2": _confusions}
