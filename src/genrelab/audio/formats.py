"""Suffixes of sound files, and formats that cannot be decoded."""

from __future__ import annotations

import re

from genrelab.audio.containers.identify import HEAD_SIZE, Sign, is_wave, sign_of
from genrelab.audio.containers.window import ReadableFile

# fmt: off
AUDIO_SUFFIXES: frozenset[str] = frozenset((
    ".3g2", ".3gp", ".3gpp", ".aa3", ".aac", ".ac3", ".adts", ".aif", ".aifc", ".aiff", ".amr", ".ape",
    ".asf", ".at3", ".au", ".avi", ".bonk", ".caf", ".dff", ".divx", ".dsf", ".dts", ".dtshd", ".eac3",
    ".ec3", ".f4a", ".f4b", ".f4v", ".flac", ".flv", ".ircam", ".loas", ".m1a", ".m2a", ".m2ts", ".m4a",
    ".m4b", ".m4p", ".m4r", ".m4v", ".mka", ".mkv", ".mlp", ".mov", ".mp+", ".mp1", ".mp2", ".mp3",
    ".mp4", ".mpa", ".mpc", ".mpeg", ".mpg", ".mpp", ".mts", ".mxf", ".nist", ".nut", ".oga", ".ogg",
    ".ogm", ".ogv", ".ogx", ".oma", ".omg", ".opus", ".osq", ".qoa", ".qt", ".ra", ".rf64", ".rka", ".rm",
    ".rmvb", ".shn", ".snd", ".sox", ".spx", ".tak", ".thd", ".truehd", ".ts", ".tta", ".vob", ".voc",
    ".vqf", ".w64", ".wav", ".wave", ".weba", ".webm", ".wma", ".wmv", ".wsd", ".wv", ".xwma",
    ".aa", ".aax", ".la", ".ofr", ".ofs",  # these cannot be decoded; the error names the format
))
# fmt: on
"""Lower-case suffixes of the files that a scan of a folder tries to decode."""

_BY_HEAD: tuple[tuple[int, bytes, str], ...] = (
    (0, b"MThd", "MIDI (notes, no sound)"),
    (0, b"RIFF....RMID", "MIDI (notes, no sound)"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"LA0", "Lossless Audio (LA)"),
    (0, b"PSID", "SID (a program, no sound)"),
    (0, b"RSID", "SID (a program, no sound)"),
    (0, b"NESM\x1a", "NSF (a program, no sound)"),
    (0, b"SNES-SPC700", "SPC (a program, no sound)"),
    (0, b"Vgm ", "VGM (notes, no sound)"),
    (0, b"IMPM", "Impulse Tracker module"),
    (0, b"Extended Module: ", "FastTracker module"),
    (44, b"SCRM", "Scream Tracker module"),
    (1080, b"M.K.", "ProTracker module"),
    (4, b"\x57\x90\x75\x36", "Audible (AA)"),
    (8, b"aax ", "Audible (AAX)"),
)
_BY_SUFFIX = {
    ".aa": "Audible (AA)",
    ".aax": "Audible (AAX)",
    ".it": "Impulse Tracker module",
    ".la": "Lossless Audio (LA)",
    ".mid": "MIDI (notes, no sound)",
    ".midi": "MIDI (notes, no sound)",
    ".mod": "ProTracker module",
    ".ofr": "OptimFROG",
    ".ofs": "OptimFROG",
    ".s3m": "Scream Tracker module",
    ".xm": "FastTracker module",
}
_COMMON: tuple[Sign | None, ...] = (
    *("flac", "ogg", "au", "caf", "wavpack", "tta", "monkeys", "musepack", "dsd", "mp4", "asf", "matroska"),
)
_HEAD_BYTES = 1084

_FREE = re.compile(rb"\xff[\xe2-\xff][\x00-\x0f]")  # a header of MPEG audio whose bit rate is "free"


def unsupported_format(path: ReadableFile) -> str | None:
    """Return the name of a file's format if it is known but not supported; else None.

    Parameters
    ----------
    path : ReadableFile
        A file that no decoder accepts.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for offset, sign, name in _BY_HEAD:
        if _looks_like(head[offset : offset + len(sign)], sign):
            return name
    if _FREE.match(head):
        return "MPEG audio of free bit rate"
    return _BY_SUFFIX.get(path.suffix.lower())


def is_sound(path: ReadableFile) -> bool:
    """Whether a file begins as one of the common sound formats does.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    sign = sign_of(head)
    return sign in _COMMON or (sign in ("riff", "rf64") and is_wave(head))


def _looks_like(found: bytes, sign: bytes) -> bool:
    """Whether bytes match a sign, in which four dots match anything."""
    if b"...." in sign:
        before, behind = sign.split(b"....")
        return found.startswith(before) and found.endswith(behind) and len(found) == len(sign)
    return found == sign
