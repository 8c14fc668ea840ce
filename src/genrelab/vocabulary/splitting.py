"""Several genres in the text of one tag."""

from __future__ import annotations

import re
from collections.abc import Iterator

from genrelab.vocabulary.names import canonical, id3_name
from genrelab.vocabulary.separators import HARD, SEPARATORS, loose_parts

LONGEST_TEXT, MOST_VALUES = 20_000, 200
"""Most characters of a text that are read, and most genres that are found in it."""

_LONGEST_NAME = 4  # parts between soft separators; `Folk, World, & Country` has three
_PART = re.compile(f"[^{SEPARATORS}]+")
_REFERENCE = re.compile(r"\(([0-9]{1,3}|RX|CR)\)")  # of ID3v2.3: `(51)(39)`, `(4)Eurodisco`
_AROUND = "&+ \t"  # what is left around `Country` in `Folk, World, & Country`
_MEANING = {"RX": "Remix", "CR": "Cover"}


def split_values(text: str) -> tuple[str, ...]:
    r"""Return the genres in the text of one tag, with their spelling.

    Zero bytes, line breaks, `;` and `|` separate genres. So do `/`, `,` and `\`, except in a known name
    (`Singer/Songwriter`). Other signs and words, such as `&` and ` - `, separate only known names: `Rock &
    Pop` is two genres, `Rock & Roll` one. Numbers of ID3v1, and the references of ID3v2.3 such as `(51)(39)`,
    become names.

    Parameters
    ----------
    text : str
        Of any length; only the first `LONGEST_TEXT` characters count.

    Returns
    -------
    tuple of str
        Without empty ones and duplicates; at most `MOST_VALUES`.

    Examples
    --------
    >>> split_values("Death Metal; Hip Hop"), split_values("Hip-Hop/Rap"), split_values("(51)(39)")
    (('Death Metal', 'Hip Hop'), ('Hip-Hop/Rap',), ('Techno-Industrial', 'Noise'))
    >>> split_values("Folk, World, & Country"), split_values("Pop/Rock")
    (('Folk', 'World', 'Country'), ('Pop', 'Rock'))
    """
    found: dict[str, None] = {}
    for piece in HARD.split(text[:LONGEST_TEXT]):
        for value in _values(piece.strip()):
            if value:
                found[value] = None
            if len(found) >= MOST_VALUES:
                return tuple(found)
    return tuple(found)


def _values(piece: str) -> Iterator[str]:
    while (reference := _REFERENCE.match(piece)) is not None:
        yield from _named(_MEANING.get(reference[1], reference[0]))
        piece = piece[reference.end() :].strip()
    if piece.startswith("(("):  # how ID3v2.3 writes a text that begins with a parenthesis
        piece = piece[1:]
    yield from _named(piece)


def _named(text: str) -> Iterator[str]:
    """Yield the genres in a text, the longest known names first."""
    text = id3_name(text) or text
    places = [found.span() for found in _PART.finditer(text) if found[0].strip(_AROUND)]
    while places:
        ends = range(min(_LONGEST_NAME, len(places)), 0, -1)
        runs = ((count, text[places[0][0] : places[count - 1][1]].strip(_AROUND)) for count in ends)
        count, value = next(((count, run) for count, run in runs if canonical(run)), (1, ""))
        yield from (value,) if value else _loose(text[slice(*places[0])].strip(_AROUND))
        del places[:count]


def _loose(text: str) -> tuple[str, ...]:
    """Return the genres of a part, which no separator divides."""
    parts = loose_parts(text)
    if len(parts) > 1 and canonical(text) is None and all(canonical(part) for part in parts):
        return tuple(parts)
    return (text,)
