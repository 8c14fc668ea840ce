"""`--by album|folder`: what the commands share that give one genre to the tracks of an album."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.progress import Report

if TYPE_CHECKING:
    from genrelab.recognize.albums import AlbumTags, Places, ReadTags
    from genrelab.recognize.scan import Found

By = Literal["album", "folder"]

ByOption = Annotated[
    By | None,
    typer.Option(
        "--by",
        help="One genre per album (by tags, else the folder), or per folder with its discs; a CUE sheet is "
        "an album.",
    ),
]


def tag_reader(by: By, total: int, report: Report | None) -> ReadTags | None:
    """Return what reads the tags of albums, and shows how many files were read; None for folders.

    Parameters
    ----------
    by : {"album", "folder"}
    total : int
        Number of files.
    report : callable or None
        Shows the progress.
    """
    if by == "folder":
        return None
    from genrelab.library.album_tags import read_album_tags

    done = 0

    def read(path: Path) -> AlbumTags:
        nonlocal done
        done += 1
        if report is not None:
            report("reading tags", done, total)
        return read_album_tags(path)

    return read


def find_places(found: Sequence[Found], by: By, report: Report | None) -> Places:
    """Return the album of each file."""
    from genrelab.recognize.albums import places_by_folder, places_by_tags

    read = tag_reader(by, len(found), report)
    return places_by_folder(found) if read is None else places_by_tags(found, read)
