"""The media type of a sound file, and whether browsers play it."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from genrelab.audio.containers.identify import Container, identify

_TYPES: dict[Container, str] = {
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp4": "audio/mp4",
    "asf": "audio/x-ms-wma",
    "wav": "audio/wav",
    "aiff": "audio/aiff",
    "matroska": "audio/x-matroska",
    "wavpack": "audio/x-wavpack",
    "monkeys": "audio/x-ape",
    "musepack": "audio/x-musepack",
    "tta": "audio/x-tta",
}
_OTHER = "application/octet-stream"
_PLAYED: frozenset[Container] = frozenset(("mp3", "flac", "ogg", "wav"))
_HEAD = 4096  # bytes that name the kind of Matroska and the codec of WAV and MP4
_PLAIN_WAVES = (b"\x01\x00", b"\x03\x00", b"\xfe\xff")  # PCM, floats, PCM described at length
_APPLE_LOSSLESS = b"alac"
_LARGEST_ATOM = 1 << 20  # bytes to look for the description of the sound


class MediaType(NamedTuple):
    """The media type of a file, such as `audio/mpeg`, and whether current browsers play it."""

    name: str
    plays: bool


def media_type(file: BinaryIO) -> MediaType:
    """Return the media type of a sound file by its content; the name does not matter.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    MediaType
        `plays` is a guess from the head of the file: browsers differ.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    kind = identify(file)
    file.seek(0)
    head = file.read(_HEAD)
    if kind == "matroska" and b"webm" in head[:64]:
        return MediaType("audio/webm", True)
    if kind == "mp4":
        return MediaType(_TYPES[kind], not _is_lossless(file))
    if kind == "wav":
        return MediaType(_TYPES[kind], _wave_format(head) in _PLAIN_WAVES)
    return MediaType(_TYPES.get(kind, _OTHER), kind in _PLAYED)


def _wave_format(head: bytes) -> bytes:
    at = head.find(b"fmt ")
    return head[at + 8 : at + 10] if at >= 0 else b""


def _is_lossless(file: BinaryIO) -> bool:
    """Whether MP4 holds Apple Lossless: the atom `moov` is at the beginning or at the end."""
    end = file.seek(0, 2)
    for start in (0, max(0, end - _LARGEST_ATOM)):
        file.seek(start)
        if b"stsd" in (part := file.read(_LARGEST_ATOM)):
            at = part.index(b"stsd")
            return part[at + 16 : at + 20] == _APPLE_LOSSLESS
    return False
