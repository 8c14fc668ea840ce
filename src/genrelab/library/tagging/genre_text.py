"""How the text of a genre tag is read: several genres in one text, and words that stand for none."""

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
_MOST_BYTES = 1 << 20  # of a file of placeholders

DEFAULT_PLACEHOLDERS = (
    *("255", "Unknown", "Unknown Genre", "Other", "Others", "Misc", "Miscellaneous", "Genre", "Genres"),
    *("None", "No Genre", "No Value", "N/A", "Null", "Nil", "Undefined", "Unspecified", "Unclassified"),
    *("Unclassifiable", "General Unclassifiable", "Untagged", "Not Set", "Not Available", "Default"),
    *("Empty", "Blank"),
)
"""What programs write where nobody has chosen a genre."""


def letters(text: str) -> str:
    """Return the letters and digits of a text, without regard to upper and lower case."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def parts(text: str) -> tuple[str, ...]:
    """Return what stands between `/`, `;`, `,` and `|` (or zeros) in a text, without space around it.

    Some names have such a character in them (`R&B/Soul`, `Folk, World, & Country`), so whoever looks for a
    name tries the whole text first.
    """
    return tuple(part.strip() for part in _SEPARATORS.split(text) if part.strip())


@dataclass(frozen=True, slots=True)
class Placeholders:
    """Words in genre tags that say nothing.

    Case, spaces and punctuation do not count: `(255)` is `255` and `<unknown>` is `Unknown`. A text of
    nothing but spaces, punctuation and control characters says nothing in any case.

    Parameters
    ----------
    words : frozenset of str
        Their `letters`.
    """

    words: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Make them of words as people write them."""
        return cls(frozenset(filter(None, map(letters, words))))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a user says: `other,unknown`, `@FILE`, or nothing; `+` before it adds to the usual ones.

        Parameters
        ----------
        text : str
            Words between commas, or `@` and the name of a file that has one on each line; empty lines, and
            those that begin with `#`, do not count.

        Returns
        -------
        Placeholders

        Raises
        ------
        UsageError
            If the file cannot be read.
        """
        rest = text.removeprefix("+")
        words = _words_of(Path(rest[1:])) if rest.startswith("@") else rest.split(",")
        if rest == text and not rest.startswith("@") and "/" in rest and os.path.isfile(rest):
            raise UsageError(
                f"--placeholders {rest} is a file name. Write --placeholders @{rest}",
                code="placeholders-without-at",
            )
        return cls.of([*words, *(DEFAULT_PLACEHOLDERS if rest != text else ())])

    def says_nothing(self, text: str) -> bool:
        """Whether a text is one of them as a whole, or in each of its parts."""
        if _is_blank(text) or letters(text) in self.words:
            return True
        return all(_is_blank(part) or letters(part) in self.words for part in parts(text))

    def without(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the texts that say something."""
        return tuple(text for text in texts if not self.says_nothing(text))


def _is_blank(text: str) -> bool:
    """Whether a text has no letter, digit or picture (`♪`)."""
    kinds = {unicodedata.category(character) for character in text}
    return not any(kind[0] in "LNM" or kind == "So" for kind in kinds)


def _words_of(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise UsageError(
            f"the file of placeholders {path} cannot be read: {what}", code="placeholders-unreadable"
        ) from error
    return [line for line in lines if not line.lstrip().startswith("#")]


PLACEHOLDERS = Placeholders.of(DEFAULT_PLACEHOLDERS)
"""The usual ones."""
