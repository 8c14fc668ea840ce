"""The nearest names for a text that the table does not have."""

from __future__ import annotations

import difflib
from functools import cache

from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.names import canonical, display
from genrelab.vocabulary.table import index

_LONGEST_KEY = 60
_LIKE = 0.6  # of difflib's ratio


def nearest(text: str, most: int = 3) -> tuple[str, ...]:
    """Return the names, as players show them, that are written most like a text.

    Examples
    --------
    >>> nearest("Metl")[0], nearest("Drum n Base")[0], nearest("xyzzy")
    ('Metal', 'Drum & Bass', ())
    """
    key = normalize(text)[:_LONGEST_KEY]
    like = difflib.get_close_matches(key, _keys(), n=4 * most, cutoff=_LIKE) if key else []
    names = dict.fromkeys(display(index()[each]) for each in like)
    return tuple(names)[:most]


@cache
def _keys() -> tuple[str, ...]:
    return tuple(key for key in index() if canonical(key) is not None)
