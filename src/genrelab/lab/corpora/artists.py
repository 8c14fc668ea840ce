"""When two spellings mean one artist."""

from __future__ import annotations

import unicodedata


def artist_key(name: str | None) -> str | None:
    """Return what two spellings of one artist have in common, None when there is no artist.

    Upper and lower case, accents, punctuation, white space, a leading "The" and `&` against "and" make no
    difference. Two artists together ("Lauryn Hill and Bob Marley") are an artist of their own.

    Examples
    --------
    >>> artist_key("The Rolling  Stones") == artist_key("rolling stones")
    True
    >>> artist_key("Earth, Wind & Fire") == artist_key("Earth Wind and Fire")
    True
    """
    if name is None or not name.strip():
        return None
    plain = unicodedata.normalize("NFKD", name.casefold()).replace("&", " and ").strip()
    words = plain.split()
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    key = "".join(letter for word in words for letter in word if letter.isalnum())
    return key or plain
