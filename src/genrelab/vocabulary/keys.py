"""One key for all ways to write a name."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 500
"""Characters of a text that count; a genre has fewer."""

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_ACCENTS = re.compile("[\u0300-\u036f]")
_ASCII_WORDS = re.compile("[a-z0-9]+|[&+]")
_SIGNS = frozenset("&+")
_CONNECTORS = frozenset(("&", "+", "and", "n"))
_CONNECTED = "n"


def normalize(text: str) -> str:
    """Return a key that is the same for all ways to write a name.

    Case, spaces, punctuation and accents do not count, and `&`, `+`, `and` and `n` between two words are
    the same: `R&B`, `RnB` and `R 'n' B` have one key.

    Parameters
    ----------
    text : str
        Of any length; only the first `LONGEST` characters count.

    Returns
    -------
    str
        Letters and digits of any script; empty if the text has none. A key is its own key.

    Examples
    --------
    >>> normalize("Hip-Hop"), normalize("Drum & Bass"), normalize("drum'n'bass"), normalize("MÚSICA Española")
    ('hiphop', 'drumnbass', 'drumnbass', 'musicaespanola')
    """
    key = _step(text)
    if key.isascii():
        return key
    while (again := _step(key)) != key:  # folding can make characters that fold once more
        key = again
    return key


def words(text: str) -> list[str]:
    """Return the words of a text, in the letters of a key, and the signs `&` and `+`."""
    if text.isascii():  # most are, and the table is read by every process that compares genres
        return _ASCII_WORDS.findall(text[:LONGEST].lower())
    folded = unicodedata.normalize("NFKD", text[:LONGEST]).casefold().translate(_LETTERS)
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", folded))
    found: list[str] = []
    word = ""
    for character in unicodedata.normalize("NFC", plain):
        if character.isalnum() or (word and unicodedata.category(character)[0] == "M"):
            word += character
            continue
        found += [word] if word else []
        found += [character] if character in _SIGNS else []
        word = ""
    return [*found, word] if word else found


def _step(text: str) -> str:
    found = words(text)
    while found and found[0] in _SIGNS:
        del found[0]
    while found and found[-1] in _SIGNS:
        del found[-1]
    last = len(found) - 1
    parts = (
        _CONNECTED if word in _CONNECTORS and 0 < place < last else word for place, word in enumerate(found)
    )
    return "".join(parts)[:LONGEST]
