"""Ogg: the comments of the first Vorbis, Opus, FLAC or Speex stream; other streams do not change.

Comments that fit into their packet change only its pages; otherwise later pages are renumbered. See RFC 3533;
RFC 7845, section 5.2; xiph.org/flac/ogg_mapping.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, BinaryIO

from mutagen.ogg import OggPage

from genrelab.errors import TagError
from genrelab.library.tags.base import NEW_PADDING, FileTag, Snapshot, copy
from genrelab.library.tags.entries import GENRE, Field, Fields
from genrelab.library.tags.entries.comments import Comments

# Beginning of a stream's first packet -> beginning of its packet of comments.
_CODECS = {
    b"\x01vorbis": b"\x03vorbis",
    b"OpusHead": b"OpusTags",
    b"\x7fFLAC": b"\x84\0\0\0",
    b"Speex   ": b"",
}
_FLAC = b"\x7fFLAC"


class OggTag(FileTag):
    """The tags of an Ogg file."""

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        self._codec, pages = _comment_pages(file)
        packet: bytes = OggPage.to_packets(pages, strict=False)[0]
        begin = _CODECS[self._codec]
        self._begin = packet[: len(begin)]
        if self._codec == _FLAC:
            if packet[0] & 0x7F != 4:
                raise TagError(
                    "has no comments where they should be. Encode it again.",
                    code="tag-no-comments",
                )
        elif self._begin != begin:
            raise TagError("has no comments where they should be. Encode it again.", code="tag-no-comments")
        self._comments = Comments.parse(packet[len(begin) :])
        self._comments.fields = fields
        self._size = len(packet)

    @property
    def comments(self) -> Comments:
        """All comments, as they are in memory."""
        return self._comments

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field among the comments."""
        return self._comments.values(field)

    def snapshot(self) -> Snapshot:
        """Return the comments that may change, and the size of their packet."""
        return {"comments": self._comments.snapshot(), "size": self._size}

    def others(self) -> Any:
        """Return all other comments."""
        return self._comments.others()

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field."""
        self._comments.set_values(values, field)

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the comments."""
        self._comments.restore(snapshot["comments"])
        self._size = int(str(snapshot["size"]))

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; pages of sound are copied, and renumbered if necessary."""
        copy(source, draft)
        _, pages = _comment_pages(draft)
        packets = OggPage.to_packets(pages, strict=False)
        packet = self._packet()
        if len(packet) != len(packets[0]):
            packets[0] = packet
            laid_out = OggPage.from_packets(packets, pages[0].sequence)
            laid_out[-1].position = pages[-1].position
            if len(laid_out) != len(pages):  # then mutagen renumbers all later pages
                _check_pages_behind(draft, pages[-1])
            OggPage.replace(draft, pages, laid_out)
            return
        for page in pages:
            size = len(page.packets[0])
            page.packets[0], packet = packet[:size], packet[size:]
            draft.seek(page.offset)
            draft.write(page.write())

    def _packet(self) -> bytes:
        """Return the packet of comments: in `_size` bytes if it fits, else with padding."""
        block = self._comments.render()
        if self._codec == _FLAC:  # it states its size and allows no padding
            return self._begin[:1] + len(block).to_bytes(3, "big") + block
        kept = self._comments.rest.rstrip(b"\0")  # framing bit of Vorbis; extra data of Opus
        packet = self._begin + block + kept
        size = self._size if self._size >= len(packet) else len(packet) + NEW_PADDING
        return packet.ljust(size, b"\0")


def _comment_pages(file: BinaryIO) -> tuple[bytes, list[Any]]:
    """Return the beginning of a stream's first packet, and the pages of its second one."""
    file.seek(0)
    serial, codec = None, b""
    while serial is None:
        page = OggPage(file)
        if not page.first:
            raise TagError(
                "is Ogg without Vorbis, Opus, FLAC or Speex: unknown tags.",
                code="tag-format-unsupported",
            )
        codec = next((begin for begin in _CODECS if page.packets[0].startswith(begin)), b"")
        serial = page.serial if codec else None
    pages: list[Any] = []
    while not pages or not (pages[-1].complete or len(pages[-1].packets) > 1):
        page = OggPage(file)
        if page.serial == serial:
            _check(file, page)
            pages.append(page)
    return codec, pages


def _check_pages_behind(file: BinaryIO, last: Any) -> None:
    """Raise if a later page of the same stream is damaged."""
    file.seek(last.offset + last.size)
    with suppress(EOFError):
        while True:
            page = OggPage(file)
            if page.serial == last.serial:
                _check(file, page)


def _check(file: BinaryIO, page: Any) -> None:
    """Raise if a page's checksum is wrong; rewriting the page would hide the damage."""
    file.seek(page.offset)
    if file.read(page.size) != page.write():
        raise TagError(
            "has a page with a wrong checksum. Get the file again, or encode it again.",
            code="tag-checksum",
        )
