"""Write playlists in XSPF, version 1 (https://www.xspf.org/spec)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote_from_bytes
from xml.sax.saxutils import escape

from genrelab.library.explore.playlist import Entry, names_of
from genrelab.printing import is_plain

_SAFE = "/!$&'()*+,;=:@-._~"  # what RFC 3986 allows in a path beside letters and digits


def write_xspf(
    entries: Iterable[Entry], out: BinaryIO, *, folder: Path, absolute: bool = False, title: str = ""
) -> None:
    """Write a playlist.

    Locations are URIs with percent-encoded bytes, so that every file name can be in the playlist, also one
    with line breaks or bytes that are not UTF-8.

    Parameters
    ----------
    entries : iterable of Entry
        In playing order, with absolute paths.
    out : binary file
        The output; left open.
    folder : Path
        The folder of the playlist; files below it get relative URIs.
    absolute : bool
        Use absolute URIs (`file:///...`) for all files.
    title : str
        Of the playlist; empty for none.
    """
    base = os.fsencode(os.path.realpath(folder))
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(b'<playlist version="1" xmlns="http://xspf.org/ns/0/">\n')
    if title:
        out.write(_element("title", title, 1))
    out.write(b"  <trackList>\n")
    for path, duration in entries:
        names = names_of(path)
        out.write(b"    <track>\n")
        out.write(_element("location", location_of(path, None if absolute else base), 3))
        out.write(_element("title", names.title or " ".join(path.stem.split()), 3))
        for name, value in (("creator", names.artist), ("album", names.album)):
            if value:
                out.write(_element(name, value, 3))
        if duration is not None:
            out.write(_element("duration", str(round(1000 * duration)), 3))  # milliseconds
        out.write(b"    </track>\n")
    out.write(b"  </trackList>\n</playlist>\n")


def location_of(path: Path, base: bytes | None) -> str:
    """Return a file as a URI reference.

    Parameters
    ----------
    path : Path
        Absolute.
    base : bytes or None
        A folder; a file below it gets a relative reference. None means an absolute URI.

    Returns
    -------
    str
        ASCII.

    Examples
    --------
    >>> location_of(Path("/music/a b/né#1.mp3"), b"/music")
    'a%20b/n%C3%A9%231.mp3'
    >>> location_of(Path("/music/x.mp3"), None)
    'file:///music/x.mp3'
    """
    whole = os.fsencode(path)
    if base is not None and whole.startswith(base.rstrip(b"/") + b"/"):
        reference = quote_from_bytes(whole[len(base.rstrip(b"/")) + 1 :], safe=_SAFE)
        # A colon in the first segment would end the name of a scheme, and two slashes begin a host.
        return f"./{reference}" if ":" in reference.partition("/")[0] or reference[0] == "/" else reference
    if os.name == "nt":
        return path.as_uri()
    return f"file://{quote_from_bytes(whole, safe=_SAFE)}"


def _element(name: str, text: str, depth: int) -> bytes:
    """Return an element on a line of its own; characters that are no text, or not XML, are escaped."""
    shown = "".join(
        each if is_plain(each) else each.encode("unicode_escape").decode("ascii") for each in text
    )
    return f"{'  ' * depth}<{name}>{escape(shown)}</{name}>\n".encode()
