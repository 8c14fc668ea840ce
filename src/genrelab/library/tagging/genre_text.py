"""Interpret the text of a genre tag: several genres in one text, and placeholders."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from genrelab.errors import UsageError

_SEPARATORS = re.compile(r"[/;,|\0]")
_MOST_BYTES = 1 << 20  # in a file of placeholders

DEFAULT_PLACEHOLDERS = (
    *("255", "Unknown", "Unknown Genre", "Other", "Others", "Misc", "Miscellaneous", "Genre", "Genres"),
    *("None", "No Genre", "No Value", "N/A", "Null", "Nil", "Undefined", "Unspecified", "Unclassified"),
    *("Unclassifiable", "General Unclassifiable", "Untagged", "Not Set", "Not Available", "Default"),
    *("Empty", "Blank"),
)
"""Texts that programs write if the user has not chosen a genre."""


def letters(text: str) -> str:
    """Return the letters and digits of a text in case-folded form."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def parts(text: str) -> tuple[str, ...]:
    """Split a text at `/`, `;`, `,`, `|` and zero bytes, and strip spaces.

    Some names contain such a character (`R&B/Soul`, `Folk, World, & Country`): look up the whole text first.
    """
    return tuple(part.strip() for part in _SEPARATORS.split(text) if part.strip())


@dataclass(frozen=True, slots=True)
class Placeholders:
    """Texts in genre tags that mean no genre.

    Case, spaces and punctuation are ignored: `(255)` is `255` and `<unknown>` is `Unknown`. A text of only
    spaces, punctuation and control characters is always a placeholder.

    Parameters
    ----------
    words : frozenset of str
        Their `letters`.
    """

    words: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Create placeholders from words as people write them."""
        return cls(frozenset(filter(None, map(letters, words))))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an option: `other,unknown`, `@FILE` or an empty text; a leading `+` adds the default words.

        Parameters
        ----------
        text : str
            Words separated by commas, or `@` and the name of a file with one word per line. Empty lines and
            lines that start with `#` are ignored.

        Returns
        -------
        Placeholders

        Raises
        ------
        UsageError
            If the file cannot be read.
        """
        rest = text.removeprefix("+")
        words = _read_words(Path(rest[1:])) if rest.startswith("@") else rest.split(",")
        if rest == text and not rest.startswith("@") and "/" in rest and os.path.isfile(rest):
            message = f"--placeholders {rest} is a file name. Write --placeholders @{rest}"
            raise UsageError(message, code="placeholders-without-at")
        return cls.of([*words, *(DEFAULT_PLACEHOLDERS if rest != text else ())])

    def says_nothing(self, text: str) -> bool:
        """Whether a text, or each of its parts, is a placeholder."""
        if _is_blank(text) or letters(text) in self.words:
            return True
        return all(_is_blank(part) or letters(part) in self.words for part in parts(text))

    def without(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the texts that are not placeholders."""
        return tuple(text for text in texts if not self.says_nothing(text))


def _is_blank(text: str) -> bool:
    """Whether a text has no letter, digit or symbol such as `♪`."""
    kinds = {unicodedata.category(character) for character in text}
    return not any(kind[0] in "LNM" or kind == "So" for kind in kinds)


def _read_words(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"the file of placeholders {path} cannot be read: {what}"
        raise UsageError(message, code="placeholders-unreadable") from error
    return [line for line in lines if not line.lstrip().startswith("#")]


PLACEHOLDERS = Placeholders.of(DEFAULT_PLACEHOLDERS)
"""The default placeholders."""
