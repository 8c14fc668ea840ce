"""The file for a DJ program: its format, and whether it may be replaced."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Literal

from genrelab.errors import UsageError
from genrelab.library.dj.rekordbox import write_rekordbox
from genrelab.library.dj.track import DjTrack
from genrelab.library.dj.traktor import write_traktor

_MARKS = (b'<PRODUCT Name="genrelab"', b'<HEAD COMPANY="genrelab"')
_HEAD_BYTES = 512  # they are in the first three lines


def write_for(
    path: Path, format: Literal["rekordbox", "traktor"] | None
) -> Callable[[Iterable[DjTrack], BinaryIO], None]:
    """Return what writes a file: in the given format, or else in that of its suffix."""
    if format is None:
        format = "traktor" if path.suffix.lower() == ".nml" else "rekordbox"
    return write_traktor if format == "traktor" else write_rekordbox


def check_target(path: Path) -> None:
    """Check that a file may be written: a collection of a DJ program must not be lost.

    Parameters
    ----------
    path : Path

    Raises
    ------
    UsageError
        If there is a file that is neither empty nor a collection by genrelab, or that cannot be read.
    """
    if not os.path.isfile(path):
        return  # whatever else it is, `open_output` checks
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}. Name another file."
        raise UsageError(message, code="output-unreadable") from error
    if head and not any(mark in head for mark in _MARKS):
        message = f"{path} was not written by genrelab and is not replaced. Name another file."
        raise UsageError(message, code="output-foreign")
