"""Identify the container of a file by its first bytes."""

from __future__ import annotations

from typing import BinaryIO, Literal, get_args

from genrelab.audio.containers import asf, ebml
from genrelab.audio.containers.mpeg import FrameKind
from genrelab.audio.containers.outer_tags import skip_id3

WithApe = Literal["wavpack", "monkeys", "musepack", "tta"]
"""Kinds of files with APEv2 tags at the end."""

Container = Literal["mp3", "flac", "ogg", "mp4", "asf", "wav", "aiff", "matroska", WithApe, "other"]
WITH_APE: tuple[WithApe, ...] = get_args(WithApe)

# fmt: off
Sign = Literal[
    "ogg", "mp4", "asf", "riff", "rf64", "iff", "w64", "au", "caf", "matroska", "flac", "wavpack", "monkeys",
    "musepack", "musepack-7", "musepack-old", "tta", "dsd", "flv", "mpeg", "realmedia",
]
# fmt: on
"""A format that its first bytes identify."""

HEAD_SIZE = 16
"""Bytes that are needed to identify any sign."""

_SIGNS: tuple[tuple[bytes, Sign], ...] = (
    (b"OggS", "ogg"),
    (asf.HEADER, "asf"),
    (b"RIFF", "riff"),
    (b"RF64", "rf64"),
    (b"FORM", "iff"),
    (bytes.fromhex("726966662e91cf11a5d628db04c10000"), "w64"),
    (b".snd", "au"),
    (b"caff", "caf"),
    (ebml.EBML.to_bytes(4, "big"), "matroska"),
    (b"fLaC", "flac"),
    (b"wvpk", "wavpack"),
    (b"MAC ", "monkeys"),
    (b"MPCK", "musepack"),
    (b"MP+\x07", "musepack-7"),
    (b"MP+\x17", "musepack-7"),
    (b"MP+", "musepack-old"),
    (b"TTA1", "tta"),
    (b"DSD ", "dsd"),
    (b"FLV", "flv"),
    (b"\0\0\1\xba", "mpeg"),
    (b".RMF", "realmedia"),
)


def sign_of(head: bytes) -> Sign | None:
    """Return the format that a file's first 16 bytes identify; None if it is unknown."""
    if head[4:8] == b"ftyp":
        return "mp4"
    return next((name for sign, name in _SIGNS if head.startswith(sign)), None)


def is_wave(head: bytes) -> bool:
    """Whether the first 16 bytes of a RIFF or RF64 file are those of WAV."""
    return head[8:12] == b"WAVE"


def identify(file: BinaryIO) -> Container:
    """Return the container of a file by its bytes; its name does not matter.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    Container
        `mp3` includes all MPEG audio layers, `matroska` WebM; `monkeys` is Monkey's Audio.
    """
    file.seek(0)
    head = file.read(HEAD_SIZE)
    sign = sign_of(head)
    if sign in ("ogg", "mp4", "asf", "matroska"):
        return sign
    if sign == "riff" and is_wave(head):
        return "wav"
    if sign == "iff" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    file.seek(skip_id3(file))
    head = file.read(HEAD_SIZE)
    sign = sign_of(head)
    if sign in ("flac", "wavpack", "monkeys", "musepack", "tta"):
        return sign
    if sign == "musepack-7":
        return "musepack"
    return "mp3" if FrameKind.of(head, free_bit_rate=True) else "other"
