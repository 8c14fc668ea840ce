"""Tags as lists of entries, one module per form. Some fields change, all other entries stay bit for bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import JsonValue

Field = Literal["genre", "mood", "grouping"]
"""A field of tags that genrelab writes."""

FIELDS: tuple[Field, ...] = get_args(Field)

Fields = tuple[Field, ...]
"""The fields that may change."""

GENRE: Fields = ("genre",)


class Entries(ABC):
    """The entries of one tag.

    Attributes
    ----------
    entries : list of bytes
        In the order of the file, each with its header.
    fields : tuple of Field
        The fields that may change; `snapshot` has their entries and `other_entries` all others.
    """

    entries: list[bytes]
    fields: Fields = GENRE

    @abstractmethod
    def field_of(self, entry: bytes) -> Field | None:
        """Return the field that an entry holds; None for any other entry."""

    @abstractmethod
    def values(self, field: Field = "genre") -> tuple[str, ...]:
        """Return the values of a field."""

    def of(self, field: Field) -> list[bytes]:
        """Return the entries of a field."""
        return [entry for entry in self.entries if self.field_of(entry) == field]

    def other_entries(self) -> list[bytes]:
        """Return the entries that do not change."""
        return [entry for entry in self.entries if self.field_of(entry) not in self.fields]

    def put(self, field: Field, new: Sequence[bytes], default: int) -> None:
        """Replace the entries of a field where the first of them is; without any, insert at a default.

        Parameters
        ----------
        field : Field
        new : sequence of bytes
        default : int
            A place among the entries without this field.
        """
        places = [number for number, entry in enumerate(self.entries) if self.field_of(entry) == field]
        place = places[0] if places else default
        self.entries = [entry for entry in self.entries if self.field_of(entry) != field]
        self.entries[place:place] = new

    def snapshot(self) -> list[JsonValue]:
        """Return the entries of the fields that may change, each with its place."""
        return [
            [number, entry.hex()]
            for number, entry in enumerate(self.entries)
            if self.field_of(entry) in self.fields
        ]

    def restore(self, placed: Any) -> None:
        """Put back the entries that `snapshot` returned."""
        self.entries = self.other_entries()
        for number, entry in placed:
            self.entries.insert(number, bytes.fromhex(entry))
