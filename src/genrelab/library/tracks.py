"""The table of tracks: what was said about each file."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import genrelab
from genrelab.library.database import Database
from genrelab.library.sighting import Sighting, real_path
from genrelab.recognize.recognition import Notice, RankedGenre, Recognition, Segment

_COLUMNS = (
    "path, size, mtime_ns, sound, model, settings, version, duration, genre, confidence, reason, genres, "
    "timeline, embedding, error, full, probabilities, notices"
)
_PLACES = ", ".join("?" * len(_COLUMNS.split(", ")))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose answers count.

    Parameters
    ----------
    model : str or None
        `Bundle.identity`; None means that of any model, however it was used.
    settings : str
        How the model was used; the same text means the same way.
    full : bool
        Whether only answers count for which all of the file was heard.
    probabilities : bool
        Whether only those count that tell the probabilities of each of its segments.
    """

    model: str | None
    settings: str = ""
    full: bool = False
    probabilities: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A track as the table has it."""

    id: int
    path: bytes
    size: int
    mtime_ns: int
    sound: bytes
    model: str
    settings: str
    version: str
    duration: float | None
    genre: str | None
    confidence: float | None
    reason: Any
    genres: str
    timeline: bytes
    embedding: bytes | None
    error: str | None
    full: int
    probabilities: bytes | None
    notices: str

    def fits(self, wanted: Wanted | None) -> bool:
        """Whether this is an answer that counts."""
        if wanted is None:
            return True
        # What another version could not read, this one may.
        readable = self.error is None or self.version == genrelab.__version__
        enough = bool(self.full) or not (wanted.full or wanted.probabilities)
        told = self.probabilities is not None or self.error is not None or not wanted.probabilities
        same = wanted.model is None or (self.model, self.settings) == (wanted.model, wanted.settings)
        return same and readable and enough and told

    def recognition(self, path: Path) -> Recognition:
        """Return what was said, about a file that is now called `path`."""
        error = self.error
        if error is not None and error.startswith(" "):
            error = f"{path}{error}"
        genres = tuple(RankedGenre(*pair) for pair in json.loads(self.genres))
        timeline = tuple(Segment(*values) for values in json.loads(zlib.decompress(self.timeline)))
        probabilities = None
        if self.probabilities is not None:
            probabilities = np.frombuffer(self.probabilities, "<f2").astype(np.float16)
            probabilities = probabilities.reshape(len(timeline), len(genres))
        return Recognition(
            path,
            self.model,
            duration=self.duration,
            genre=self.genre,
            confidence=self.confidence,
            genres=genres,
            timeline=timeline,
            reason=self.reason,
            error=error,
            notices=tuple(Notice(*pair) for pair in json.loads(self.notices)),
            full=bool(self.full),
            probabilities=probabilities,
        )


class Tracks:
    """What was said about each file; a row a file.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, seen: Sighting, wanted: Wanted | None = None) -> Recognition | None:
        """Look for what was said about a file's sound.

        A file of the same path, size and time is known at once. Else its sound is hashed: a file that was
        only tagged, moved or copied is found by it, and its row brought up to date.

        Parameters
        ----------
        seen : Sighting
            The file.
        wanted : Wanted or None
            Whose answers count, and errors of this version of genrelab only; None means all.

        Returns
        -------
        Recognition or None
            Without its embedding.

        Raises
        ------
        OSError
            If the file cannot be read.
        LibraryError
            If the library cannot be used.
        """
        for row in self._rows("path = ?", seen.real):
            if (row.size, row.mtime_ns) == (seen.size, seen.mtime_ns):
                seen.take_sound(row.sound)
                return row.recognition(seen.path) if row.fits(wanted) else None
        sound = seen.hash_sound()
        with self._database.transaction():
            rows = [row for row in self._rows("sound = ? ORDER BY id", sound) if row.fits(wanted)]
            if not rows:
                return None
            row = min(rows, key=lambda row: row.path != seen.real)
            self._adopt(row, seen)
        return row.recognition(seen.path)

    def _adopt(self, row: _Row, seen: Sighting) -> None:
        """Give what was said of a row's file to the file that was seen."""
        here = (seen.real, seen.size, seen.mtime_ns)
        if row.path != seen.real:
            self._database.execute("DELETE FROM tracks WHERE path = ?", (seen.real,))
            if os.path.lexists(row.path):  # a copy; else it was moved
                columns = _COLUMNS.removeprefix("path, size, mtime_ns, ")
                self._database.execute(
                    f"INSERT INTO tracks ({_COLUMNS}) SELECT ?, ?, ?, {columns} FROM tracks WHERE id = ?",
                    (*here, row.id),
                )
                return
        self._database.execute(
            "UPDATE tracks SET path = ?, size = ?, mtime_ns = ? WHERE id = ?", (*here, row.id)
        )

    def store(self, seen: Sighting, said: Recognition, settings: str = "") -> None:
        """Write down what was said about a file, in place of what was said before.

        Parameters
        ----------
        seen : Sighting
            The file as it was before it was recognized.
        said : Recognition
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
        error = said.error
        if error is not None:  # the path comes anew when the message is read: it may be another then
            error = error.removeprefix(f"{seen.path}").encode("utf-8", "backslashreplace").decode()
        timeline = json.dumps(said.timeline, separators=(",", ":"))
        values = (
            *(seen.real, seen.size, seen.mtime_ns, seen.hash_sound()),
            *(said.model, settings, genrelab.__version__),
            *(said.duration, said.genre, said.confidence, said.reason),
            json.dumps(said.genres, ensure_ascii=False),
            zlib.compress(timeline.encode()),
            None if said.embedding is None else said.embedding.astype("<f4").tobytes(),
            error,
            int(said.full),
            said.probabilities.astype("<f2").tobytes()
            if said.full and said.probabilities is not None
            else None,
            json.dumps(said.notices),
        )
        self._database.execute(f"INSERT OR REPLACE INTO tracks ({_COLUMNS}) VALUES ({_PLACES})", values)

    def note_rewritten(self, path: bytes, sound: bytes) -> None:
        """Take down size and time of a file that genrelab itself has rewritten, with the same sound."""
        status = os.stat(path)
        self._database.execute(
            "UPDATE tracks SET size = ?, mtime_ns = ? WHERE path = ? AND sound = ?",
            (status.st_size, status.st_mtime_ns, path, sound),
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
            Without its embedding.
        """
        for number in self._numbers(paths):
            for row in self._rows("id = ?", number):
                yield row.recognition(Path(os.fsdecode(row.path)))

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
            for number in self._numbers(paths):
                ((path,),) = self._database.rows("SELECT path FROM tracks WHERE id = ?", (number,))
                if not (missing and os.path.lexists(path)):
                    self._database.execute("DELETE FROM tracks WHERE id = ?", (number,))
                    count += 1
        return count

    def embedding(self, path: str | os.PathLike[str]) -> npt.NDArray[np.float32] | None:
        """Return a track's embedding [shape=(d,)]; None if the file is not known or has none."""
        rows = self._database.rows("SELECT embedding FROM tracks WHERE path = ?", (real_path(path),))
        if not rows or rows[0][0] is None:
            return None
        return np.frombuffer(rows[0][0], "<f4").astype(np.float32)

    def counts(self) -> list[tuple[str, str, int]]:
        """Return how many tracks there are of each model and genre; errors count as the genre `error`."""
        return self._database.rows(
            "SELECT model, coalesce(genre, 'error') AS genre, count(*) FROM tracks "
            "GROUP BY model, genre ORDER BY model, count(*) DESC, genre"
        )

    def genres(self) -> set[str]:
        """Return all genres that the models know whose answers are here."""
        rows = self._database.rows("SELECT genres FROM tracks WHERE genres != '[]' GROUP BY model")
        return {genre for (ranked,) in rows for genre, _ in json.loads(ranked)}

    def _numbers(self, paths: Iterable[str | os.PathLike[str]]) -> list[int]:
        """Return the ids of the tracks at or below some paths, in the order of paths."""
        reals = [real_path(path) for path in paths]
        if not reals:
            return [number for (number,) in self._database.rows("SELECT id FROM tracks ORDER BY path")]
        found: dict[bytes, int] = {}
        for real in reals:
            below = real.rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
            found.update(
                self._database.rows(
                    "SELECT path, id FROM tracks WHERE path = ? OR substr(path, 1, ?) = ?",
                    (real, len(below), below),
                )
            )
        return [found[path] for path in sorted(found)]

    def _rows(self, where: str, value: object) -> list[_Row]:
        found = self._database.rows(f"SELECT id, {_COLUMNS} FROM tracks WHERE {where}", (value,))
        return [_Row(*values) for values in found]
