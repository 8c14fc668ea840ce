"""ASF (WMA): objects with a GUID, a size in 8 bytes, and content.

See the ASF specification, sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from genrelab.audio.containers import ContainerError

HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
CONTENT_DESCRIPTION = bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850")
METADATA = bytes.fromhex("eacbf8c5af5b77488467aa8c44fa4cca")
METADATA_LIBRARY = bytes.fromhex("941c23449894d149a1411d134e457054")
PADDING = bytes.fromhex("74d40618dfca0945a4ba9aabcb96aae8")

OBJECT_HEAD = 24
"""Bytes of an object's GUID and size."""

HEADER_HEAD = 30
"""Bytes of the header object before the objects that it holds."""

FILE_SIZE_AT = 40
"""Offset of the file's size, 8 bytes, in the file properties."""

_SEARCHED = 65_536


class AsfObject(NamedTuple):
    """The GUID of an object, and where the whole object is."""

    guid: bytes
    place: range


def objects_in(file: BinaryIO, start: int, end: int) -> Iterator[AsfObject]:
    """Yield the objects of a range.

    Raises
    ------
    ContainerError
        If an object is smaller than its head or goes beyond the end. Up to 23 bytes behind the last object
        are no error.
    """
    while start + OBJECT_HEAD <= end:
        file.seek(start)
        head = file.read(OBJECT_HEAD)
        size = int.from_bytes(head[16:], "little")
        if size < OBJECT_HEAD or start + size > end:
            raise ContainerError("an ASF object of an impossible size")
        yield AsfObject(head[:16], range(start, start + size))
        start += size


def header_end(file: BinaryIO) -> int:
    """Return where the header ends according to its own size."""
    file.seek(16)
    return int.from_bytes(file.read(8), "little")


def stated_file_size(file: BinaryIO) -> bytes:
    """Return the bytes with the file's size from the file properties; none if there are no such properties.

    The properties are searched for, not walked to, since a file that is cut off may be damaged before them.
    """
    file.seek(0)
    header = file.read(_SEARCHED)
    at = header.find(FILE_PROPERTIES)
    return header[at + FILE_SIZE_AT : at + FILE_SIZE_AT + 8] if at >= 0 else b""
