"""Names of tags: `mood:calm` is the tag `calm` of the kind `mood`.

A kind is a word in lower case, such as `genre`, `mood`, `style`, `voice` or `energy`. A name is printable
text without `;` and `:`. Tags of one kind need not exclude each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from genrelab.printing import is_plain, shorten

LONGEST_TAG = 80
"""Most characters of a tag."""
MOST_TAGS_PER_CLIP = 100
MOST_TAGS = 1000
"""Most different tags of a corpus."""

_KIND = re.compile(r"[a-z][a-z-]*")


def kind_of(tag: str) -> str:
    """Return the kind of a tag.

    Examples
    --------
    >>> kind_of("mood:calm")
    'mood'
    """
    return tag.partition(":")[0]


def split_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a cell, separated by `;`, in their order and each once; they may be faulty.

    Examples
    --------
    >>> split_tags("mood:calm; genre:folk; mood:calm;")
    ('mood:calm', 'genre:folk')
    """
    return tuple(dict.fromkeys(each.strip() for each in text.split(";") if each.strip()))


def tag_fault(tag: str) -> str | None:
    """Return what is wrong with a tag and how to write it, None if nothing is.

    Examples
    --------
    >>> tag_fault("mood:calm")
    >>> tag_fault("calm")
    "'calm' is not a tag. Write KIND:NAME, such as mood:calm"
    """
    kind, colon, name = tag.partition(":")
    shown = repr(shorten(tag, LONGEST_TAG))
    if len(tag) > LONGEST_TAG:
        return f"{shown} is longer than {LONGEST_TAG} characters. Shorten the tag"
    if not colon or not kind or not name:
        return f"{shown} is not a tag. Write KIND:NAME, such as mood:calm"
    if not _KIND.fullmatch(kind):
        return f"the kind of the tag {shown} is not a word in lower case. Write it as in mood:calm"
    if name != name.strip() or ":" in name or ";" in name or not all(map(is_plain, name)):
        return (
            f"the name of the tag {shown} is not printable text without ':' and ';'. Write KIND:NAME, such "
            "as mood:calm"
        )
    return None


def in_order(tags: Iterable[str]) -> tuple[str, ...]:
    """Return each tag once, sorted by kind, then by name."""
    return tuple(sorted(set(tags), key=lambda tag: tuple(tag.split(":", 1))))


def spelling_key(tag: str) -> str:
    """Return a key that is equal for tags that differ in case or in the encoding of accents only.

    Examples
    --------
    >>> spelling_key("genre:Folk") == spelling_key("genre:folk")
    True
    """
    return unicodedata.normalize("NFC", tag).casefold()
