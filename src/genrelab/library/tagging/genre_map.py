"""A user's names for the genres of a model, and their parent genres."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from genrelab.errors import UsageError


def _check_name(text: str) -> str:
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is empty, starts or ends with a space, or has unprintable characters")
    return text


_Name = Annotated[str, AfterValidator(_check_name)]
_Names = _Name | tuple[_Name, ...] | None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)

    names: dict[str, _Names] = {}
    parents: dict[_Name, _Names] = {}


@dataclass(frozen=True, slots=True)
class GenreMap:
    """The names to write for each genre.

    Parameters
    ----------
    names : dict of str to tuple of str
        Genre of the model, or tag such as `mood:calm` -> names to write; empty if it is never written. What
        is not in the map is written unchanged.
    parents : dict of str to tuple of str
        Written name -> parent genres to write after it.
    """

    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> GenreMap:
        """Read a YAML file with the sections `names` and `parents`.

        Parameters
        ----------
        path : Path
            In each section, a value is a name, a list of names, or null for none.

        Returns
        -------
        GenreMap

        Raises
        ------
        UsageError
            If the file cannot be read or is invalid, or a genre is its own parent.
        """
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
            file = TypeAdapter(_File).validate_python({} if raw is None else raw)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(map(str, problem["loc"])) or "the file"
            raise UsageError(
                f"the genre map {path} cannot be used: {place}: {problem['msg']}. It has the sections "
                "`names` and `parents`, each with lines like `hiphop: Hip-Hop` or `metal: [Metal, Rock]`.",
                code="genre-map-invalid",
            ) from error
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            message = f"the genre map {path} cannot be read: {' '.join(str(error).split())}"
            raise UsageError(message, code="genre-map-unreadable") from error
        found = cls(
            {genre: _tuple(names) for genre, names in file.names.items()},
            {name: _tuple(parents) for name, parents in file.parents.items()},
        )
        for name in found.parents:
            if name in found.ancestors(name):
                message = f"in the genre map {path}, {name!r} is a parent of itself"
                raise UsageError(message, code="genre-map-circle")
        return found

    def apply(self, genres: Iterable[str]) -> tuple[str, ...]:
        """Return the names to write for some genres, followed by their parents, without duplicates.

        Parameters
        ----------
        genres : iterable of str
            Genres of the model, most likely first.

        Returns
        -------
        tuple of str
        """
        own = [name for genre in genres for name in self.names.get(genre, (genre,))]
        return unique([*own, *(parent for name in own for parent in self.ancestors(name))])

    def names_of(self, kind: str, name: str) -> tuple[str, ...]:
        """Return the names to write for a tag; the map may name it as `mood:calm`, a genre also as `folk`.

        Parameters
        ----------
        kind, name : str
            Of the tag.

        Returns
        -------
        tuple of str
        """
        default = self.names.get(name, (name,)) if kind == "genre" else (name,)
        return self.names.get(f"{kind}:{name}", default)

    def ancestors(self, name: str) -> list[str]:
        """Return the parents of a written name, their parents and so on, nearest first."""
        found: list[str] = []
        waiting = list(self.parents.get(name, ()))
        while waiting:
            parent = waiting.pop(0)
            if parent not in found:
                found.append(parent)
                waiting += self.parents.get(parent, ())
        return found


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without duplicates, ignoring case."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _tuple(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names or ()
