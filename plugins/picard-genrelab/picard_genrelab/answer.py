"""The answer of `genrelab serve` for one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FURTHER_FROM = 0.1
"""Least probability of the second and later genres."""


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
    return own.get(genre) or (genre.title() if genre == genre.lower() else genre)
