r"""Escape untrusted text for printing: file names, tags, messages of other libraries.

A terminal interprets control characters. A file name may contain escape sequences that erase lines, marks
that reverse the direction of text, or line breaks that imitate records. Everything that genrelab prints
passes through `plain`; `json_text` and `yaml_text` write JSON and YAML with the escapes of those formats.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

LONGEST = 200
"""Most characters of a text to quote in a message."""

_MAYBE_UNPRINTABLE = re.compile(r"[^ -~\n]")


def is_plain(character: str) -> bool:
    """Whether a character is printable: letters, marks, digits, symbols and spaces of all scripts.

    Not printable are control characters (C0, C1, line breaks), line and paragraph separators, direction and
    zero-width marks, lone surrogates, and private or unassigned characters.
    """
    return character.isprintable() or unicodedata.category(character) == "Zs"


def plain(text: str) -> str:
    r"""Return a text on one line, with unprintable characters escaped as in Python.

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
    """Escape unprintable characters in a page (HTML, SVG), except line breaks and tabs.

    The page is already escaped against markup. This removes direction marks, and control characters that XML
    does not allow.
    """
    return _MAYBE_UNPRINTABLE.sub(lambda found: "\t" if found[0] == "\t" else plain(found[0]), text)


def shorten(text: str, most: int = LONGEST) -> str:
    """Shorten a long text for a message.

    Parameters
    ----------
    text : str
        Of any length.
    most : int > 0
        Most characters to keep.

    Examples
    --------
    >>> shorten("abcdef", 3)
    'abc... (6 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""Return JSON in which printable characters of all scripts are literal, and others are escaped.

    Parameters
    ----------
    value : object
        Anything that `json.dumps` takes.
    indent : int or None
        As for `json.dumps`.

    Returns
    -------
    str
        It can be encoded as UTF-8, and reads back as the same value.

    Examples
    --------
    >>> json_text("Björk \x9b \u202e \udcff")
    '"Björk \\u009b \\u202e \\udcff"'
    """
    return _MAYBE_UNPRINTABLE.sub(_json_escape, json.dumps(value, ensure_ascii=False, indent=indent))


def yaml_text(value: Any) -> str:
    """Return YAML in the given order that is printable and reads back as the same value."""
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if all(is_plain(character) for character in text if character != "\n"):
        return text
    return yaml.safe_dump(value, sort_keys=False)


def _json_escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if is_plain(character) else json.dumps(character)[1:-1]


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 clip` or `1,200 clips`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
