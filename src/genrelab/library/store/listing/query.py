"""Which tracks to list, and in which order, as SQL.

What a user writes only chooses among fixed pieces of SQL; texts and numbers are bound as parameters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal, get_args

from genrelab.errors import UsageError
from genrelab.library.store.track_filter import TrackFilter, below
from genrelab.recognize.recognition import UNSURE

Sort = Literal["path", "-path", "genre", "-genre", "confidence", "-confidence", "duration", "-duration"]
"""An order; with a minus, the reverse one. Tracks without a value come last in both."""

MOST_CHARACTERS = 200
"""Most characters of a search."""

_MOST_WORDS = 10
_ACCENTS = re.compile("[\u0300-\u036f]+")

_ORDERS: dict[str, str] = {
    "path": "path",
    "-path": "path DESC",
    "genre": f"genre IS NULL, genre = '{UNSURE}', genre, path",
    "-genre": f"genre IS NULL, genre = '{UNSURE}', genre DESC, path",
    "confidence": "confidence IS NULL, confidence, path",
    "-confidence": "confidence IS NULL, confidence DESC, path",
    "duration": "duration IS NULL, duration, path",
    "-duration": "duration IS NULL, duration DESC, path",
}
assert set(_ORDERS) == set(get_args(Sort))


@dataclass(frozen=True, slots=True)
class TrackQuery:
    """Which tracks to list, and in which order; all conditions must hold.

    Parameters
    ----------
    search : str
        Words that must all occur in the path; case and accents are ignored.
    genres : tuple of str
        Any of these predicted genres, `unsure` among them; none means all.
    folders : tuple of bytes
        Only tracks below any of these absolute paths; none means all.
    least, most : float or None
        Bounds of the confidence, both included.
    unsure, error : bool or None
        Only tracks that are, or are not, unsure; that could, or could not, be recognized.
    where : TrackFilter or None
        From `genrelab.library.explore.where.parse_where`.
    sort : Sort
    """

    search: str = ""
    genres: tuple[str, ...] = ()
    folders: tuple[bytes, ...] = ()
    least: float | None = None
    most: float | None = None
    unsure: bool | None = None
    error: bool | None = None
    where: TrackFilter | None = None
    sort: Sort = "path"

    @property
    def order(self) -> str:
        """SQL of the order."""
        return _ORDERS[self.sort]

    @property
    def is_plain(self) -> bool:
        """Whether the index of paths gives the order and the count, without a look at the rows."""
        bare = TrackQuery(folders=self.folders, sort=self.sort)
        return self == bare and self.sort in ("path", "-path")

    def condition(self, column: str = "path") -> tuple[str, list[Any]]:
        """Return SQL of all conditions except the search, and its parameters; for `column` see `below`."""
        clauses, values = ["1"], list[Any]()

        def add(clause: str, *bound: Any) -> None:
            clauses.append(clause)
            values.extend(bound)

        if self.folders:
            clause, bound = below(self.folders, column)
            add(clause, *bound)
        if self.genres:
            add(f"genre IN ({', '.join('?' * len(self.genres))})", *self.genres)
        if self.least is not None:
            add("confidence >= ?", self.least)
        if self.most is not None:
            add("confidence <= ?", self.most)
        if self.unsure is not None:
            add("genre = ?" if self.unsure else "genre != ?", UNSURE)
        if self.error is not None:
            add("error IS NOT NULL" if self.error else "error IS NULL")
        if self.where is not None:
            add(f"({self.where.clause})", *self.where.values)
        return " AND ".join(clauses), values


def search_words(search: str) -> list[str]:
    """Return the words of a search as `fold` writes them.

    Raises
    ------
    UsageError
        If it has more than 200 characters or ten words.
    """
    words = fold(search[: MOST_CHARACTERS + 1]).split()
    if len(search) > MOST_CHARACTERS or len(words) > _MOST_WORDS:
        message = f"a search can have {MOST_CHARACTERS} characters and {_MOST_WORDS} words. Shorten it."
        raise UsageError(message, code="search-too-long")
    return words


def fold(text: str) -> str:
    """Return a text without case and accents, such as `bjork` for `Björk` in either Unicode normal form."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    # Some letters, such as raised ones, become capitals only now.
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", plain.casefold()))
