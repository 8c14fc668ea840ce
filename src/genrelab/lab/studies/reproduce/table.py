"""The tables of the papers: their rows, and how the paper measured them, in YAML files of the package."""

from __future__ import annotations

import re
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from genrelab.errors import UsageError
from genrelab.lab.recipes.reported import Metric
from genrelab.lab.registry import closest

_ALL_FOLDS = re.compile(r"((?:artist-)?kfold):\*/(\d+)")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(_Strict):
    """A pretraining on another corpus, from which a row starts."""

    recipe: str
    corpus: str = Field(description="the paper's, for messages")


class Row(_Strict):
    """A row of a table.

    `sound` changes the sound of the corpus, like the prefix of a corpus spec (`mp3@bitrate=128`).
    """

    recipe: str
    sound: str | None = None
    start: Start | None = None

    @property
    def key(self) -> str:
        """The name of the row: its recipe."""
        return self.recipe


class Table(_Strict):
    """A table of a paper.

    `splits` maps each training corpus of the paper to the split that the paper used there, as far as genrelab
    can make it; the first corpus is the default of `--list` and of messages. `elsewhere` is another corpus on
    which the paper tested.
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
        """The training corpora of the paper."""
        return tuple(self.splits)

    def split_on(self, corpus: str) -> str:
        """Return the paper's kind of split for a corpus, or that for its first corpus.

        Parameters
        ----------
        corpus : str
            Its name before any change of its sound.
        """
        return self.splits.get(corpus, self.splits[self.corpora[0]])


def table_names() -> list[str]:
    """Return the names of the tables, such as `soundfusion-2`."""
    folder = files(__package__) / "tables"
    return sorted(each.name.removesuffix(".yaml") for each in folder.iterdir() if each.name.endswith(".yaml"))


def load_table(name: str) -> Table:
    """Load a table by name.

    Raises
    ------
    UsageError
        If there is no table with this name.
    """
    if name not in table_names():
        raise UsageError(f"unknown table {name!r}; {closest(name, table_names())}", code="table-unknown")
    text = (files(__package__) / "tables" / f"{name}.yaml").read_text(encoding="utf-8")
    return Table.model_validate({"name": name, **yaml.safe_load(text)})


def each_fold(split: str) -> list[str]:
    """Expand `kfold:*/10` to the kinds of all ten folds; return any other kind alone."""
    found = _ALL_FOLDS.fullmatch(split)
    return [f"{found[1]}:{fold}/{found[2]}" for fold in range(int(found[2]))] if found else [split]
