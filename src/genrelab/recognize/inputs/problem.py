"""Paths that lead to no sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that leads to no file.

    Parameters
    ----------
    path : Path
        The path.
    message : str
        What is wrong with it, and the remedy.
    """

    path: Path
    message: str


def why(error: Exception) -> str:
    """Return what the system says about a path."""
    return getattr(error, "strerror", None) or str(error)
