"""The colours of the genres that a server shows: one palette for all its answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from genrelab.pages.palette import assign, for_dark
from genrelab.recognize.recognition import UNSURE

_SHAPES = 5  # of marks: with eight colours they make forty pairs


class GenreColour(NamedTuple):
    """The colour of a genre on light and on dark pages, and the number of its shape on maps, from 0 to 4."""

    light: str
    dark: str
    shape: int


def palette(genres: Iterable[str]) -> dict[str, GenreColour]:
    """Return the colours of genres; `unsure` has none."""
    assigned = assign({genre for genre in genres if genre != UNSURE}, variants=_SHAPES)
    return {
        genre: GenreColour(light, for_dark(light), shape)
        for genre, (light, shape) in sorted(assigned.items())
    }
