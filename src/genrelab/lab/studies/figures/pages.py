"""Figures as files: one page, each picture as SVG, images of pixels as PNG, tables as CSV."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import ascii_lowercase

from genrelab.csv_text import csv_lines
from genrelab.errors import UsageError
from genrelab.files import replace_file, replace_text
from genrelab.lab.studies.figures.plates import Drawn, Plate
from genrelab.lab.studies.figures.raster import Picture
from genrelab.pages.render import render


def write_figures(drawn: Drawn, stem: str, out: Path, *, page: str = "") -> tuple[Path, list[Path]]:
    """Write a page and its pictures, each whole or not at all.

    Parameters
    ----------
    drawn : Drawn
    stem : str
        Of the names of files.
    out : Path
        The folder; it is made.
    page : str
        Name of the page without suffix; `stem` if empty.

    Returns
    -------
    page : Path
    pictures : list of Path
        SVG, PNG and CSV files, in the order of the page.

    Raises
    ------
    UsageError
        If the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot make the folder {out}: {error.strerror}. Choose another --out", code="figures-folder"
        ) from error
    written = [path for plate in drawn.plates for path in _write(plate, stem, out)]
    made = out / f"{page or stem}.html"
    replace_text(made, render("lab/studies/figures/figures.html", title=drawn.title, drawn=drawn))
    return made, written


def _write(plate: Plate, stem: str, out: Path) -> list[Path]:
    written = []
    for at, picture in enumerate(plate.pictures):
        name = f"{stem}-{plate.name}{_letter(at, len(plate.pictures))}"
        written.append(out / f"{name}.svg")
        replace_text(written[-1], picture.document(style_sheet()))
        if isinstance(picture, Picture):
            written.append(out / f"{name}.png")
            replace_file(written[-1], _writer(picture.png))
    for at, table in enumerate(plate.tables):
        written.append(out / f"{stem}-{plate.name}{_letter(at, len(plate.tables))}.csv")
        replace_text(written[-1], csv_lines([list(table.headings), *map(list, table.rows)]))
    return written


def _writer(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _letter(at: int, count: int) -> str:
    """Return the suffix of the name of one of several files."""
    return "" if count == 1 else f"-{ascii_lowercase[at]}" if count <= len(ascii_lowercase) else f"-{at + 1}"


@cache
def style_sheet() -> str:
    """Return the style sheet of a picture in a file of its own, for light and for dark pages."""
    package = files("genrelab")
    parts = [
        (package / name).read_text(encoding="utf-8")
        for name in ("pages/colours.css", "pages/pictures.css", "lab/studies/figures/figures.css")
    ]
    return "\n".join([*parts, "svg { background: var(--paper); font-family: system-ui, sans-serif; }"])
