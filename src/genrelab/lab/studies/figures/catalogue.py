"""The figures and tables of the papers, from `catalogue.yaml`: numbers, captions, and what each needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from genrelab.errors import UsageError
from genrelab.lab.registry import closest

Needs = Literal["nothing", "song", "songs", "runs", "table"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """A figure or a table of a paper.

    Attributes
    ----------
    caption : str
    needs : {"nothing", "song", "songs", "runs", "table"}
        What it is drawn from; `table` is a record of `genrelab reproduce`. A song has a default.
    also : "runs" or None
        Whether runs, where given, are drawn too.
    recipes : tuple of str
        Recipes whose runs it shows.
    styles : tuple of str
        Styles of the composed pieces that it shows where no song is given.
    reproduce : str or None
        The table of `genrelab reproduce`.
    """

    caption: str
    needs: Needs
    also: Literal["runs"] | None = None
    recipes: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    reproduce: str | None = None


class Paper(_Strict):
    """A paper: its title, and its figures and tables by number."""

    title: str
    drawn: dict[str, Entry] = Field(min_length=1)

    def chosen(self, numbers: Sequence[str]) -> list[str]:
        """Return the numbers in the order of the paper; all if none are given.

        Raises
        ------
        UsageError
            If the paper has no such figure or table.
        """
        wanted = {_number(each, self.drawn) for each in numbers}
        return [number for number in self.drawn if not wanted or number in wanted]


def _number(text: str, known: dict[str, Entry]) -> str:
    """Return the number of `9`, `figure-9`, `Figure 9`, `table-3` or `Table 3`."""
    number = "-".join(text.casefold().split()).removeprefix("figure-")
    if number not in known:
        hint = closest(number, known, then="`genrelab figures list` shows all figures and tables")
        raise UsageError(
            f"the paper has no figure {text!r}; {hint}",
            code="figure-unknown",
        )
    return number


@cache
def papers() -> dict[str, Paper]:
    """Return the papers by short name."""
    text = (files(__package__) / "catalogue.yaml").read_text(encoding="utf-8")
    return {name: Paper.model_validate(paper) for name, paper in yaml.safe_load(text).items()}


def paper(name: str) -> Paper:
    """Return a paper by short name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in papers():
        raise UsageError(f"unknown paper {name!r}; {closest(name, papers())}", code="paper-unknown")
    return papers()[name]


def label(number: str) -> str:
    """Return `Figure 9` or `Table 3`."""
    table = number.removeprefix("table-")
    return f"Figure {number}" if table == number else f"Table {table}"


def command(name: str, number: str) -> str:
    """Return the command line that draws a figure, with words in capitals for what it needs."""
    entry = papers()[name].drawn[number]
    words = {"song": " [--song FILE]", "songs": " [--song FILE]...", "runs": " --run FOLDER...",
             "table": " [--run FOLDER]"}.get(entry.needs, "")  # fmt: skip
    return f"genrelab figures {name} {number}{words}{' [--run FOLDER]...' if entry.also else ''}"
