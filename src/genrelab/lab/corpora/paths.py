"""Helpers for paths, which all loaders share."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.errors import AudioError, CorpusError
from genrelab.files import expand_home
from genrelab.lab.corpora.types import Clip
from genrelab.printing import shorten
from genrelab.system import portable_name

_LONGEST_NAME = 60


def given_path(text: str, *, corpus: str) -> Path:
    """Return the path after the colon of a corpus spec, with `~` expanded.

    Parameters
    ----------
    text : str
        The text after the colon.
    corpus : str
        The name before the colon, for the message.

    Raises
    ------
    CorpusError
        If the text is empty or the path does not exist.
    """
    if not text:
        message = f"{corpus}: the path is missing. Write {corpus}:/path/to/the/corpus"
        raise CorpusError(message, code="corpus-path-not-given")
    path = expand_home(text)
    if not path.exists():
        message = f"{corpus}: {path} does not exist. Give the path of the corpus"
        raise CorpusError(message, code="corpus-path-missing")
    return path


def given_folder(text: str, *, corpus: str) -> Path:
    """Return the folder after the colon of a corpus spec, with `~` expanded.

    Raises
    ------
    CorpusError
        If the text is empty, or the path does not exist or is not a folder.
    """
    path = given_path(text, corpus=corpus)
    if not path.is_dir():
        message = f"{corpus}: {path} is not a folder. Give the folder of the corpus"
        raise CorpusError(message, code="corpus-not-a-folder")
    return path


def sound_file(clip: Clip) -> Path:
    """Return the sound file of a clip, or raise `AudioError` if it has none."""
    if clip.path is None:
        raise AudioError(f"clip {clip.id} has neither a file nor a renderer", code="clip-without-sound")
    return clip.path


def printable(text: str) -> str:
    r"""Return text that every file format can hold: bytes of a file name outside UTF-8 become `\xe9`.

    Examples
    --------
    >>> printable("caf\udce9")
    'caf\\xe9'
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_audio(file: Path) -> bool:
    """Tell whether a path is a sound file by its suffix, and not hidden."""
    return not file.name.startswith(".") and file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()


def without_suffix(path: str) -> str:
    """Return a path without the suffix of a sound file; other suffixes belong to the name (`9-voice.02`)."""
    stem, suffix = os.path.splitext(path)
    return stem if suffix.lower() in AUDIO_SUFFIXES else path


def folder_safe(text: str) -> str:
    """Return a name of at most 60 characters from `a-z0-9._-`.

    A truncated name ends in a short digest of the whole name, which keeps long names distinct.

    Examples
    --------
    >>> folder_safe("My Music (2020)")
    'my-music-2020'
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", text.casefold()).strip("-.")
    if not name:
        name = hashlib.sha256(text.encode()).hexdigest()[:8]
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        name = f"{name[: _LONGEST_NAME - 9]}-{digest}"
    return portable_name(name)


def examples(items: list[str], *, limit: int = 3) -> str:
    """Join the first few names for a message: `a, b, c and 7 more`."""
    shown = ", ".join(map(shorten, items[:limit]))
    rest = len(items) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
