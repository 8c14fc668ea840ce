"""Tags as lists of entries, one module per form. Entries of the genre change, all others stay bit for bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue


class Entries(ABC):
    """The entries of one tag.

    Attributes
    ----------
    entries : list of bytes
        In the order of the file, each with its header.
    """

    entries: list[bytes]

    @abstractmethod
    def is_genre(self, entry: bytes) -> bool:
        """Whether an entry holds the genre."""

    @abstractmethod
    def genres(self) -> tuple[str, ...]:
        """Return the genres."""

    def other_entries(self) -> list[bytes]:
        """Return the entries that do not hold the genre."""
        return [entry for entry in self.entries if not self.is_genre(entry)]

    def put(self, new: Sequence[bytes], default: int) -> None:
        """Replace the entries of the genre where the first of them is; without any, insert at a default."""
        places = [number for number, entry in enumerate(self.entries) if self.is_genre(entry)]
        place = places[0] if places else default
        self.entries = self.other_entries()
        self.entries[place:place] = new

    def snapshot(self) -> list[JsonValue]:
        """Return the entries of the genre, each with its place."""
        return [[number, entry.hex()] for number, entry in enumerate(self.entries) if self.is_genre(entry)]

    def restore(self, placed: Any) -> None:
        """Put back the entries that `snapshot` returned."""
        self.entries = self.other_entries()
        for number, entry in placed:
            self.entries.insert(number, bytes.fromhex(entry))
