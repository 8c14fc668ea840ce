"""Read and write genre, mood and grouping in the tags of sound files; one module per family of formats."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from mutagen import MutagenError
from mutagen.mp3 import MPEGInfo

from genrelab.audio.containers.identify import HEAD_SIZE, WITH_APE, Container, identify, sign_of
from genrelab.audio.containers.outer_tags import skip_id3
from genrelab.errors import TagError
from genrelab.library.tags.ape import ApeTag
from genrelab.library.tags.asf import AsfTag
from genrelab.library.tags.base import FileTag, Snapshot, tag_errors
from genrelab.library.tags.chunks import AiffTag, WavTag
from genrelab.library.tags.entries import FIELDS, GENRE, Field, Fields
from genrelab.library.tags.flac import FlacTag
from genrelab.library.tags.matroska import MatroskaTag
from genrelab.library.tags.mp4 import Mp4Tag
from genrelab.library.tags.mpeg import MpegTag
from genrelab.library.tags.ogg import OggTag

__all__ = ["FIELDS", "GENRE", "Field", "Fields", "FileTag", "Snapshot", "read_tag", "tag_errors"]

_FAMILIES: dict[Container, type[FileTag]] = {
    "mp3": MpegTag,
    "flac": FlacTag,
    "ogg": OggTag,
    "mp4": Mp4Tag,
    "asf": AsfTag,
    "wav": WavTag,
    "aiff": AiffTag,
    "matroska": MatroskaTag,
    **dict.fromkeys(WITH_APE, ApeTag),
}


def read_tag(file: BinaryIO, path: Path, fields: Fields = GENRE) -> FileTag:
    """Read the tags of a file; its content, not its name, decides the format.

    Parameters
    ----------
    file : binary file
        Open for reading.
    path : Path
        Its path, for messages.
    fields : tuple of Field
        The fields that may change.

    Returns
    -------
    FileTag

    Raises
    ------
    TagError
        If its tags cannot be read, or not be written without loss.
    OSError
        If the file cannot be read.
    """
    with tag_errors(path):
        kind = identify(file)
        if kind == "other" and _is_mpeg(file):
            kind = "mp3"
        if kind not in _FAMILIES:
            raise TagError(
                "contains none of the formats whose tags genrelab writes, whatever its name is: MP3, FLAC, "
                "Ogg, Opus, M4A, WMA, AIFF, WAV, WavPack, Monkey's Audio, Musepack, TTA, Matroska and WebM.",
                code="tag-format-unsupported",
            )
        tag = _FAMILIES[kind](file, fields)
        for field in FIELDS:
            len(tag.values(field))  # raises errors now, with the path
        return tag


def _is_mpeg(file: BinaryIO) -> bool:
    """Whether MPEG audio follows, with other bytes before its first frame.

    Other containers, such as films, may contain frames of MPEG audio.
    """
    start = skip_id3(file)
    file.seek(start)
    if sign_of(file.read(HEAD_SIZE)) is not None:
        return False
    file.seek(start)
    try:
        return not MPEGInfo(file, start).sketchy
    except MutagenError:
        return False
