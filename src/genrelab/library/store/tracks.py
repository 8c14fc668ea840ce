"""The table of tracks: the recognition of each file."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import suppress
from itertools import starmap
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.library.store.database import Database
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.listing.brief import Brief, read_briefly
from genrelab.library.store.listing.counts import (
    count_genres,
    count_tags,
    genres,
    present_tags,
    tag_pairs,
)
from genrelab.library.store.listing.selection import BLOCK, PATH, blocks, select_tracks
from genrelab.library.store.schema.derived import derive
from genrelab.library.store.schema.shown import EVERYTHING, Shown
from genrelab.library.store.schema.stored import stored_values
from genrelab.library.store.track_filter import KnownTags, TrackFilter
from genrelab.library.store.track_row import (
    COLUMNS,
    READ_COLUMNS,
    DamagedRowError,
    RecordFilter,
    TrackRow,
    is_digest,
    listed,
    vector,
)
from genrelab.recognize.recognition import Recognition

_STORED = f"{COLUMNS}, present, checksum"
_PLACES = ", ".join("?" * len(_STORED.split(", ")))
# Ids only grow, also after the newest rows were removed: what is kept beside the library goes by them.
_NEW_ID = "max(coalesce((SELECT max(id) FROM tracks), 0) + 1, ?)"


class Tracks:
    """The recognition of each file, one row per file.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def writable(self) -> bool:
        """Whether results can be stored."""
        return self._database.writable

    def find(
        self, snapshot: FileSnapshot, wanted: RecordFilter | None = None, *, adopt: bool = True
    ) -> Recognition | None:
        """Look up the result for a file by its audio.

        A file with the same path, size and time is found immediately. Otherwise its audio is hashed, which
        finds a file that was only tagged, moved or copied, and its row is updated.

        Parameters
        ----------
        snapshot : FileSnapshot
            The file.
        wanted : RecordFilter or None
            Which results to use, and only errors of this version of genrelab; None means all.
        adopt : bool
            Whether to store where a moved or copied file is. Otherwise the library stays as it is.

        Returns
        -------
        Recognition or None
            Without its embedding. Damaged rows are ignored.

        Raises
        ------
        OSError
            If the file cannot be read.
        LibraryError
            If the library cannot be used.
        """
        for row in self._rows("path = ?", snapshot.real):
            if (row.size, row.mtime_ns) == (snapshot.size, snapshot.mtime_ns):
                with suppress(DamagedRowError):
                    recognition = row.recognition(snapshot.path)
                    snapshot.set_sound(row.sound)
                    return recognition if row.fits(wanted) else None
        sound = snapshot.hash_sound()
        if not (adopt and self.writable):
            return next((recognition for _, recognition in self._of_sound(sound, snapshot, wanted)), None)
        with self._database.transaction():
            for row, recognition in self._of_sound(sound, snapshot, wanted):
                self._adopt(row, snapshot)
                return recognition
        return None

    def find_known(
        self,
        snapshots: Sequence[FileSnapshot],
        wanted: RecordFilter | None = None,
        shown: Shown = EVERYTHING,
    ) -> dict[bytes, Recognition]:
        """Look up the results for many files at once, by path, size and time; reads no audio.

        Parameters
        ----------
        snapshots : sequence of FileSnapshot
        wanted : RecordFilter or None
            Which results to use; None means all.
        shown : Shown
            What of each result is needed.

        Returns
        -------
        dict of bytes to Recognition
            By real path. `find` may find more: files that were moved or tagged.
        """
        found: dict[bytes, Recognition] = {}
        here = {snapshot.real: snapshot for snapshot in snapshots}
        reals = list(here)
        for start in range(0, len(reals), BLOCK):
            some = reals[start : start + BLOCK]
            statement = f"SELECT {READ_COLUMNS} FROM tracks WHERE path IN ({_marks(some)})"
            for row in starmap(TrackRow, self._database.rows(statement, some)):
                snapshot = here[row.path]
                same = (row.size, row.mtime_ns) == (snapshot.size, snapshot.mtime_ns)
                if same and row.fits(wanted):
                    with suppress(DamagedRowError):
                        found[row.path] = row.recognition(snapshot.path, shown)
        return found

    def knows(self, snapshot: FileSnapshot, wanted: RecordFilter | None = None) -> bool:
        """Whether there is a result for a file at this path, with this size and time; reads no audio."""
        return any(
            (row.size, row.mtime_ns) == (snapshot.size, snapshot.mtime_ns) and row.fits(wanted)
            for row in self._rows("path = ?", snapshot.real)
        )

    def entry(self, path: bytes) -> tuple[int, bytes, str] | None:
        """Return the id, the hash of the audio and the model of the result for a path; None if unknown.

        It stays the same while the file is only moved or tagged.
        """
        rows = self._database.rows("SELECT id, sound, model FROM tracks WHERE path = ?", (path,))
        return rows[0] if rows else None

    def missing(self, paths: Iterable[str | os.PathLike[str]]) -> list[tuple[int, Path]]:
        """Return the id and the path of the tracks at or below some paths whose file does not exist."""
        found = ((number, Path(os.fsdecode(path))) for number, path in self._paths(paths))
        return [(number, path) for number, path in found if not os.path.lexists(path)]

    def _of_sound(
        self, sound: bytes, snapshot: FileSnapshot, wanted: RecordFilter | None
    ) -> Iterator[tuple[TrackRow, Recognition]]:
        """Yield the accepted, undamaged results for the audio; the one at the path of the file first."""
        rows = [row for row in self._rows("sound = ? ORDER BY id", sound) if row.fits(wanted)]
        for row in sorted(rows, key=lambda row: row.path != snapshot.real):
            try:
                recognition = row.recognition(snapshot.path)
            except DamagedRowError:
                continue
            yield row, recognition

    def _adopt(self, row: TrackRow, snapshot: FileSnapshot) -> None:
        """Assign the result in a row to a file."""
        here = (snapshot.real, snapshot.size, snapshot.mtime_ns)
        if row.path != snapshot.real:
            self._database.execute("DELETE FROM tracks WHERE path = ?", (snapshot.real,))
            if os.path.lexists(row.path):  # a copy; otherwise the file was moved
                columns = _STORED.removeprefix("path, size, mtime_ns, ")
                self._database.execute(
                    f"INSERT INTO tracks (id, {_STORED}) SELECT {_NEW_ID}, ?, ?, ?, {columns} FROM tracks "
                    "WHERE id = ?",
                    (_now(), *here, row.id),
                )
                return
        self._database.execute(
            "UPDATE tracks SET path = ?, size = ?, mtime_ns = ? WHERE id = ?", (*here, row.id)
        )

    def store(self, snapshot: FileSnapshot, recognition: Recognition, settings: str = "") -> None:
        """Store the result for a file, replacing the previous one.

        Parameters
        ----------
        snapshot : FileSnapshot
            The file before it was recognized.
        recognition : Recognition
            The result.
        settings : str
            How the model was used.

        Raises
        ------
        OSError
            If the file cannot be read.
        LibraryError
            If the library cannot be written.
        """
        values = stored_values(snapshot, recognition, settings)
        derived = derive(TrackRow(0, *values))
        self._database.execute(
            f"INSERT OR REPLACE INTO tracks (id, {_STORED}) VALUES ({_NEW_ID}, {_PLACES})",
            (_now(), *values, *derived),
        )

    def note_rewritten(self, path: bytes, sound: bytes) -> None:
        """Update size and time of a file that genrelab rewrote without changing its audio."""
        now = FileSnapshot(Path(os.fsdecode(path)))
        self._database.execute(
            "UPDATE tracks SET size = ?, mtime_ns = ? WHERE path = ? AND sound = ?",
            (now.size, now.mtime_ns, path, sound),
        )

    def all(
        self,
        paths: Iterable[str | os.PathLike[str]] = (),
        where: TrackFilter | None = None,
        shown: Shown = EVERYTHING,
    ) -> Iterator[Recognition]:
        """Yield the results, ordered by path; a few hundred are read at once.

        Parameters
        ----------
        paths : iterable of str or path-like
            Files and folders; none means all tracks.
        where : TrackFilter or None
            Only tracks that fulfil it.
        shown : Shown
            What of each result is needed.

        Yields
        ------
        Recognition
            Without its embedding. For a damaged row, `error` is set.
        """
        statement = f"SELECT {PATH}, {READ_COLUMNS} FROM tracks WHERE id IN ({{marks}})"
        for block in blocks(select_tracks(self._database, paths, where)):
            found = {
                values[1]: listed(TrackRow(*values[1:]), Path(os.fsdecode(values[0])), shown)
                for values in self._database.rows(statement.format(marks=_marks(block)), block)
            }
            yield from (found[number] for number in block if number in found)

    def briefly(
        self,
        paths: Iterable[str | os.PathLike[str]] = (),
        where: TrackFilter | None = None,
        shown: Shown = EVERYTHING,
    ) -> Iterator[Brief]:
        """Yield the results in short, ordered by path: what `all` yields, several times as fast."""
        return read_briefly(self._database, paths, where, shown)

    def paths(self, paths: Iterable[str | os.PathLike[str]] = ()) -> Iterator[Path]:
        """Yield the paths of the tracks at or below some paths, in order; none means all tracks."""
        return (Path(os.fsdecode(path)) for _, path in self._paths(paths))

    def forget(self, paths: Iterable[str | os.PathLike[str]] = (), *, missing: bool = False) -> int:
        """Remove tracks from the table; the files do not change.

        Parameters
        ----------
        paths : iterable of str or path-like
            Files and folders; none means all tracks.
        missing : bool
            Only tracks whose file no longer exists.

        Returns
        -------
        int
            Number of removed tracks.
        """
        count = 0
        with self._database.transaction():
            for number, path in self._paths(paths):
                if not (missing and os.path.lexists(path)):
                    self._database.execute("DELETE FROM tracks WHERE id = ?", (number,))
                    count += 1
        return count

    def embedding(self, path: str | os.PathLike[str]) -> npt.NDArray[np.float32] | None:
        """Return the embedding [shape=(d,)] of a file; None if it is unknown or has none."""
        rows = self._database.rows("SELECT embedding FROM tracks WHERE path = ?", (real_path(path),))
        with suppress(DamagedRowError):
            return vector(rows[0][0]) if rows else None
        return None

    def known_embedding(
        self, snapshot: FileSnapshot, key: str
    ) -> tuple[bytes, npt.NDArray[np.float32] | None] | None:
        """Return the hash of the audio and the embedding of an unchanged file.

        Parameters
        ----------
        snapshot : FileSnapshot
        key : str
            `genrelab.bundle.bundle.embedding_key` of the models whose results count.

        Returns
        -------
        (bytes, np.ndarray [shape=(d,)] or None) or None
            The embedding is None for a silent file. None if there is no such result, or an error or damage.
        """
        rows = self._database.rows(
            "SELECT sound, embedding, size, mtime_ns FROM tracks "
            "WHERE path = ? AND substr(model, ?) = ? AND error IS NULL",
            (snapshot.real, -len(key), key),
        )
        for sound, embedding, size, mtime_ns in rows:
            if (size, mtime_ns) == (snapshot.size, snapshot.mtime_ns) and is_digest(sound):
                with suppress(DamagedRowError):
                    return sound, None if embedding is None else vector(embedding)
        return None

    def counts(self) -> list[tuple[str, str, int]]:
        """Return model, genre and number of tracks; the genre of errors is `error`."""
        return count_genres(self._database)

    def is_empty(self) -> bool:
        """Whether there are no tracks."""
        return not self._database.rows("SELECT 1 FROM tracks LIMIT 1")

    def has_any(self, path: str | os.PathLike[str]) -> bool:
        """Whether there is a track at or below a path."""
        return bool(select_tracks(self._database, [path], most=1))

    def count_tags(self) -> list[tuple[str, str, int]]:
        """Return kind, name and number of tracks of each tag, by kind, most tracks first; also if 0."""
        return count_tags(self._database)

    def present_tags(self, model: str) -> dict[bytes, tuple[str, ...]]:
        """Return the present tags of each track that a model recognized: path -> `mood:calm`, ...

        Tracks without any, and damaged ones, are absent.
        """
        return present_tags(self._database, model)

    def genres(self) -> set[str]:
        """Return all genres of the models with stored results."""
        return genres(self._database)

    def tags(self) -> set[str]:
        """Return all tags of the models with stored results, such as `mood:calm`."""
        return {f"{kind}:{name}" for kind, name in tag_pairs(self._database)}

    def known_tags(self) -> KnownTags:
        """Return what conditions may name."""
        names: dict[str, set[str]] = defaultdict(set)
        for kind, name in tag_pairs(self._database):
            names[kind].add(name)
        return KnownTags(frozenset(self.genres()), {kind: frozenset(found) for kind, found in names.items()})

    def _paths(self, paths: Iterable[str | os.PathLike[str]]) -> Iterator[tuple[int, bytes]]:
        """Yield ids and paths of the tracks at or below some paths, ordered by path."""
        for block in blocks(select_tracks(self._database, paths)):
            statement = f"SELECT id, {PATH} FROM tracks WHERE id IN ({_marks(block)})"
            found = dict(self._database.rows(statement, block))
            yield from ((number, found[number]) for number in block if number in found)

    def _rows(self, where: str, value: object) -> list[TrackRow]:
        found = self._database.rows(f"SELECT {READ_COLUMNS} FROM tracks WHERE {where}", (value,))
        return [TrackRow(*values) for values in found]


def _now() -> int:
    """Return the time in microseconds, above any id that was given before."""
    return time.time_ns() // 1000


def _marks(values: Sized) -> str:
    return ", ".join("?" * len(values))
