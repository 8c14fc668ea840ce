"""What the drawing of one figure returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.plates import Listing
from genrelab.pages.svg import Drawing


@dataclass(frozen=True)
class Content:
    """Pictures, tables and notes of a figure."""

    pictures: Sequence[Drawing] = ()
    tables: Sequence[Listing] = ()
    notes: Sequence[str] = ()
    wide: bool = False


Draw = Callable[[Material, Entry], Content]
