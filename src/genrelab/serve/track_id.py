"""The name of a track in URLs: unpadded base64url of the bytes of its path."""

from __future__ import annotations

import base64
import binascii
import re

from genrelab.library.store.track_row import is_path
from genrelab.serve.problem import RequestError

_MOST_CHARACTERS = 16_384  # three times the longest path that Linux opens, 4,096 bytes
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


def encode(path: bytes) -> str:
    """Return the id of a track.

    Parameters
    ----------
    path : bytes
        Its real path, as `genrelab.library.store.file_snapshot.real_path` gives it.

    Returns
    -------
    str
        Letters, digits, `-` and `_`; at least one of them.
    """
    return base64.urlsafe_b64encode(path).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the path in the id of a track.

    Whether the library has the track, and whether the path lies under a root, must be checked by the caller.

    Parameters
    ----------
    text : str
        From a request.

    Returns
    -------
    bytes
        An absolute path without a zero byte.

    Raises
    ------
    RequestError
        With status 404 if the text is not what `encode` returns for an absolute path.
    """
    if len(text) > _MOST_CHARACTERS or not _ALPHABET.fullmatch(text):
        raise _damaged()
    try:
        path = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise _damaged() from error
    if encode(path) != text or not is_path(path):  # a track has one id
        raise _damaged()
    return path


def _damaged() -> RequestError:
    return RequestError(
        "the id of the track is damaged",
        code="track-id-damaged",
        status=404,
        remedy="use an id that /api/v1/tracks returns",
    )
