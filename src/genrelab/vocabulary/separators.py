"""The characters that separate genres in a text, and the names that contain one."""

from __future__ import annotations

import re

from genrelab.vocabulary.caches import cached
from genrelab.vocabulary.genre import spellings
from genrelab.vocabulary.table import genres

HARD = re.compile(r"[;|\0\n\r\u2028\uff1b\uff5c]")
"""Separators that no name contains."""

SEPARATORS = r"/,\\\u00b7\u2022\u3001\uff0c\uff0f"
"""Separators, in the notation of patterns, that names such as `Singer/Songwriter` contain."""

PART = re.compile(rf"(?:\([^()]*\)|[^{SEPARATORS}])+")
"""What is between soft separators; those in parentheses separate nothing."""

_SOFT = re.compile(f"[{SEPARATORS}]")
_BETWEEN = r"[&+:>\u00bb\u2192]|\b(?:and|und|et|y|e|og|och|n)\b"
_LOOSE = [
    re.compile(rf"\s*(?:{between})\s*", re.IGNORECASE)
    for between in (_BETWEEN, rf"{_BETWEEN}|[\u2013\u2014-]")  # `Funk & Hip-Hop`, `Metal - Doom`
]
_SPACES = re.compile(r"\s+")


def soft_parts(text: str) -> tuple[str, ...]:
    """Split at `SEPARATORS`, also within names: `R&B` and `Soul` of `R&B/Soul`."""
    return tuple(part.strip() for part in PART.findall(text) if part.strip())


def loose_parts(text: str) -> list[tuple[str, ...]]:
    """Split at signs and words that also occur within names: `Rock & Pop`, `Metal - Doom`.

    Returns
    -------
    list of tuple of str
        The ways to split, those with fewer parts first.
    """
    return [tuple(part.strip() for part in loose.split(text) if part.strip()) for loose in _LOOSE]


def is_whole_name(text: str) -> bool:
    """Whether the table writes a name with just these separators, such as `Singer/Songwriter`."""
    return _squeezed(text) in _whole_names()


def _squeezed(text: str) -> str:
    return _SPACES.sub("", text.casefold())


@cached()
def _whole_names() -> frozenset[str]:
    named = (text for genre in genres().values() for text in spellings(genre))
    return frozenset(_squeezed(text) for text in named if _SOFT.search(text))
