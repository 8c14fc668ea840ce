"""Which rows a paper's table has, and how the paper measured them: YAML that comes with genrelab."""

from __future__ import annotations

import re
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from genrelab.errors import UsageError
from genrelab.lab.recipes.schema import Metric
from genrelab.lab.registry import closest

_ALL_FOLDS = re.compile(r"((?:artist-)?kfold):\*/(\d+)")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(_Strict):
    """An earlier training that a row goes on from, on another corpus."""

    recipe: str
    corpus: str = Field(description="the paper's, for the message that asks for one")


class Row(_Strict):
    """One line of a table.

    `sound` changes the corpus's sound, as in front of a corpus spec (`mp3@bitrate=128`).
    """

    recipe: str
    sound: str | None = None
    start: Start | None = None

    @property
    def key(self) -> str:
        """What names the row: its recipe."""
        return self.recipe


class Table(_Strict):
    """A table of a paper.

    `splits` names every corpus that the paper trained on, with the split that it took there, as far as
    genrelab can make it; the first corpus is the one that `--list` and messages speak of. `elsewhere` is
    another corpus on which the paper tested what it had trained.
    """

    name: str
    title: str
    paper: str
    splits: dict[str, str] = Field(min_length=1)
    elsewhere: str | None = None
    figures: tuple[Metric, ...] = Field(min_length=1)
    protocol: str
    rows: tuple[Row, ...] = Field(min_length=1)

    @property
    def corpora(self) -> tuple[str, ...]:
        """The corpora that the paper trained on."""
        return tuple(self.splits)

    def split_on(self, corpus: str) -> str:
        """Return the paper's kind of split on a corpus; on one that it did not use, that of its first.

        Parameters
        ----------
        corpus : str
            Its name before any change of its sound.
        """
        return self.splits.get(corpus, self.splits[self.corpora[0]])


def table_names() -> list[str]:
    """Return the names of the tables that can be reproduced, e.g. `soundfusion-2`."""
    folder = files(__package__) / "tables"
    return sorted(each.name.removesuffix(".yaml") for each in folder.iterdir() if each.name.endswith(".yaml"))


def load_table(name: str) -> Table:
    """Read a table that comes with genrelab.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in table_names():
        raise UsageError(f"unknown table {name!r}; {closest(name, table_names())}", code="table-unknown")
    text = (files(__package__) / "tables" / f"{name}.yaml").read_text(encoding="utf-8")
    return Table.model_validate({"name": name, **yaml.safe_load(text)})


def each_fold(split: str) -> list[str]:
    """Return the kinds of split that `kfold:*/10` stands for: all ten; any other stands for itself."""
    found = _ALL_FOLDS.fullmatch(split)
    return [f"{found[1]}:{fold}/{found[2]}" for fold in range(int(found[2]))] if found else [split]
