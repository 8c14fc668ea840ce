"""Frames of ID3v2 tags.

Several values of a field are in one frame: before ID3v2.4 as one text with separators.
The mood has a frame since ID3v2.4; before, programs write `TXXX` with the description MOOD. The grouping was
always TIT1, which iTunes 12.5 made the work of classical music; it and TagLib call GRP1 the grouping.

See id3.org/id3v2-00, id3.org/id3v2.3.0 and id3.org/id3v2.4.0-structure.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any, Self

import mutagen.id3
from pydantic import JsonValue

from genrelab.audio.containers.outer_tags import from_synchsafe, id3_length
from genrelab.errors import TagError
from genrelab.library.tags.base import NEW_PADDING
from genrelab.library.tags.entries import Entries, Field

NEW_VERSION = 4  # of new tags

NO_GENRE = 255  # in ID3v1

_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_UNDEFINED_FLAGS = {2: 0x3F, 3: 0x1F, 4: 0x0F}  # by version; programs reject tags with them
_FRAMES: dict[Field, tuple[bytes, bytes, bytes]] = {  # of ID3v2.2, 2.3 and 2.4
    "genre": (b"TCO", b"TCON", b"TCON"),
    "mood": (b"TXX", b"TXXX", b"TMOO"),
    "grouping": (b"TT1", b"TIT1", b"TIT1"),
}
_FIELDS: dict[bytes, Field] = {
    **dict.fromkeys((b"TCO", b"TCON"), "genre"),
    **dict.fromkeys((b"TT1", b"TIT1", b"GP1", b"GRP1"), "grouping"),
    b"TMOO": "mood",
}
_OF_ITUNES = (b"GP1", b"GRP1", b"GRP1")
_USER_TEXT = (b"TXX", b"TXXX")
_MOOD = "MOOD"  # the description of a text frame with the mood
_FRAME_ID = re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 \0]?")
_DAMAGED = "has a damaged ID3v2 tag. Repair it with a tag editor."
_LARGEST_TEXT = 1 << 14  # bytes of a frame with a name
_BEHIND = bytes(1024)  # replaces the sound, so that mutagen does not read part of a tag as ID3v1


class Id3(Entries):
    """The frames of one ID3v2 tag.

    Attributes
    ----------
    version : {2, 3, 4}
        Kept when the tag is written.
    entries : list of bytes
        The frames, each with its header.
    size : int
        Bytes that the tag takes in the file; 0 for one that is absent.
    present : bool
        Whether the file has the tag or will get it.
    """

    def __init__(self, version: int = NEW_VERSION, frames: Sequence[bytes] = (), size: int = 0) -> None:
        self.version = version
        self.entries = list(frames)
        self.size = size
        self.present = size > 0
        self._flags = 0

    @classmethod
    def parse(cls, tag: bytes) -> Self:
        """Read a whole tag.

        Raises
        ------
        TagError
            If it is damaged or of an unknown version.
        """
        version, flags = tag[3], tag[5]
        if version not in (2, 3, 4):
            raise TagError(f"has a tag of the unknown version ID3v2.{version}.", code="tag-version-unknown")
        if flags & _UNDEFINED_FLAGS[version]:
            raise TagError(_DAMAGED, code="tag-damaged")
        body = tag[10 : 10 + id3_length(tag) - (20 if flags & _FOOTER else 10)]
        if version < 4 and flags & _UNSYNCHRONISED:
            body = body.replace(b"\xff\x00", b"\xff")
            flags &= ~_UNSYNCHRONISED
        if flags & _EXTENDED and version == 2:
            raise TagError(
                "has a compressed ID3v2.2 tag. Remove it with a tag editor.",
                code="tag-compressed",
            )
        if flags & _EXTENDED and not _FRAME_ID.fullmatch(body[:4]):  # some programs set the flag without it
            body = body[from_synchsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big") :]
        frames = _split(body, version, safe=version == 4)
        if frames is None and version == 4:
            frames = _split(body, version, safe=False)  # iTunes wrote sizes as ID3v2.3 has them
        if frames is None:
            raise TagError(_DAMAGED, code="tag-damaged")
        tag_read = cls(version, frames, len(tag))
        # The extended header has at most a checksum; the footer only helps to find tags at the end of a file.
        tag_read._flags = flags & ~_EXTENDED & ~_FOOTER
        return tag_read

    def field_of(self, entry: bytes) -> Field | None:
        """Return the field that a frame holds."""
        name = entry[: 3 if self.version == 2 else 4]
        if name in _USER_TEXT:
            return "mood" if self._is_mood(entry) else None
        return _FIELDS.get(name)

    def _is_mood(self, entry: bytes) -> bool:
        """Whether a text frame of the user has the description of the mood, in any case."""
        if _MOOD.encode() not in entry[:64].replace(b"\0", b"").upper():  # fast, for most frames
            return False
        return any(frame.desc.upper() == _MOOD for frame in self._read([entry]).getall("TXXX"))

    def _read(self, entries: Sequence[bytes]) -> Any:
        """Return some frames as mutagen reads them, as those of ID3v2.4."""
        alone = Id3(self.version, entries)
        alone._flags = self._flags
        return mutagen.id3.ID3(io.BytesIO(alone.render() + _BEHIND), load_v1=False)

    def _named(self, field: Field, name: bytes) -> list[bytes]:
        return [frame for frame in self.of(field) if frame.startswith(name)]

    def values(self, field: Field = "genre", *, itunes: bool = False) -> tuple[str, ...]:
        """Return the values of a field; numbers of genres become names.

        The grouping is that of TIT1 and of GRP1, each value once; with `itunes`, that of GRP1 alone.
        """
        entries = self.of(field)
        if field == "grouping":
            own = self._named(field, _FRAMES[field][self.version - 2])
            ours = self._named(field, _OF_ITUNES[self.version - 2])
            entries = ours if itunes else [*own, *ours]
        if not entries:
            return ()
        frames = self._read(entries).values()
        texts = (text for frame in frames for text in (frame.genres if field == "genre" else frame.text))
        found = [text for text in texts if text.strip()]
        return tuple(dict.fromkeys(found) if field == "grouping" else found)

    def texts(self, names: Sequence[str], described: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return name and first text of some frames, in the order of the tag.

        Parameters
        ----------
        names : sequence of str
            Of text frames in the version of the tag.
        described : sequence of str
            Descriptions of text frames of the user, in capital letters, which then are the names.
        """
        wanted, length = tuple(name.encode() for name in names), 3 if self.version == 2 else 4
        texts = []
        for entry in self.entries:
            name = entry[:length]
            if len(entry) > _LARGEST_TEXT or name not in (*wanted, *_USER_TEXT):
                continue
            head = entry[:64].replace(b"\0", b"").upper()
            if name in _USER_TEXT and not any(each.encode() in head for each in described):
                continue
            for frame in self._read([entry]).values():
                key = frame.desc.upper() if name in _USER_TEXT else name.decode()
                if frame.text and (name in wanted or key in described):
                    texts.append((key, str(frame.text[0])))
        return texts

    def stored(self, values: Sequence[str], separator: str = "/") -> tuple[str, ...]:
        """Return the stored values: a single one before ID3v2.4, unless the separator is a zero."""
        one = values and self.version < 4 and separator != "\0"
        return (separator.join(values),) if one else tuple(values)

    def set_values(
        self, values: Sequence[str], field: Field = "genre", *, separator: str = "/", itunes: bool = False
    ) -> None:
        """Replace the frames of a field, or insert one in front; no values remove them.

        With `itunes`, the grouping is written to GRP1 alone, else to TIT1, and to GRP1 if there is one.
        """
        texts, names, kept = self.stored(values, separator), [_FRAMES[field][self.version - 2]], list[bytes]()
        if field == "grouping":
            ours = _OF_ITUNES[self.version - 2]
            kept = self._named(field, names[0]) if itunes else []
            names = [ours] if itunes else [*names, *([ours] if self._named(field, ours) else [])]
        self.put(field, [*kept, *(self._frame(texts, name) for name in names if values)], 0)

    def _frame(self, texts: Sequence[str], name: bytes) -> bytes:
        texts = [_MOOD, *texts] if name in _USER_TEXT else texts
        text = "\0".join(texts)
        if self.version == 4:
            data = b"\3" + text.encode()
        elif all(ord(letter) < 256 for letter in text):
            data = b"\0" + text.encode("latin-1")
        else:
            data = b"\1" + b"\0\0".join(b"\xff\xfe" + part.encode("utf-16-le") for part in texts)
        if self.version == 2:
            return name + len(data).to_bytes(3, "big") + data
        size = _to_synchsafe(len(data)) if self.version == 4 else len(data).to_bytes(4, "big")
        return name + size + b"\0\0" + data

    def snapshot_tag(self) -> dict[str, JsonValue]:
        """Return version, size and the frames that may change; only the version, None, of an absent tag."""
        if not self.present:
            return {"id3v2": None}
        return {"id3v2": self.version, "size": self.size, "frames": self.snapshot()}

    def restore_tag(self, before: Any, created_with: Sequence[bytes] = ()) -> None:
        """Restore the frames that may change, and the size of a tag.

        Parameters
        ----------
        before : dict or None
            `version`, `size` and the `snapshot` as `frames`; None for an absent tag, which is removed unless
            it has frames besides those it was created with.
        created_with : sequence of bytes

        Raises
        ------
        TagError
            If the tag is absent now, or of another version.
        """
        if before is None:
            self.entries = self.other_entries()
            self.present &= any(frame not in created_with for frame in self.entries)
        elif not self.present or before["version"] != self.version:
            raise TagError(
                f"no longer has its ID3v2.{before['version']} tag to restore.",
                code="tag-gone",
            )
        else:
            self.restore(before["frames"])
            self.size = int(before["size"])

    def render(self) -> bytes:
        """Return the tag's bytes: `size` bytes if it fits, else with padding."""
        body = b"".join(self.entries)
        size = self.size if self.size >= 10 + len(body) else 10 + len(body) + NEW_PADDING
        header = b"ID3" + bytes([self.version, 0, self._flags]) + _to_synchsafe(size - 10)
        return (header + body).ljust(size, b"\0")


