"""Read what the tags of a file say about its album."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import mutagen
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.mp4 import MP4

from genrelab.audio.containers import ContainerError
from genrelab.audio.containers.chunks import Order, chunks_in, stated_end
from genrelab.audio.containers.flac import VORBIS_COMMENT, metadata_blocks
from genrelab.audio.containers.identify import WITH_APE, identify
from genrelab.audio.containers.outer_tags import ID3V1_SIZE, has_id3v1, id3_size, skip_id3
from genrelab.errors import TagError
from genrelab.library.tags.base import read_range, tag_errors
from genrelab.library.tags.entries.comments import Comments
from genrelab.library.tags.entries.id3 import Id3, frames_of_id3v1
from genrelab.library.tags.entries.riff_info import Info
from genrelab.library.tags.matroska import MatroskaTag
from genrelab.library.tags.ogg import OggTag
from genrelab.recognize.albums.names import AlbumTags

_LARGEST_TAG = 1 << 25  # bytes; a larger tag is not read
_LARGEST_LIST = 1 << 20  # bytes of a list of texts
_MOST_CHUNKS = 1000
_YES = frozenset(("1", "true", "yes"))

Texts = Mapping[str, str]
"""The first text of `album`, `album_artist`, `artist` and `compilation`, if there is one."""

_NAMES: dict[str, tuple[str, ...]] = {
    "album": ("ALBUM", "TALB", "TAL", "\xa9ALB", "WM/ALBUMTITLE", "IPRD"),
    "album_artist": (
        *("ALBUMARTIST", "ALBUM ARTIST", "ALBUM_ARTIST", "TPE2", "TP2", "AART", "WM/ALBUMARTIST"),
    ),
    "artist": ("ARTIST", "TPE1", "TP1", "\xa9ART", "AUTHOR", "IART"),
    "compilation": ("COMPILATION", "TCMP", "TCP", "CPIL", "WM/ISCOMPILATION"),
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names}
_FRAMES = ("TALB", "TPE1", "TPE2", "TCMP")
_DESCRIBED = ("ALBUMARTIST", "ALBUM ARTIST", "COMPILATION", "TCMP")  # FFmpeg describes the flag
_OLD_FRAMES = ("TAL", "TP1", "TP2", "TCP")


def read_album_tags(path: Path) -> AlbumTags:
    """Read the album, its artist, the artist, and whether tags mark the album as a compilation.

    Parameters
    ----------
    path : Path
        A sound file. Its content, not its name, decides the format; the sound is not read.

    Returns
    -------
    AlbumTags
        Empty for a file without tags, or that is not regular or cannot be read: recognition says what is
        wrong with it.
    """
    try:
        if not path.is_file():  # reading a pipe would take its sound away
            return AlbumTags()
        with path.open("rb") as file, tag_errors(path):
            texts = _texts_of(file)
    except (TagError, ContainerError, OSError, ValueError):
        return AlbumTags()
    album, album_artist, artist, flag = map(texts.get, _NAMES)
    return AlbumTags(album, album_artist, artist, (flag or "").casefold() in _YES)


def _texts_of(file: BinaryIO) -> Texts:
    kind = identify(file)
    if kind in WITH_APE:
        return {**_of_id3(file), **_of_ape(file)}
    file.seek(0)
    readers: dict[str, Callable[[BinaryIO], Texts]] = {
        "flac": _of_flac,
        "ogg": _of_ogg,
        "mp4": lambda file: _of_mapping(MP4(file).tags),
        "asf": lambda file: _of_mapping(ASF(file).tags),
        "wav": lambda file: _of_chunks(file, "little"),
        "aiff": lambda file: _of_chunks(file, "big"),
        "matroska": lambda file: _of_pairs(MatroskaTag(file).pairs()),
    }
    if kind in readers:
        return readers[kind](file)
    return {**_of_ape(file), **_of_id3(file)}  # MPEG, also with other bytes before its first frame


def _of_id3(file: BinaryIO) -> Texts:
    """Read ID3v2 in front, or else ID3v1 at the end."""
    size = id3_size(file)
    if 0 < size <= _LARGEST_TAG:
        file.seek(0)
        if texts := _of_frames(Id3.parse(file.read(size))):
            return texts
    if not has_id3v1(file):
        return {}
    file.seek(-ID3V1_SIZE, io.SEEK_END)
    return _of_frames(Id3(frames=frames_of_id3v1(file.read(ID3V1_SIZE))))


def _of_frames(tag: Id3) -> Texts:
    return _of_pairs(tag.texts(_OLD_FRAMES if tag.version == 2 else _FRAMES, _DESCRIBED))


def _of_ape(file: BinaryIO) -> Texts:
    try:
        return _of_mapping(APEv2(file))
    except mutagen.MutagenError:  # none, or an unreadable one
        return {}


def _of_flac(file: BinaryIO) -> Texts:
    for kind, content in metadata_blocks(file, skip_id3(file)):
        if kind == VORBIS_COMMENT:
            return _of_comments(Comments.parse(read_range(file, content)))
    return {}


def _of_ogg(file: BinaryIO) -> Texts:
    return _of_comments(OggTag(file).comments)


def _of_comments(comments: Comments) -> Texts:
    parts = (entry.partition(b"=") for entry in comments.entries if len(entry) < _LARGEST_LIST)
    return _of_pairs((_decode(name), _decode(value)) for name, _, value in parts)


def _of_chunks(file: BinaryIO, order: Order) -> Texts:
    """Read an ID3v2 tag in a chunk, or else `LIST INFO`."""
    texts: dict[str, str] = {}
    for number, chunk in enumerate(chunks_in(file, min(stated_end(file, order), file.seek(0, 2)), order)):
        if number == _MOST_CHUNKS:
            break
        if chunk.name.lower() == b"id3 " and 0 < id3_size(file, chunk.content.start) <= _LARGEST_TAG:
            texts = {**texts, **_of_frames(Id3.parse(read_range(file, chunk.content)))}
        elif chunk.name == b"LIST" and chunk.size <= _LARGEST_LIST:
            data = read_range(file, chunk.content)
            texts = {**_of_pairs(Info(data).texts() if Info.is_one(data) else ()), **texts}
    return texts


def _of_mapping(tags: Any) -> Texts:
    """Read the tags of mutagen: lists of values, or values with a text; no pictures, which can be large."""
    named = ((str(name), values) for name, values in (tags or {}).items())
    return _of_pairs((name, _first(values)) for name, values in named if name.upper() in _FIELDS)


def _first(values: Any) -> str:
    value = values[0] if isinstance(values, list) and values else values
    return str(value).split("\0")[0]


def _of_pairs(pairs: Iterable[tuple[str, str]]) -> Texts:
    texts: dict[str, str] = {}
    for name, value in pairs:
        field = _FIELDS.get(name.upper())
        if field and value.strip():
            texts.setdefault(field, value.strip())
    return texts


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")
