"""A hash of a file's sound that does not change when the file is moved, renamed or tagged.

It covers the encoded sound and what a decoder needs, never tags, pictures or padding:

- MPEG audio, and formats not named below: everything between the tags at both ends,
- FLAC: the block STREAMINFO and all frames,
- Ogg: every packet except the second of a stream (its comments), with positions, without page numbers,
- MP4: the media data and the sample tables, with offsets relative to the media data,
- WMA: the stream properties, and everything after the header,
- WAV and AIFF: the chunks with the sound and its format,
- Matroska: the encoding of the tracks, the time scale, and the content of the clusters.
"""

from __future__ import annotations

import hashlib
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from genrelab.audio.containers import ContainerError, asf, ebml, flac
from genrelab.audio.containers.chunks import Order, chunks_in
from genrelab.audio.containers.identify import WITH_APE, Container, identify
from genrelab.audio.containers.mp4 import Box, boxes_in
from genrelab.audio.containers.ogg import read_page
from genrelab.audio.containers.outer_tags import skip_id3, tail_start
from genrelab.audio.containers.window import FileWindow
from genrelab.library.hashing import blocks

_Piece = range | bytes
"""Bytes, or their place in the file."""

_SOUND_CHUNKS = (b"fmt ", b"fact", b"data", b"COMM", b"SSND")
_DEEPEST = 16  # boxes within boxes; real files have five
_BOXES_ABOVE_SAMPLES = (b"trak", b"mdia", b"minf", b"stbl", b"edts")
_SAMPLE_BOXES = (b"stsd", b"stts", b"stsc", b"stsz", b"stz2", b"ctts", b"stss", b"elst")


_TIME_SCALE = 0x2AD7B1
_TRACK = 0xAE
# Number, type, codec and its own data, delay, pre-roll, scale of time, sound, encodings of the content.
_TRACK_FIELDS = (0xD7, 0x83, 0x86, 0x63A2, 0x56AA, 0x56BB, 0x23314F, 0xE1, 0x6D80)
_LARGEST_TRACKS = 1 << 24


