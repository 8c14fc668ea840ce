"""Which spellings refer to the same artist."""

from __future__ import annotations

import unicodedata


def artist_key(name: str | None) -> str | None:
    """Return a key that is equal for all spellings of an artist, None without an artist.

    The key ignores case, accents, punctuation, white space and a leading "The", and treats `&` as "and". A
    collaboration ("Lauryn Hill and Bob Marley") is a separate artist.

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
