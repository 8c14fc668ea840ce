"""Genres as the user writes them, become the genres of a model: one name per genre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from genrelab.bundle.bounds import LONGEST_NAME
from genrelab.bundle.metadata import UNSURE
from genrelab.vocabulary import canonical, display, genre_of, normalize

Level = Literal["genre", "style", "as-written"]
"""`genre`: styles become the genre that they belong to (Death Metal: Metal). `style`: synonyms become one
name (Rap: Hip-Hop). `as-written`: only case, accents and punctuation do not matter."""


@dataclass(frozen=True)
class Naming:
    """How names are unified.

    Attributes
    ----------
    level : {"genre", "style", "as-written"}
    blocked : frozenset of str
        Keys of genres to ignore.
    """

    level: Level = "as-written"
    blocked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, level: Level, blocked: Iterable[str] = ()) -> Naming:
        """Make it from names as written; a blocked genre blocks its synonyms too, but no styles of it."""
        plain = cls(level)
        return cls(level, frozenset(plain.key(name) for name in blocked))

    def unused(self, blocked: Iterable[str], values: Iterable[tuple[str, ...]]) -> list[str]:
        """Return the blocked names that no file has, in any spelling."""
        plain = Naming(self.level)
        keys = {plain.key(name) for names in values for name in names}
        return [name for name in blocked if plain.key(name) not in keys]

    def key(self, name: str) -> str:
        """Return what all spellings of one genre have in common; empty for a name without letters."""
        if self.level == "genre":
            return genre_of(name) or canonical(name) or normalize(name)
        if self.level == "style":
            return canonical(name) or normalize(name)
        return normalize(name)

    def blocks(self, name: str) -> bool:
        """Whether a genre is ignored."""
        return self.key(name) in self.blocked

    def unify(self, values: Iterable[tuple[str, ...]], known: Iterable[str] = ()) -> list[tuple[str, ...]]:
        """Return the genres of each file under one name per genre.

        Parameters
        ----------
        values : iterable of tuple of str
            The genres of each file, as written.
        known : iterable of str
            Names that a model has already: they are kept.

        Returns
        -------
        list of tuple of str
            Without blocked genres and those that no model file can hold; without duplicates. The name is that
            of the vocabulary, or else the most common spelling.
        """
        written = list(values)
        keys = {name: self.key(name) for names in written for name in names}
        spellings: dict[str, Counter[str]] = {}
        for names in written:
            for name in names:
                spellings.setdefault(keys[name], Counter())[" ".join(name.split())] += 1
        chosen = {key: self._name(key, counts) for key, counts in spellings.items()}
        chosen |= {self.key(name): name for name in known if chosen.get(self.key(name))}
        return [
            tuple(dict.fromkeys(chosen[keys[name]] for name in names if chosen[keys[name]]))
            for names in written
        ]

    def _name(self, key: str, spellings: Counter[str]) -> str:
        if not key or key in self.blocked:
            return ""
        best = max(spellings, key=lambda name: (spellings[name], name))
        name = display(key) if self.level != "as-written" and canonical(key) == key else best
        return name if is_usable(name) else ""


def is_usable(name: str) -> bool:
    """Whether a model file can hold a genre of this name."""
    blank = not name.strip() or not name.isprintable()
    return not blank and len(name) <= LONGEST_NAME and name.casefold() != UNSURE


def united_by_genre(values: Iterable[tuple[str, ...]], small: Collection[str], fewest: int) -> list[str]:
    """Return the genres with too few examples that the level `genre` would save.

    Parameters
    ----------
    values : iterable of tuple of str
        The genres of each example.
    small : collection of str
        Genres with fewer examples than `fewest`.
    fewest : int > 0

    Returns
    -------
    list of str
        Those of `small` whose genre has enough examples with all its styles, in alphabetical order.
    """
    if not small:
        return []
    naming, written = Naming("genre"), list(values)
    keys = {name: naming.key(name) for names in written for name in names}
    counts = Counter(key for names in written for key in {keys[name] for name in names})
    return sorted(name for name in small if counts[keys[name]] >= fewest)
