"""A user's own genres, spellings and parents, which extend the table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from genrelab.errors import UsageError
from genrelab.printing import shorten
from genrelab.vocabulary.caches import cached, clear_caches
from genrelab.vocabulary.keys import LONGEST, normalize
from genrelab.vocabulary.tables import MOST_BYTES, SEPARATOR

VARIABLE = "GENRELAB_VOCABULARY"
"""The environment variable that names a file of own names."""

MOST_GENRES, MOST_ALIASES = 5_000, 200

_EXAMPLE = "It has lines such as `chalga: {parents: [pop, balkan], aliases: [pop-folk bulgarian]}`"
_named: Path | None = None


def _listed(value: object) -> object:
    return [] if value is None else [value] if isinstance(value, str) else value


def _checked(text: object) -> object:
    if isinstance(text, str) and (not text.strip() or not text.isprintable() or SEPARATOR in text):
        raise ValueError(f"{shorten(text)!r} is empty, or has unprintable characters or a `{SEPARATOR}`")
    return text.strip() if isinstance(text, str) else text


_Name = Annotated[str, BeforeValidator(_checked), Field(max_length=LONGEST)]
_Names = Annotated[tuple[_Name, ...], BeforeValidator(_listed), Field(max_length=MOST_ALIASES)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    display: _Name | None = None
    level: Literal["genre", "style"] | None = None
    parents: _Names | None = None
    aliases: _Names = ()


_Entries = Annotated[
    dict[_Name, Annotated[_Entry, BeforeValidator(lambda value: {} if value is None else value)]],
    Field(max_length=MOST_GENRES),
]


@dataclass(frozen=True, slots=True)
class OwnName:
    """An entry of a user's file; None for what it does not set.

    Parameters
    ----------
    name : str
        As the user writes it: a genre of the table in any spelling, or a new one.
    display : str or None
    level : {"genre", "style"} or None
    parents : tuple of str or None
        In any spelling; they replace those of the table.
    aliases : tuple of str
        They are added to those of the table.
    """

    name: str
    display: str | None
    level: Literal["genre", "style"] | None
    parents: tuple[str, ...] | None
    aliases: tuple[str, ...]

    def spellings(self) -> tuple[str, ...]:
        """Return all ways to write it that the file names, the name first."""
        return (self.name, *((self.display,) if self.display else ()), *self.aliases)


def use_file(path: str | os.PathLike[str] | None) -> None:
    """Extend the table by the names in a file; None returns to `$GENRELAB_VOCABULARY`, or to no file.

    Parameters
    ----------
    path : str, path-like or None
        YAML: a mapping of names to `display`, `level`, `parents` and `aliases`. It is read when the table is
        first used, which raises a `UsageError` if it cannot be used.
    """
    global _named
    _named = None if path is None else Path(path)
    clear_caches()


def file_in_use() -> Path | None:
    """Return the file of own names, if there is one."""
    variable = os.environ.get(VARIABLE)
    return _named or (Path(variable) if variable else None)


@cached()
def read_names(path: Path) -> tuple[OwnName, ...]:
    """Return the entries of a file.

    Raises
    ------
    UsageError
        If the file cannot be read, is too large, or is invalid.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            message = f"the vocabulary {path} has more than {MOST_BYTES} bytes. Remove entries."
            raise UsageError(message, code="own-vocabulary-too-large")
        raw = yaml.safe_load(data.decode("utf-8"))
        entries: Mapping[str, _Entry] = TypeAdapter(_Entries).validate_python({} if raw is None else raw)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = shorten(".".join(map(str, problem["loc"]))) or "the file"
        message = f"the vocabulary {path} cannot be used: {place}: {problem['msg']}. {_EXAMPLE}."
        raise UsageError(message, code="own-vocabulary-invalid") from error
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        what = getattr(error, "strerror", None) or " ".join(str(error).split())
        message = f"the vocabulary {path} cannot be read: {shorten(what)}. {_EXAMPLE}."
        raise UsageError(message, code="own-vocabulary-unreadable") from error
    for name in entries:
        if not normalize(name):
            message = (
                f"the vocabulary {path} has the name {name!r}, which has no letters or digits. Rename it."
            )
            raise UsageError(message, code="own-vocabulary-name")
    return tuple(
        OwnName(name, entry.display, entry.level, entry.parents, entry.aliases)
        for name, entry in entries.items()
    )
