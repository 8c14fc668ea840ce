"""The answer of `genrelab serve` for one file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

FURTHER_FROM = 0.1
"""Least probability of the second and later genres."""

_FIRST_LETTERS = re.compile(r"(?<![\w'\u2019&])\w")  # not those of "drum'n'bass" and "80s"


@dataclass(frozen=True)
class Answer:
    """What was recognized.

    Attributes
    ----------
    genre : str
        `unsure` if the model abstains.
    confidence : float
    ranked : tuple of (str, float)
        Genres with probabilities, most likely first.
    reason : str or None
        Why the model abstains.
    error : str or None
        Why the file could not be recognized.
    """

    genre: str
    confidence: float
    ranked: tuple[tuple[str, float], ...]
    reason: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, record: dict[str, Any]) -> Answer:
        """Return the answer in a record as `genrelab recognize --format json` has it."""
        ranked = tuple((each["genre"], float(each["probability"])) for each in record["genres"] or ())
        return cls(
            record["genre"] or "", float(record["confidence"] or 0), ranked, record["reason"], record["error"]
        )

    def genres(self, *, most: int = 1, least: float = 0.0, guess: bool = False) -> list[str]:
        """Return the genres to write, as people write them; none if the model abstains."""
        unsure = self.genre == "unsure" and not (guess and self.reason == "low confidence")
        if unsure or not self.ranked or self.confidence < least:
            return []
        further = [genre for genre, share in self.ranked[1:most] if share >= max(least, FURTHER_FROM)]
        return [spelled(genre) for genre in (self.ranked[0][0], *further)]


def spelled(genre: str) -> str:
    """Return a genre of a model as people write it; a name with capital letters stays."""
    own = {"hiphop": "Hip-Hop", "r&b": "R&B", "rnb": "R&B", "edm": "EDM"}
    if genre in own or genre != genre.lower():
        return own.get(genre, genre)
    return _FIRST_LETTERS.sub(lambda found: found[0].upper(), genre)
