"""What a figure consists of: pictures, tables, and a line that says from what they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from genrelab.pages.svg import Drawing

Cell = str | int | float


@dataclass(frozen=True)
class Listing:
    """A table of a figure.

    Attributes
    ----------
    caption : str
    headings : tuple of str
    rows : tuple of tuple
        One cell per heading; the first names the row.
    numbers : tuple of int
        The columns with numbers.
    marked : tuple of int
        Numbers of the rows that are not measured here but taken from the literature.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: Sequence[int] = ()
    marked: Sequence[int] = ()

    def kinds(self) -> list[str]:
        """Return the CSS class of each row."""
        return ["literature" if at in self.marked else "" for at in range(len(self.rows))]


@dataclass(frozen=True)
class Plate:
    """A figure or a table, drawn.

    Attributes
    ----------
    name : str
        For names of files, such as `9` or `table-3`.
    title : str
    pictures : sequence of Drawing
    tables : sequence of Listing
    notes : sequence of str
        From what it is drawn, and what it does not show.
    wide : bool
        Whether pictures take the whole width of a page, one below the other.
    """

    name: str
    title: str
    pictures: Sequence[Drawing] = ()
    tables: Sequence[Listing] = ()
    notes: Sequence[str] = ()
    wide: bool = False


@dataclass(frozen=True)
class Drawn:
    """The content of a page: its title, and its figures in order."""

    title: str
    plates: Sequence[Plate]
    facts: dict[str, str] = field(default_factory=dict)