def frames_of_id3v1(tag: bytes) -> list[bytes]:
    """Return the values of an ID3v1 tag as frames of `NEW_VERSION`."""
    found: Any = mutagen.id3.ID3(io.BytesIO(tag))
    for comment in found.getall("COMM"):
        comment.desc = ""  # instead of "ID3v1 Comment"
    file = io.BytesIO(_BEHIND)
    found.save(file, v2_version=NEW_VERSION)
    return Id3.parse(file.getvalue().removesuffix(_BEHIND)).entries


def id3v1_number(genres: Sequence[str]) -> int:
    """Return the ID3v1 number of the first genre that has one, else `NO_GENRE`."""
    names: list[str] = mutagen.id3.TCON.GENRES
    numbers = {name.casefold(): number for number, name in reversed(list(enumerate(names)))}
    known = (numbers[genre.casefold()] for genre in genres if genre.casefold() in numbers)
    return next(known, NO_GENRE)


def id3v1_genre(number: int) -> tuple[str, ...]:
    """Return the genre of an ID3v1 number, if there is one."""
    names: list[str] = mutagen.id3.TCON.GENRES
    return (names[number],) if number < len(names) else ()


def _split(body: bytes, version: int, *, safe: bool) -> list[bytes] | None:
    """Return the frames before the padding; None if the bytes are not frames."""
    name, head = (3, 6) if version == 2 else (4, 10)
    frames: list[bytes] = []
    at = 0
    while at < len(body) and body[at]:
        header = body[at : at + head]
        if len(header) < head or not _FRAME_ID.fullmatch(header[:name]):
            return None
        digits = header[name : name + name]
        if safe and any(byte & 0x80 for byte in digits):
            return None
        end = at + head + (from_synchsafe(digits) if safe else int.from_bytes(digits, "big"))
        if end > len(body):
            return None
        frames.append(body[at:end])
        at = end
    return None if any(body[at:]) else frames


def _to_synchsafe(number: int) -> bytes:
    if number >= 1 << 28:
        raise TagError("has tags too large for ID3v2. Remove a picture from them.", code="tag-too-large")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
