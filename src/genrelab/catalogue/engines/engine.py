"""What an engine is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from genrelab.catalogue.settings import Settings


class Engine(Protocol):
    """Runs `genrelab.catalogue.records.records` on many files at once."""

    @property
    def name(self) -> str:
        """As `--engine` takes it."""
        ...

    def run(self, files: Iterable[pa.Table], settings: Settings) -> Iterator[pa.Table]:
        """Yield the records of files as they are made, in any order, exactly one row per file.

        The caller writes the shards; a table may have any number of rows. A file whose worker dies gives an
        error row (see `genrelab.catalogue.records.failed`), and the others go on.

        Parameters
        ----------
        files : iterable of pyarrow.Table
            Tables of the schema `genrelab.catalogue.schema.FILES`, without rows that are already in the
            catalogue. It is read only as far ahead as the engine needs.
        settings : Settings

        Yields
        ------
        pyarrow.Table
            Of the schema `genrelab.catalogue.schema.RECORDS`.

        Raises
        ------
        GenrelabError
            If nothing can be recognized at all: the model cannot be used, or the engine cannot start. An
            error about one file is a row.
        """
        ...
