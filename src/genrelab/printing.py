r"""Text from elsewhere, made fit to be printed: names, tags, messages of other libraries.

A terminal obeys what is printed on it. A file name may hold escape sequences that erase lines, marks that
turn the direction of writing, or line breaks that look like records of their own. Everything that genrelab
prints passes `plain`; JSON and YAML are made by `json_text` and `yaml_text`, with the escapes of their own.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

LONGEST = 200
"""How much of a text of unknown length a message quotes, in characters."""

_MAYBE_UNPRINTABLE = re.compile(r"[^ -~\n]")


def is_plain(character: str) -> bool:
    """Whether a character can be printed: letters, marks, digits, signs and spaces of all scripts.

    Not plain are controls (C0, C1 and line breaks among them), separators of lines and paragraphs, marks of
    direction and of zero width, lone surrogates, private and unassigned characters.
    """
    return character.isprintable() or unicodedata.category(character) == "Zs"


def plain(text: str) -> str:
    r"""Return a text on one line in which what cannot be printed is escaped as Python does it.

    Parameters
    ----------
    text : str
        Such as a file name.

    Returns
    -------
    str

    Examples
    --------
    >>> plain("Björk\n\x1b[31m\u202e\udcff")
    'Björk\\n\\x1b[31m\\u202e\\udcff'
    """
    if text.isprintable():
        return text
    return "".join(
        character if is_plain(character) else character.encode("unicode_escape").decode()
        for character in text
    )


def plain_page(text: str) -> str:
    """Return a page (HTML, SVG) with its line breaks and tabs, and what else cannot be printed escaped.

    Names in a page are escaped against markup already; this is about marks that turn the direction of
    writing, and controls that XML does not allow.
    """
    return _MAYBE_UNPRINTABLE.sub(lambda found: "\t" if found[0] == "\t" else plain(found[0]), text)


def shorten(text: str, most: int = LONGEST) -> str:
    """Return a text for a message, without its end where it is long.

    Parameters
    ----------
    text : str
        Of any length.
    most : int > 0
        How many characters are kept.

    Examples
    --------
    >>> shorten("abcdef", 3)
    'abc... (6 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""Return JSON in which letters of all scripts stand as they are, and what `plain` escapes is escaped.

    Parameters
    ----------
    value : object
        What `json.dumps` takes.
    indent : int or None
        As `json.dumps` takes it.

    Returns
    -------
    str
        It can be encoded as UTF-8, and a reader gets the very value.

    Examples
    --------
    >>> json_text("Björk \x9b \u202e \udcff")
    '"Björk \\u009b \\u202e \\udcff"'
    """
    return _MAYBE_UNPRINTABLE.sub(_json_escape, json.dumps(value, ensure_ascii=False, indent=indent))


def yaml_text(value: Any) -> str:
    """Return YAML, in the order given, that needs no escaping to be printed, and reads back as the value."""
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if all(is_plain(character) for character in text if character != "\n"):
        return text
    return yaml.safe_dump(value, sort_keys=False)


def _json_escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if is_plain(character) else json.dumps(character)[1:-1]
