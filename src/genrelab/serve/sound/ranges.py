"""The header `Range` of HTTP (RFC 9110, section 14), for one range of bytes."""

from __future__ import annotations

import re
from email.utils import formatdate

from genrelab.serve.problem import RequestError

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")
_SEVERAL = re.compile(r"bytes\s*=[^,]*,.*")


def wanted_range(header: str | None, size: int) -> range | None:
    """Return the bytes that a request wants.

    Parameters
    ----------
    header : str or None
        The value of `Range`.
    size : int
        Of the file.

    Returns
    -------
    range or None
        Within the file and not empty. None means the whole file: there is no such header, or it is not one
        of bytes, which must be ignored.

    Raises
    ------
    RequestError
        If the range begins behind the end of the file, or there are several (416).
    """
    if header is None:
        return None
    if _SEVERAL.fullmatch(header):
        raise _refused("several ranges of bytes in one request are not served", size)
    found = _RANGE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last bytes
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise _refused(f"the range of bytes does not lie in the file of {size} bytes", size)
    return range(start, end)


def is_current(condition: str | None, tag: str, modified: float) -> bool:
    """Whether the condition of `If-Range` holds: the client has a part of this very file.

    Parameters
    ----------
    condition : str or None
        The value of `If-Range`; without it, the condition holds.
    tag : str
        The strong entity tag of the file.
    modified : float
        Its time, in seconds.
    """
    return condition is None or condition.strip() in (tag, formatdate(modified, usegmt=True))


def has_tag(condition: str | None, tag: str) -> bool:
    """Whether the value of `If-None-Match` names an entity tag, so that the client need not get the file."""
    if condition is None:
        return False
    names = (name.strip().removeprefix("W/") for name in condition.split(","))
    return any(name in ("*", tag) for name in names)


def _refused(message: str, size: int) -> RequestError:
    return RequestError(
        message,
        code="range-not-satisfiable",
        status=416,
        remedy="ask for one range that begins in the file",
        headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"},
    )
