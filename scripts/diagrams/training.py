"""A training: what happens from the corpus to the report, and the files that each step writes."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.diagrams.drawing import STYLE, Diagram

from genrelab.lab.runs import file_names as files

OPTIONAL = {files.WEIGHTS, files.LEARNED, files.COPIES, files.TAGGED, files.TAGS, "plugins.json"}
"""Files that only some runs have."""


@dataclass(frozen=True)
class Step:
    """A step: its title, what it does in a line, and the files that it writes."""

    title: str
    does: str
    writes: tuple[str, ...] = ()


STEPS = (
    Step(
        "Claim the folder",
        "recipe, split and hashes of all that decides the result",
        (
            files.RECIPE,
            files.SPLIT,
            files.SOUND,
            files.WEIGHTS,
            files.LEARNED,
            files.COPIES,
            files.TAGGED,
            "plugins.json",
        ),
    ),
    Step("Decode once", "every clip into a memory-mapped store in the cache folder"),
    Step(
        "Train, epoch by epoch",
        "segments → augmentation → front-end → network → loss",
        ("history.csv", "log/", "last.ckpt"),
    ),
    Step("Choose the epoch", "the weights of the best epoch on validation clips", ("best.safetensors",)),
    Step(
        "Test once",
        "every segment of the test clips; votes per track",
        (files.PREDICTIONS, files.TAGS, "sounds.csv"),
    ),
    Step("Check", "leaks between the parts; a collapsed network"),
    Step("Export", "the graph, compared with PyTorch before it is put in place", (files.MODEL,)),
    Step("Report", "figures with intervals, curves, confusion, mistakes", (files.REPORT,)),
    Step("Finish", "the record; a run without it goes on when it is started again", (files.METRICS,)),
)
PARTS = {"train": 2, "valid": 3, "test": 4}
"""Part of the split -> the step that reads it."""


def draw() -> str:
    """Return the picture."""
    tall, gap, top = 50, 16, 62
    diagram = Diagram(
        900,
        top + len(STEPS) * (tall + gap) + 26,
        "The steps of a training from top to bottom, with the part of the split that each reads on the left "
        "and the files that it writes on the right.",
    )
    diagram.words("corpus + split", 75, 34, anchor="middle", kind="head")
    diagram.words("what happens", 365, 34, anchor="middle", kind="head")
    diagram.words("what it leaves in the run folder", 600, 34, kind="head")
    for number, step in enumerate(STEPS):
        y = top + number * (tall + gap)
        diagram.box("plain", 180, y, 380, tall, f"{number + 1}. {step.title}", step.does)
        if number:
            diagram.arrow((370, y - gap), (370, y))
        if step.writes:
            diagram.arrow((560, y + tall / 2), (592, y + tall / 2))
            _files(diagram, step.writes, 600, y, tall)
        else:
            diagram.words("–", 600, y + tall / 2 + 5)
    for part, number in PARTS.items():
        y = top + number * (tall + gap)
        diagram.box("shared", 20, y + 8, 110, tall - 16, f"`{part}")
        diagram.arrow((130, y + tall / 2), (180, y + tall / 2))
    diagram.words("* only in runs that need it", 600, top + len(STEPS) * (tall + gap) + 10)
    return diagram.document(STYLE)


def _files(diagram: Diagram, names: tuple[str, ...], x: float, y: float, tall: float) -> None:
    """Write the names of files in rows of two."""
    rows = [names[first : first + 2] for first in range(0, len(names), 2)]
    first = y + tall / 2 - 8.5 * (len(rows) - 1) + 4
    for number, row in enumerate(rows):
        for column, name in enumerate(row):
            diagram.words(f"`{name}{'*' * (name in OPTIONAL)}", x + 4 + 148 * column, first + 17 * number)
