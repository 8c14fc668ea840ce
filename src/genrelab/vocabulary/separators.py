"""The characters that separate genres in a text, and the names that contain one."""

from __future__ import annotations

import re
from functools import cache

from genrelab.vocabulary.table import genres, spellings

HARD = re.compile(r"[;|\0\n\r\u2028\uff1b\uff5c]")
"""Separators that no name contains."""

SEPARATORS = r"/,\\\u00b7\u2022\u3001\uff0c\uff0f"
"""Separators, in the notation of patterns, that names such as `Singer/Songwriter` contain."""

_SOFT = re.compile(f"[{SEPARATORS}]")
_LOOSE = re.compile(r"\s*(?:[&+:>\u00bb\u2192\u2013\u2014-]|\b(?:and|und|et|n)\b)\s*", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def soft_parts(text: str) -> tuple[str, ...]:
    """Split at `SEPARATORS`, also within names: `R&B` and `Soul` of `R&B/Soul`."""
    return tuple(part.strip() for part in _SOFT.split(text) if part.strip())


def loose_parts(text: str) -> list[str]:
    """Split at signs and words that also occur within names: `Rock & Pop`, `Metal - Doom`."""
    return [part.strip() for part in _LOOSE.split(text) if part.strip()]


def is_whole_name(text: str) -> bool:
    """Whether the table writes a name with just these separators, such as `Singer/Songwriter`."""
    return _squeezed(text) in _whole_names()


def _squeezed(text: str) -> str:
    return _SPACES.sub("", text.casefold())


@cache
def _whole_names() -> frozenset[str]:
    named = (text for genre in genres().values() for text in spellings(genre))
    return frozenset(_squeezed(text) for text in named if _SOFT.search(text))
