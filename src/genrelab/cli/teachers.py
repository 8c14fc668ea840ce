"""The options that name teacher networks, for all commands that train."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Teachers = Annotated[
    list[Path] | None,
    typer.Option(
        "--teacher",
        help="The weights of a teacher network, which processes every view: a .safetensors or "
        ".pt file. Repeatable.",
    ),
]
TeacherTags = Annotated[
    list[Path] | None,
    typer.Option(
        "--teacher-tags",
        help="A text file with the names of the teacher's tags, one per line. One for each --teacher, in the "
        "same order.",
    ),
]


def teacher_changes(weights: Sequence[Path] | None, tags: Sequence[Path] | None) -> list[str]:
    """Return the changes of a recipe that name its teachers.

    Raises
    ------
    UsageError
        If there are names of tags, but not for every teacher.
    """
    from genrelab.errors import UsageError

    if tags and len(tags) != len(weights or ()):
        raise UsageError(
            f"there are {len(tags)} files of --teacher-tags for {len(weights or ())} of --teacher; give one "
            "for each, in the same order",
            code="teacher-tags-count",
        )
    if not weights:
        return []
    files = [
        {"weights": str(file), **({"tags": str(tags[number])} if tags else {})}
        for number, file in enumerate(weights)
    ]
    return [f"distill.teachers={json.dumps(files)}"]
