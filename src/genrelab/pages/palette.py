"""The colour of a genre: the same in every picture, unless two genres that share a colour meet in one.

The colours remain distinct for colour-blind eyes (after Okabe and Ito), and dark text is readable on all of
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from zlib import crc32

COLOURS = ("#3d85e0", "#d95f02", "#12a67c", "#cc79a7", "#e69f00", "#8fd3f7", "#f0e442", "#a8825f")
OTHERS = "#b9bec6"
"""For genres without a colour of their own."""

DARK_COLOURS = (*("#5b9bf0", "#e8762b", "#2fbf95", "#d991b8", "#f0b429", "#8fd3f7", "#f0e442", "#bd9a74"),)
"""The same colours for a dark page, on which they contrast by 3:1 and more."""

# Genres that are rarely confused with each other share a colour.
_KNOWN = {
    name: number
    for number, names in enumerate(
        ("jazz", "rock", "reggae", "pop", "classical hiphop", "blues", "electronic country", "disco metal")
    )
    for name in names.split()
}


def assign(genres: Iterable[str], *, variants: int = 1) -> dict[str, tuple[str, int]]:
    """Give each genre its colour, and a variant where several genres of a picture share one.

    A genre whose colour is used up takes the next free one. If all are used up, pairs repeat.

    Parameters
    ----------
    genres : iterable of str
        Without repetition.
    variants : int > 0
        Number of genres that may share a colour, such as the number of shapes of marks. Neighbouring colours
        start with different variants.

    Returns
    -------
    dict of str to (str, int)
        Genre -> colour as `#rrggbb`, number of the variant.
    """
    used: Counter[int] = Counter()
    assigned = {}

    def give(genre: str, number: int) -> None:
        assigned[genre] = COLOURS[number], (number + used[number]) % variants
        used[number] += 1

    displaced = []  # they wait until every other genre has its own colour
    for genre in sorted(genres):
        if used[_own(genre)] < variants:
            give(genre, _own(genre))
        else:
            displaced.append(genre)
    for genre in displaced:
        own = _own(genre)
        free = (number % len(COLOURS) for number in range(own, own + len(COLOURS)))
        give(genre, next((each for each in free if used[each] < variants), own))
    return assigned


def _own(genre: str) -> int:
    name = "".join(filter(str.isalnum, genre.casefold()))
    return _KNOWN.get(name, crc32(name.encode("utf-8", "surrogatepass")) % len(COLOURS))


def for_dark(colour: str) -> str:
    """Return a colour of `COLOURS` as it is on a dark page; any other one unchanged."""
    return DARK_COLOURS[COLOURS.index(colour)] if colour in COLOURS else colour
