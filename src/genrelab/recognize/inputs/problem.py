"""Paths that do not lead to audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that does not lead to an audio file.

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
    """Return the system's description of an error."""
    return getattr(error, "strerror", None) or str(error)
