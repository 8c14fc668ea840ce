"""Find the architecture of a file of weights, and the names of its tags."""

from __future__ import annotations

from pathlib import Path

import torch

from genrelab.errors import RecipeError
from genrelab.lab.models.weights_file import listed, read_weights
from genrelab.lab.teachers.base import TEACHERS, Teacher

_LONGEST_NAMES = 1_000_000  # bytes of a file of names


def load_teacher(path: Path) -> Teacher:
    """Build the teacher that a file of weights belongs to.

    Parameters
    ----------
    path : Path
        `.safetensors`, `.pt` or `.pth`. The keys and shapes decide the architecture.

    Raises
    ------
    RecipeError
        If the file cannot be read, its values or its answers are not finite, or it fits no registered
        architecture.
    """
    weights = read_weights(path)
    broken = [key for key, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise RecipeError(
            f"the teacher {path} holds values that are not finite: {listed(broken)}",
            code="teacher-not-finite",
        )
    for name in TEACHERS:
        architecture = TEACHERS.get(name)
        # New layers draw random weights: a training must start the same whenever its teacher is loaded.
        with torch.random.fork_rng(devices=[]):
            made = None if architecture is None else architecture.from_weights(weights)
        if made is not None:
            _try(made, path)
            return made
    raise RecipeError(
        f"the weights {path} belong to no teacher that genrelab knows ({', '.join(sorted(TEACHERS))}). Their "
        f"keys are {listed(sorted(weights))}. A plugin can register another architecture",
        code="teacher-unknown",
    )


def _try(teacher: Teacher, path: Path) -> None:
    """Ask a teacher about silence, which shows values that are not finite, such as roots of variances."""
    silence = teacher(torch.zeros(1, teacher.shortest))
    broken = [name for name, values in silence.items() if not values.isfinite().all()]
    if broken:
        raise RecipeError(
            f"the teacher {path} gives values that are not finite for silence: {listed(broken)}. Its weights "
            "are damaged; take another file",
            code="teacher-not-finite",
        )


def read_tag_names(path: Path, *, count: int) -> tuple[str, ...]:
    """Read the names of a teacher's tags: one per line, in the order of its outputs.

    Raises
    ------
    RecipeError
        If the file cannot be read, or does not name `count` different tags.
    """
    try:
        if path.stat().st_size > _LONGEST_NAMES:
            raise ValueError(f"it has more than {_LONGEST_NAMES:,} bytes")
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"cannot read the names of a teacher's tags {path}: {error}. Give a text file with one name "
            "per line",
            code="tag-names-unreadable",
        ) from error
    names = tuple(line for line in lines if line)
    if len(names) != count or len(set(names)) != count:
        raise RecipeError(
            f"{path} names {len(set(names))} different tags in {len(names)} lines; the teacher has {count}",
            code="tag-names-count",
        )
    return names