def sound_digest(path: str | os.PathLike[str]) -> bytes:
    """Return the SHA-256 of a file's sound.

    A damaged file is hashed whole, without the tags at both ends.

    Parameters
    ----------
    path : str or path-like
        A regular file.

    Returns
    -------
    bytes [32]

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return digest_of(file)


def digest_of(file: BinaryIO) -> bytes:
    """Return the digest of an open file; see `sound_digest`."""
    kind = identify(file)
    try:
        return _digest(file, kind)
    except (ContainerError, struct.error):
        return _digest(file, "other")


def _digest(file: BinaryIO, kind: Container) -> bytes:
    # Formats with APEv2 keep the digests they had as "other" formats in earlier versions.
    digest = hashlib.sha256(("other" if kind in WITH_APE else kind).encode())
    for piece in _pieces(file, kind):
        if isinstance(piece, bytes):
            digest.update(piece)
            continue
        for block in blocks(file, piece.start, piece.stop):
            digest.update(block)
    return digest.digest()


def _pieces(file: BinaryIO, kind: Container) -> Iterator[_Piece]:
    size = file.seek(0, os.SEEK_END)
    if kind == "flac":
        return _flac(file)
    if kind == "ogg":
        return _ogg(file)
    if kind == "mp4":
        return _mp4(file, size)
    if kind == "asf":
        return _asf(file, size)
    if kind in ("wav", "aiff"):
        return _chunks(file, size, "little" if kind == "wav" else "big")
    if kind == "matroska":
        return _matroska(file, size)
    start = skip_id3(file)
    return iter([range(start, tail_start(file, start))])


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) < count:
        raise ContainerError("a file that ends too early")
    return data


def _flac(file: BinaryIO) -> Iterator[_Piece]:
    at = skip_id3(file)
    for kind, content in flac.metadata_blocks(file, at):
        if kind == flac.STREAMINFO:
            yield content
        at = content.stop
    yield range(at, tail_start(file, at))


def _ogg(file: BinaryIO) -> Iterator[_Piece]:
    """Which packets are headers: see RFC 5215, RFC 7845, the Vorbis I specification."""
    packets: dict[int, int] = {}  # serial number of a stream -> number of its current packet
    headers: dict[int, int] = {}  # ... -> how many packets are headers
    window = FileWindow(file)
    at = 0
    while at < window.size:
        page = read_page(window, at)
        if page is None:
            raise ContainerError("not an Ogg page")
        serial, first, at = page.serial, packets.get(page.serial, 0), page.body.stop
        packets[serial] = first + sum(size < 255 for size in page.lacing)
        if first == 0 and serial not in headers:
            headers[serial] = 3 if _read(file, page.body.start, 7) == b"\x01vorbis" else 2
        if first < headers[serial]:
            yield from _header_packets(page.lacing, page.body.start, first)
        else:
            yield struct.pack("<BQI", page.flags, page.position, page.serial) + page.lacing
            yield page.body


def _header_packets(lacing: bytes, at: int, packet: int) -> Iterator[_Piece]:
    """Yield the content of a page of headers, without the comments."""
    for size in lacing:
        if packet != 1:
            yield range(at, at + size)
        at += size
        packet += size < 255


def _boxes(file: BinaryIO, place: range) -> Iterator[Box]:
    for box in boxes_in(file, place.start, place.stop):
        if box.content.stop > place.stop:
            raise ContainerError("an MP4 box that is cut off")
        yield box


def _mp4(file: BinaryIO, size: int) -> Iterator[_Piece]:
    top = list(_boxes(file, range(size)))
    media = [content for kind, content in top if kind == b"mdat"]
    if not media:
        raise ContainerError("an MP4 file without media")
    for kind, content in top:
        if kind == b"moov":
            yield from _samples(file, content, media)
    yield from (content for kind, content in top if kind in (b"mdat", b"moof"))


def _samples(file: BinaryIO, box: range, media: list[range], depth: int = 0) -> Iterator[_Piece]:
    if depth > _DEEPEST:
        raise ContainerError("MP4 boxes that are nested too deeply")
    starts = [content.start for content in media]
    for kind, content in _boxes(file, box):
        if kind in _BOXES_ABOVE_SAMPLES:
            yield kind
            yield from _samples(file, content, media, depth + 1)
        elif kind in _SAMPLE_BOXES:
            yield kind
            yield content
        elif kind in (b"stco", b"co64"):
            data = _read(file, content.start, len(content))
            count = int.from_bytes(data[4:8], "big")
            for offset in struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", data, 8):
                number = bisect_right(starts, offset) - 1
                if number < 0 or offset > media[number].stop:
                    raise ContainerError("samples that are not in the media data")
                yield struct.pack(">IQ", number, offset - starts[number])


def _asf(file: BinaryIO, size: int) -> Iterator[_Piece]:
    end = asf.header_end(file)
    if end > size:
        raise ContainerError("an ASF header that is cut off")
    for guid, place in asf.objects_in(file, asf.HEADER_HEAD, end):
        if guid == asf.STREAM_PROPERTIES:
            yield place
    yield range(end, size)


def _chunks(file: BinaryIO, size: int, order: Order) -> Iterator[_Piece]:
    found = False
    for chunk in chunks_in(file, size, order):
        if chunk.name in _SOUND_CHUNKS:
            found = True
            yield chunk.name
            yield range(chunk.content.start, min(size, chunk.content.stop))  # a header may never be completed
    if not found:
        raise ContainerError("no chunk of sound")


def _matroska(file: BinaryIO, size: int) -> Iterator[_Piece]:
    """See RFC 9559, section 5."""
    segment = ebml.find_segment(file)
    for part in ebml.elements_in(file, segment.start, segment.end):
        if part.id == ebml.CLUSTER:
            if not part.known:
                raise ContainerError("a cluster of unknown size")
            yield range(part.start, part.end)
        elif part.id in (ebml.INFO, ebml.TRACKS):
            yield from _matroska_fields(file, range(part.start, part.end))
    yield range(segment.end, size)


def _matroska_fields(file: BinaryIO, place: range) -> list[_Piece]:
    """Return what decoders need of `Info` or `Tracks`; all of it if it is damaged."""
    if len(place) > _LARGEST_TRACKS:
        return [place]
    data = _read(file, place.start, len(place))
    pieces: list[_Piece] = []
    try:
        for inner in ebml.elements_of(data):
            if inner.id == _TIME_SCALE:
                pieces.append(data[inner.at : inner.end])
            elif inner.id == _TRACK:
                fields = ebml.elements_of(data, inner.start, inner.end)
                pieces += (data[field.at : field.end] for field in fields if field.id in _TRACK_FIELDS)
    except ContainerError:
        return [place]
    return pieces
