"""A hash of a file's sound alone, which stays the same when the file is moved, renamed or tagged.

It covers the encoded sound and what a decoder needs to read it, never tags, pictures or padding:

- MPEG audio, and formats not named below: what is between the tags at the two ends,
- FLAC: the block STREAMINFO and all frames,
- Ogg: every packet but the second of a stream (its comments), with the positions; not page numbers,
- MP4: the media data and the sample tables, with offsets counted from where the media data begins,
- WMA: the stream properties, and all that follows the header,
- WAV and AIFF: the chunks that hold the sound and its format,
- Matroska: how the tracks are encoded, the scale of time, and what is in the clusters.
"""

from __future__ import annotations

import hashlib
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from genrelab.audio.containers import ebml
from genrelab.audio.containers.identify import WITH_APE, Container, identify, skip_id3, tail_start
from genrelab.library.hashing import blocks

_Piece = range | bytes
"""Some bytes, or where they are in the file."""

_ASF_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_SOUND_CHUNKS = (b"fmt ", b"fact", b"data", b"COMM", b"SSND")
_BOXES_ABOVE_SAMPLES = (b"trak", b"mdia", b"minf", b"stbl", b"edts")
_SAMPLE_BOXES = (b"stsd", b"stts", b"stsc", b"stsz", b"stz2", b"ctts", b"stss", b"elst")


_TIME_SCALE = 0x2AD7B1
_TRACK = 0xAE
# Number, type, codec and its own data, delay, pre-roll, scale of time, sound, encodings of the content.
_TRACK_FIELDS = (0xD7, 0x83, 0x86, 0x63A2, 0x56AA, 0x56BB, 0x23314F, 0xE1, 0x6D80)
_LARGEST_TRACKS = 1 << 24


class _OddError(Exception):
    """The file is not built as its kind should be."""


def sound_digest(path: str | os.PathLike[str]) -> bytes:
    """Return the SHA-256 of a file's sound.

    A file that is damaged is hashed whole, but for tags at its ends.

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
    """Return what `sound_digest` does, of an open file."""
    kind = identify(file)
    try:
        return _digest(file, kind)
    except (_OddError, ebml.EbmlError, struct.error):
        return _digest(file, "other")


def _digest(file: BinaryIO, kind: Container) -> bytes:
    # Those with APEv2 are hashed as what is not known, which they were before their tags were written.
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
        raise _OddError
    return data


def _flac(file: BinaryIO) -> Iterator[_Piece]:
    """See RFC 9639, section 8."""
    at, last = skip_id3(file) + 4, False
    while not last:
        header = _read(file, at, 4)
        last, kind, size = bool(header[0] & 0x80), header[0] & 0x7F, int.from_bytes(header[1:], "big")
        if kind == 0:
            yield range(at + 4, at + 4 + size)
        at += 4 + size
    yield range(at, tail_start(file, at))


def _ogg(file: BinaryIO) -> Iterator[_Piece]:
    """See RFC 3533, section 6; which packets are headers: RFC 5215, RFC 7845, the Vorbis I specification."""
    packets: dict[bytes, int] = {}  # serial number of a stream -> number of its current packet
    headers: dict[bytes, int] = {}  # ... -> how many packets are headers
    at = 0
    while True:
        file.seek(at)
        page = file.read(27)
        if not page:
            return
        if len(page) < 27 or page[:4] != b"OggS":
            raise _OddError
        lacing = _read(file, at + 27, page[26])
        body = at + 27 + len(lacing)
        at = body + sum(lacing)
        serial, first = page[14:18], packets.get(page[14:18], 0)
        packets[serial] = first + sum(size < 255 for size in lacing)
        if first == 0 and serial not in headers:
            headers[serial] = 3 if _read(file, body, 7) == b"\x01vorbis" else 2
        if first < headers[serial]:
            yield from _header_packets(lacing, body, first)
        else:
            yield page[5:6] + page[6:14] + serial + lacing
            yield range(body, at)


def _header_packets(lacing: bytes, at: int, packet: int) -> Iterator[_Piece]:
    """Yield what a page of headers holds, without the comments."""
    for size in lacing:
        if packet != 1:
            yield range(at, at + size)
        at += size
        packet += size < 255


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, range]]:
    """Yield kind and content of each box of an ISO base media file (ISO/IEC 14496-12, section 4.2)."""
    while start + 8 <= end:
        header = _read(file, start, 8)
        size, head = int.from_bytes(header[:4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(_read(file, start + 8, 8), "big"), 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            raise _OddError
        yield header[4:], range(start + head, start + size)
        start += size


def _mp4(file: BinaryIO, size: int) -> Iterator[_Piece]:
    top = list(_boxes(file, 0, size))
    media = [content for kind, content in top if kind == b"mdat"]
    if not media:
        raise _OddError
    for kind, content in top:
        if kind == b"moov":
            yield from _samples(file, content, media)
    yield from (content for kind, content in top if kind in (b"mdat", b"moof"))


def _samples(file: BinaryIO, box: range, media: list[range]) -> Iterator[_Piece]:
    starts = [content.start for content in media]
    for kind, content in _boxes(file, box.start, box.stop):
        if kind in _BOXES_ABOVE_SAMPLES:
            yield kind
            yield from _samples(file, content, media)
        elif kind in _SAMPLE_BOXES:
            yield kind
            yield content
        elif kind in (b"stco", b"co64"):
            data = _read(file, content.start, len(content))
            count = int.from_bytes(data[4:8], "big")
            for offset in struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", data, 8):
                number = bisect_right(starts, offset) - 1
                if number < 0 or offset > media[number].stop:
                    raise _OddError
                yield struct.pack(">IQ", number, offset - starts[number])


def _asf(file: BinaryIO, size: int) -> Iterator[_Piece]:
    """See the ASF specification, sections 2 and 3: objects of a GUID, a size in 8 bytes, and content."""
    header = _read(file, 16, 8)
    end = int.from_bytes(header, "little")
    if end > size:
        raise _OddError
    at = 30
    while at + 24 <= end:
        head = _read(file, at, 24)
        length = int.from_bytes(head[16:], "little")
        if length < 24 or at + length > end:
            raise _OddError
        if head[:16] == _ASF_STREAM:
            yield range(at, at + length)
        at += length
    yield range(end, size)


def _chunks(file: BinaryIO, size: int, order: Literal["little", "big"]) -> Iterator[_Piece]:
    """See EA IFF 85, and Microsoft's Multimedia Programming Interface 1.0 for RIFF."""
    at, found = 12, False
    while at + 8 <= size:
        head = _read(file, at, 8)
        length = int.from_bytes(head[4:], order)
        end = min(size, at + 8 + length)  # what was never completed says too much
        if head[:4] in _SOUND_CHUNKS:
            found = True
            yield head[:4]
            yield range(at + 8, end)
        at = end + length % 2
    if not found:
        raise _OddError


def _matroska(file: BinaryIO, size: int) -> Iterator[_Piece]:
    """See RFC 9559, section 5."""
    segment = ebml.find_segment(file)
    for part in ebml.elements_in(file, segment.start, segment.end):
        if part.id == ebml.CLUSTER:
            if not part.known:
                raise _OddError
            yield range(part.start, part.end)
        elif part.id in (ebml.INFO, ebml.TRACKS):
            yield from _matroska_fields(file, range(part.start, part.end))
    yield range(segment.end, size)


def _matroska_fields(file: BinaryIO, place: range) -> list[_Piece]:
    """Return what decoders need of `Info` or `Tracks`; of one that is damaged, all."""
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
    except ebml.EbmlError:
        return [place]
    return pieces
