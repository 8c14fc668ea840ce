"""Choose the decoder of a file by its content, not its name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from genrelab.audio.containers.mpeg import index_mpeg
from genrelab.audio.containers.outer_tags import skip_id3
from genrelab.audio.containers.window import RangedFile, ReadableFile
from genrelab.audio.decoders.source import AGAIN, Source
from genrelab.audio.decoders.truncation import find_cut
from genrelab.audio.flaws import Flaws
from genrelab.audio.formats import is_sound, unsupported_format
from genrelab.errors import AudioError, CutOffError, UnsupportedFormatError

# Plausible rates in Hz. Resampling from 500 MHz, as a damaged header may state, takes minutes, and a song at
# 1 Hz would last for days.
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 6_144_000
_MPEG_SUFFIXES = (".mp1", ".mp2", ".mp3", ".mpa")


def open_source(path: ReadableFile, flaws: Flaws | None = None, *, for_excerpts: bool = False) -> Source:
    """Open a sound file.

    Parameters
    ----------
    path : ReadableFile
    flaws : Flaws or None
        Collects damage while the file is read. None means that clear damage is an error.
    for_excerpts : bool
        Whether only parts will be read. Damage is then an error in all formats except MPEG audio, and of a
        `RangedFile` only what is needed is read.

    Returns
    -------
    Source

    Raises
    ------
    AudioError
        If the file is missing, unreadable, empty, or not a sound file.
    """
    check_file(path)
    try:
        spaced = for_excerpts and isinstance(path, RangedFile) and not path.walk
        source = _open_spaced(path, flaws) if spaced else None
        source = source or _open_mpeg(path, flaws)
        source = source or _open_other(path, flaws, None if for_excerpts else flaws)
    except OSError as error:
        raise AudioError(
            f"{path} cannot be read: {error.strerror or error}", code="audio-unreadable"
        ) from error
    rate = source.info.sample_rate
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        source.close()
        raise AudioError(
            f"{path} has a damaged header: a sample rate of {rate} Hz. {AGAIN}",
            code="audio-sample-rate",
        )
    return source


def check_file(path: ReadableFile) -> None:
    """Raise an `AudioError` unless the path is a readable regular file that is not empty."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist. Check the path.", code="audio-missing") from error
    except (OSError, ValueError) as error:
        raise AudioError(
            f"{path} cannot be read: {error}. Check the path and its permissions.", code="audio-unreadable"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{path} is a folder, not a sound file. Name a file in it.", code="audio-is-folder")
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{path} is not a regular file. Copy it into one.", code="audio-not-regular")
    if status.st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes). Get the file again.", code="audio-empty")
    if isinstance(path, Path) and not os.access(path, os.R_OK):
        raise AudioError(f"{path} cannot be read. Change its permissions.", code="audio-no-permission")


def _open_spaced(path: ReadableFile, flaws: Flaws | None) -> Source | None:
    """Open MPEG audio whose frames can be found without reading all of it; None for anything else."""
    from genrelab.audio.decoders.spaced_mpeg import index_spaced

    index = index_spaced(path)
    if index is None:
        return None
    from genrelab.audio.decoders.mpeg import MpegSource

    return MpegSource(path, index, Flaws() if flaws is None else flaws)


def _open_mpeg(path: ReadableFile, flaws: Flaws | None, *, anywhere: bool = False) -> Source | None:
    index = index_mpeg(path, anywhere=anywhere)
    if index is None:
        return None
    from genrelab.audio.decoders.mpeg import MpegSource

    return MpegSource(path, index, Flaws() if flaws is None else flaws)


def _open_other(path: ReadableFile, mpeg_flaws: Flaws | None, flaws: Flaws | None) -> Source:
    """Open a file that does not begin with a frame of MPEG audio."""
    from genrelab.audio.decoders.libsndfile import open_soundfile
    from genrelab.audio.decoders.pyav import PyAvSource

    with path.open("rb") as file:
        head = file.read(4)
    # libsndfile would try its MPEG decoder, which prints warnings.
    mpeg = head[:1] == b"\xff" or (head.startswith(b"ID3") and not _tagged_flac(path))
    source: Source | None = None if mpeg else open_soundfile(path, flaws)
    if source is not None:
        return source
    try:
        found = PyAvSource(path, flaws)
    except AudioError as error:
        if head.startswith(b"ID3") or path.suffix.lower() in _MPEG_SUFFIXES:
            source = _open_mpeg(path, mpeg_flaws, anywhere=True)
            if source is not None:
                return source
        raise _explained(path, error) from error
    if found.container == "mp3":  # with other bytes before its first frame
        source = _open_mpeg(path, mpeg_flaws, anywhere=True)
        if source is not None:
            found.close()
            return source
    return found


def _explained(path: ReadableFile, error: AudioError) -> AudioError:
    """Return a more specific error than that no decoder accepts the file, if possible."""
    from genrelab.audio.decoders.pyav import NotOpenedError

    if isinstance(error, UnsupportedFormatError):
        return error
    cut = find_cut(path)
    if cut is not None:
        return CutOffError(f"{path} is cut off: {cut.reason}. Get the whole file again.")
    if not isinstance(error, NotOpenedError):
        return error
    name = unsupported_format(path)
    if name is not None:
        return UnsupportedFormatError(f"{path} cannot be read: the format {name} is not supported.")
    if is_sound(path):
        return AudioError(f"{path} is damaged: no decoder can read any of it. {AGAIN}", code="audio-damaged")
    return error


def _tagged_flac(path: ReadableFile) -> bool:
    """Whether FLAC follows behind an ID3v2 tag."""
    with path.open("rb") as file:
        file.seek(skip_id3(file))
        return file.read(4) == b"fLaC"
