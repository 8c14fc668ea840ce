"""Walkers of containers: where parts are, and what they do with sizes that cannot be."""

from __future__ import annotations

import io
import struct

import pytest

from genrelab.audio.containers import ContainerError, asf, chunks, ebml, flac, mp4, ogg
from genrelab.audio.containers.identify import sign_of
from genrelab.audio.containers.outer_tags import id3_length
from genrelab.audio.containers.window import FileWindow


def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


def test_boxes() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 20) + b"long"
    data = box(b"ftyp", b"M4A ") + long + box(b"free", b"rest", size=0)
    found = list(mp4.boxes_in(io.BytesIO(data), 0, len(data)))
    assert [(kind, data[place.start : place.stop]) for kind, place in found] == [
        (b"ftyp", b"M4A "),
        (b"mdat", b"long"),
        (b"free", b"rest"),
    ]
    assert mp4.stated_end(io.BytesIO(data)) == len(data)
    for size in (1, 7):
        with pytest.raises(ContainerError):
            list(mp4.boxes_in(io.BytesIO(box(b"free", bytes(8), size=size)), 0, 16))
    cut = box(b"ftyp", b"M4A ") + box(b"mdat", bytes(4), size=100)
    assert mp4.stated_end(io.BytesIO(cut)) == 112
    assert mp4.stated_end(io.BytesIO(cut[:12] + bytes(3))) is None


def test_asf_objects() -> None:
    one = asf.PADDING + struct.pack("<Q", 25) + b"x"
    data = one + asf.METADATA + struct.pack("<Q", 24)
    found = list(asf.objects_in(io.BytesIO(data), 0, len(data)))
    assert found == [(asf.PADDING, range(25)), (asf.METADATA, range(25, 49))]
    assert list(asf.objects_in(io.BytesIO(data + bytes(23)), 0, len(data) + 23)) == found
    for size in (23, 26):
        with pytest.raises(ContainerError):
            list(asf.objects_in(io.BytesIO(asf.PADDING + struct.pack("<Q", size) + b"x"), 0, 25))


@pytest.mark.parametrize(("order", "form"), [("little", "<I"), ("big", ">I")])
def test_chunks(order: chunks.Order, form: str) -> None:
    body = b"fmt " + struct.pack(form, 3) + b"abc\0" + b"data" + struct.pack(form, 100) + b"cut"
    file = io.BytesIO(b"RIFF" + struct.pack(form, 4 + len(body)) + b"WAVE" + body)
    found = list(chunks.chunks_in(file, chunks.stated_end(file, order), order))
    assert [(chunk.name, chunk.content, chunk.end) for chunk in found] == [
        (b"fmt ", range(20, 23), 24),
        (b"data", range(32, 132), 132),
    ]


def test_flac_blocks() -> None:
    data = b"fLaC" + b"\0\0\0\2ab" + b"\x81\0\0\1x"
    assert list(flac.metadata_blocks(io.BytesIO(data), 0)) == [(0, range(8, 10)), (1, range(14, 15))]
    with pytest.raises(ContainerError):
        list(flac.metadata_blocks(io.BytesIO(data[:12]), 0))


@pytest.mark.parametrize(("size", "known"), [(b"\x8a", True), (b"\xff", False)])
def test_the_end_that_a_segment_states(size: bytes, known: bool) -> None:
    head = ebml.element(ebml.EBML, b"")
    segment = ebml.SEGMENT.to_bytes(4, "big") + size
    file = io.BytesIO(head + segment + b"cut")
    assert ebml.stated_end(file) == (len(head + segment) + 10 if known else None)
    assert ebml.stated_end(io.BytesIO(head)) is None


def test_the_last_page_is_whole_or_none() -> None:
    page = b"OggS\0\4" + struct.pack("<qIII", 7, 1, 2, 0) + b"\2\3\1" + b"abcd"
    found = ogg.read_last_page(FileWindow(io.BytesIO(b"junk" + page)))
    assert found == (4, ogg.LAST, 7, 1, 2, b"\3\1") and found.body == range(33, 37)
    for end in (26, 28, len(page) - 1):
        assert ogg.read_last_page(FileWindow(io.BytesIO(page[:end]))) is None


def test_length_of_id3() -> None:
    assert id3_length(b"ID3\4\0\0\0\0\1\2") == 10 + 130
    assert id3_length(b"ID3\4\0\x10\0\0\1\2") == 20 + 130  # with a footer
    assert id3_length(b"ID3\4\0\0\0\0\1\x82") == 0
    assert id3_length(b"ID3\4\0\0\0\0\1\x82", strict=False) == 10 + 130
    assert id3_length(b"ID3\4\0\0\0\0\1") == id3_length(b"TAG" + bytes(7)) == 0


@pytest.mark.parametrize(
    ("head", "sign"),
    [
        (b"\0\0\0\x20ftypM4A ", "mp4"),
        (b"MP+\x07", "musepack-7"),
        (b"MP+\x05", "musepack-old"),
        (asf.HEADER, "asf"),
        (asf.HEADER[:15], None),
        (b"\x1aE\xdf\xa3", "matroska"),
        (b"", None),
    ],
)
def test_signs(head: bytes, sign: str | None) -> None:
    assert sign_of(head) == sign
