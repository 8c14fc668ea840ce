"""The table of tracks: what was said about each file."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

import genrelab
from genrelab.library.store.database import Database
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.track_row import (
    COLUMNS,
    DamagedRowError,
    RecordFilter,
    TrackRow,
    genre_names,
    vector,
)
from genrelab.recognize.recognition import Recognition

_PLACES = ", ".join("?" * len(COLUMNS.split(", ")))
_PATH = "coalesce(CAST(path AS BLOB), x'')"  # in a damaged library it may be anything


class Tracks:
    """What was said about each file; a row a file.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def writable(self) -> bool:
        """Whether anything can be written down."""
        return self._database.writable

    def find(self, snapshot: FileSnapshot, wanted: RecordFilter | None = None) -> Recognition | None:
        """Look for what was said about a file's sound.

        A file of the same path, size and time is known at once. Else its sound is hashed: a file that was
        only tagged, moved or copied is found by it, and its row brought up to date.

        Parameters
        ----------
        snapshot : FileSnapshot
            The file.
        wanted : RecordFilter or None
            Whose answers count, and errors of this version of genrelab only; None means all.

        Returns
        -------
        Recognition or None
            Without its embedding. What is damaged in the library is not known.

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
        if not self.writable:
            return next((recognition for _, recognition in self._of_sound(sound, snapshot, wanted)), None)
        with self._database.transaction():
            for row, recognition in self._of_sound(sound, snapshot, wanted):
                self._adopt(row, snapshot)
                return recognition
        return None

    def _of_sound(
        self, sound: bytes, snapshot: FileSnapshot, wanted: RecordFilter | None
    ) -> Iterator[tuple[TrackRow, Recognition]]:
        """Yield the answers that count and are not damaged for a sound; that at the file's place first."""
        rows = [row for row in self._rows("sound = ? ORDER BY id", sound) if row.fits(wanted)]
        for row in sorted(rows, key=lambda row: row.path != snapshot.real):
            try:
                recognition = row.recognition(snapshot.path)
            except DamagedRowError:
                continue
            yield row, recognition

    def _adopt(self, row: TrackRow, snapshot: FileSnapshot) -> None:
        """Give what was said of a row's file to the file that was seen."""
        here = (snapshot.real, snapshot.size, snapshot.mtime_ns)
        if row.path != snapshot.real:
            self._database.execute("DELETE FROM tracks WHERE path = ?", (snapshot.real,))
            if os.path.lexists(row.path):  # a copy; else it was moved
                columns = COLUMNS.removeprefix("path, size, mtime_ns, ")
                self._database.execute(
                    f"INSERT INTO tracks ({COLUMNS}) SELECT ?, ?, ?, {columns} FROM tracks WHERE id = ?",
                    (*here, row.id),
                )
                return
        self._database.execute(
            "UPDATE tracks SET path = ?, size = ?, mtime_ns = ? WHERE id = ?", (*here, row.id)
        )

    def store(self, snapshot: FileSnapshot, recognition: Recognition, settings: str = "") -> None:
        """Write down what was said about a file, in place of what was said before.

        Parameters
        ----------
        snapshot : FileSnapshot
            The file as it was before it was recognized.
        recognition : Recognition
            The answer.
        settings : str
            How the model was used.

        Raises
        ------
        OSError
            If the file cannot be read.
        LibraryError
            If the library cannot be written.
        """
        error = recognition.error
        if error is not None:  # the path comes anew when the message is read: it may be another then
            error = error.removeprefix(f"{snapshot.path}").encode("utf-8", "backslashreplace").decode()
        timeline = json.dumps(recognition.timeline, separators=(",", ":"))
        values = (
            *(snapshot.real, snapshot.size, snapshot.mtime_ns, snapshot.hash_sound()),
            *(recognition.model, settings, genrelab.__version__),
            *(recognition.duration, recognition.genre, recognition.confidence, recognition.reason),
            json.dumps(recognition.genres, ensure_ascii=False),
            zlib.compress(timeline.encode()),
            None if recognition.embedding is None else recognition.embedding.astype("<f4").tobytes(),
            error,
            int(recognition.full),
            recognition.probabilities.astype("<f2").tobytes()
            if recognition.full and recognition.probabilities is not None
            else None,
            json.dumps(recognition.notices),
        )
        self._database.execute(f"INSERT OR REPLACE INTO tracks ({COLUMNS}) VALUES ({_PLACES})", values)

    def note_rewritten(self, path: bytes, sound: bytes) -> None:
        """Take down size and time of a file that genrelab itself has rewritten, with the same sound."""
        now = FileSnapshot(Path(os.fsdecode(path)))
        self._database.execute(
            "UPDATE tracks SET size = ?, mtime_ns = ? WHERE path = ? AND sound = ?",
            (now.size, now.mtime_ns, path, sound),
        )

    def all(self, paths: Iterable[str | os.PathLike[str]] = ()) -> Iterator[Recognition]:
        """Yield what was said, in the order of paths.

        Parameters
        ----------
        paths : iterable of str or path-like
            Files and folders; none means everything.

        Yields
        ------
        Recognition
            Without its embedding; for a row that is damaged, with an error that says so.
        """
        for number, path in self._numbers(paths):
            for row in self._rows("id = ?", number):
                yield _listed(row, Path(os.fsdecode(path)))

    def forget(self, paths: Iterable[str | os.PathLike[str]] = (), *, missing: bool = False) -> int:
        """Take tracks out of the table; the files stay as they are.

        Parameters
        ----------
        paths : iterable of str or path-like
            Files and folders; none means everything.
        missing : bool
            Of these, take those only whose file is not there any more.

        Returns
        -------
        int
            How many were taken out.
        """
        count = 0
        with self._database.transaction():
            for number, path in self._numbers(paths):
                if not (missing and os.path.lexists(path)):
                    self._database.execute("DELETE FROM tracks WHERE id = ?", (number,))
                    count += 1
        return count

    def embedding(self, path: str | os.PathLike[str]) -> npt.NDArray[np.float32] | None:
        """Return a track's embedding [shape=(d,)]; None if the file is not known or has none."""
        rows = self._database.rows("SELECT embedding FROM tracks WHERE path = ?", (real_path(path),))
        with suppress(DamagedRowError):
            return vector(rows[0][0]) if rows else None
        return None

    def counts(self) -> list[tuple[str, str, int]]:
        """Return how many tracks there are of each model and genre; errors count as the genre `error`."""
        return self._database.rows(
            "SELECT coalesce(CAST(model AS TEXT), '') AS m, coalesce(CAST(genre AS TEXT), 'error') AS g, "
            "count(*) FROM tracks GROUP BY m, g ORDER BY m, count(*) DESC, g"
        )

    def genres(self) -> set[str]:
        """Return all genres that the models know whose answers are here."""
        rows = self._database.rows("SELECT genres FROM tracks WHERE genres != '[]' GROUP BY model")
        return {genre for (ranked,) in rows for genre in genre_names(ranked)}

    def _numbers(self, paths: Iterable[str | os.PathLike[str]]) -> list[tuple[int, bytes]]:
        """Return ids and paths of the tracks at or below some paths, in the order of paths."""
        reals = [real_path(path) for path in paths]
        if not reals:
            return self._database.rows(f"SELECT id, {_PATH} AS p FROM tracks ORDER BY p, id")
        found: set[tuple[int, bytes]] = set()
        for real in reals:
            below = real.rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
            found.update(
                self._database.rows(
                    f"SELECT id, {_PATH} FROM tracks WHERE path = ? OR substr({_PATH}, 1, ?) = ?",
                    (real, len(below), below),
                )
            )
        return sorted(found, key=lambda track: (track[1], track[0]))

    def _rows(self, where: str, value: object) -> list[TrackRow]:
        found = self._database.rows(f"SELECT id, {COLUMNS} FROM tracks WHERE {where}", (value,))
        return [TrackRow(*values) for values in found]


def _listed(row: TrackRow, path: Path) -> Recognition:
    try:
        return row.recognition(path)
    except DamagedRowError as error:
        message = f"what the library holds about {path} is damaged ({error}). Recognize it again."
        return Recognition(path, str(row.model), error=message)
