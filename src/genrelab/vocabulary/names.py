"""The name, the parents and the spelling of a genre."""

from __future__ import annotations

import re
from typing import Literal, get_args

from genrelab.vocabulary.keys import LONGEST, normalize, words
from genrelab.vocabulary.separators import is_whole_name, soft_parts
from genrelab.vocabulary.table import entries, genres, index, qualifiers, spelled

Spelling = Literal["plain", "id3", "discogs", "musicbrainz"]
SPELLINGS: tuple[Spelling, ...] = get_args(Spelling)
"""How names are written: as players show them, or as a list spells them."""

_NUMBER = re.compile(r"\(?([0-9]{1,3})\)?")
_DECADE = re.compile(r"(?:1[89]|20)?[0-9]0s|(?:19|20)[0-9]0|[0-9]0er")
_APOSTROPHES = re.compile("['\u2019]")  # of `80's`
_MUSIC = ("music", "musik", "musique", "musica")  # `Rock Music` is `rock`


def canonical(text: str) -> str | None:
    """Return the name in the table of the genre or style that a text names, such as `hip hop`.

    Parameters
    ----------
    text : str
        One genre, as people or programs write it; `(17)` and `17` are genres of ID3v1.

    Returns
    -------
    str or None
        None if the table does not have it, or if the text names several, such as `Pop/Rock`. Nothing is
        guessed.

    Examples
    --------
    >>> canonical("HIP HOP"), canonical("Rap"), canonical("death-metal"), canonical("17"), canonical("Metl")
    ('hip hop', 'hip hop', 'death metal', 'rock', None)
    """
    text = text[:LONGEST].strip()
    if (number := id3_number(text)) is not None:
        listed = entries("id3")
        return (listed[number].genre or None) if number < len(listed) else None
    parts = soft_parts(text)
    if len(parts) > 1 and not is_whole_name(text) and all(map(_look_up, parts)):
        return None
    return _look_up(text)


def _look_up(text: str) -> str | None:
    key, known = normalize(text), index()
    found = known.get(key)
    for word in _MUSIC:
        if found is None and key.endswith(word):
            found = known.get(key.removesuffix(word))
    return found


def id3_number(text: str) -> int | None:
    """Return the number if a text is a number of ID3v1, with or without parentheses."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found else None


def id3_name(text: str) -> str | None:
    """Return the name of a number of ID3v1; None for other texts and for numbers without one."""
    number, listed = id3_number(text), entries("id3")
    return listed[number].name if number is not None and number < len(listed) else None


def display(name: str, spelling: Spelling = "plain") -> str:
    """Return a name as players show it, or as a list spells it.

    Parameters
    ----------
    name : str
        A genre or style in any spelling.
    spelling : {"plain", "id3", "discogs", "musicbrainz"}
        A genre that ID3 or Discogs lacks is written as `plain`, one that MusicBrainz lacks in lower case.

    Returns
    -------
    str
        `name` itself if the table does not have it.

    Examples
    --------
    >>> display("hiphop"), display("rnb"), display("drum and bass", "discogs"), display("my own")
    ('Hip-Hop', 'R&B', 'Drum n Bass', 'my own')
    """
    found = canonical(name)
    if found is None:
        return name
    genre = genres()[found]
    if spelling == "plain":
        return genre.display
    return spelled(spelling).get(found, genre.name if spelling == "musicbrainz" else genre.display)


def parents(name: str) -> tuple[str, ...]:
    """Return the genres and styles that one belongs to directly; none if the table does not have it.

    Examples
    --------
    >>> parents("Death Metal"), parents("Metal"), parents("Rock")
    (('metal',), ('rock',), ())
    """
    found = canonical(name)
    return () if found is None else genres()[found].parents


def ancestors(name: str) -> tuple[str, ...]:
    """Return the parents of a genre or style, their parents and so on, nearest first.

    Examples
    --------
    >>> ancestors("Death Metal")
    ('metal', 'rock')
    """
    found: dict[str, None] = {}
    waiting = list(parents(name))
    while waiting:
        parent = waiting.pop(0)
        if parent not in found:
            found[parent] = None
            waiting += genres()[parent].parents
    return tuple(found)


def broader(text: str) -> str | None:
    """Return the genre or style that a text narrows by place, time or the like.

    Parameters
    ----------
    text : str
        One genre that `canonical` does not know.

    Returns
    -------
    str or None

    Examples
    --------
    >>> broader("Swedish Death Metal"), broader("80's Pop"), broader("Rock Argentino"), broader("My Metal?")
    ('death metal', 'pop', 'rock', 'metal')
    >>> broader("Anti Metal") is None
    True
    """
    left, known = words(_APOSTROPHES.sub("", text)), qualifiers()
    while left:
        found = canonical(" ".join(left))
        if found is not None:
            return found
        before = len(left)
        for size in (2, 1):
            if len(left) > size and _is_qualifier(left[:size], known):
                left = left[size:]
                break
            if len(left) > size and _is_qualifier(left[-size:], known):
                left = left[:-size]
                break
        if len(left) == before:
            return None
    return None


def _is_qualifier(found: list[str], known: frozenset[str]) -> bool:
    return normalize(" ".join(found)) in known or (
        len(found) == 1 and _DECADE.fullmatch(found[0]) is not None
    )


def genre_of(name: str) -> str | None:
    """Return the nearest entry of the level `genre`: the genre itself, or the one that a style belongs to.

    Examples
    --------
    >>> genre_of("Death Metal"), genre_of("Metal"), genre_of("no such genre")
    ('metal', 'metal', None)
    """
    found = canonical(name)
    own = () if found is None else (found, *ancestors(found))
    return next((each for each in own if genres()[each].level == "genre"), None)
