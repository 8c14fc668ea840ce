"""The tracks of a library that are nearest to some directions, in exact order, as far as they are wanted.

Candidates come from the matrix of embeddings; their similarities are computed from the embeddings in the
database. Filters are tested on candidates alone, unless few pass: then the ids of all that pass are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH
from genrelab.library.explore.embeddings import Directions, Embedded, embedded_of
from genrelab.library.store.library import Library
from genrelab.library.store.track_filter import TrackFilter, at_or_below
from genrelab.library.store.track_row import DamagedRowError, vector
from genrelab.library.vectors import Vectors, open_vectors
from genrelab.library.vectors.opening import discard_vectors
from genrelab.library.vectors.vectors import ROUNDING, Ids

DIGITS = 6
"""Of a similarity: further ones are rounding errors and must not decide the order."""

_AT_ONCE = 500  # parameters of a statement
_MORE = 64  # candidates beyond the wanted number
_GROWTH = 4
_RARE = 8  # if fewer than this part of the candidates pass, all tracks that pass are read
_TRIES = 2


class Near(NamedTuple):
    """A track, and the cosine of its embedding with a direction, to six decimals."""

    track: Embedded
    similarity: float


class _StaleError(Exception):
    """A row of the matrix is not the embedding in the database."""


class Nearest:
    """Finds the tracks nearest to some directions.

    Parameters
    ----------
    library : Library
    model : str
        `Bundle.identity`, or `genrelab.bundle.bundle.embedding_key` of it.
    directions : np.ndarray [shape=(q, d)], float32
        Of length 1.
    where : TrackFilter or None
        Only tracks that fulfil it.

    Attributes
    ----------
    vectors : Vectors or None
        The matrix; None if no embedding can be compared with the directions.

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """

    def __init__(
        self, library: Library, model: str, directions: Directions, where: TrackFilter | None = None
    ) -> None:
        self._library = library
        self._model = model
        self._directions = directions
        self._where = where
        self._open()

    def _open(self) -> None:
        found = open_vectors(self._library, self._model)
        self.vectors: Vectors | None = found
        if found is not None and found.length != self._directions.shape[1]:
            self.vectors = None
        self._allowed: npt.NDArray[np.bool_] | None = None
        self._seen: dict[int, tuple[Embedded, list[float]] | None] = {}  # with the cosine with each direction

    def top(self, count: int) -> list[list[Near]]:
        """Return the nearest tracks for each direction.

        Parameters
        ----------
        count : int > 0

        Returns
        -------
        list of list of Near
            Up to `count` for each direction, most similar first; ties are ordered by path. Tracks with a
            damaged row are omitted.

        Raises
        ------
        LibraryError
            If the library cannot be used.
        """
        for _ in range(_TRIES):
            try:
                return self._top(count)
            except _StaleError:  # changed by another program, without a trace in time and size
                discard_vectors(self._library, self._model)
                self._open()
        return self._top(count, trust=True)

    def ranked(self) -> Iterator[Near]:
        """Yield all tracks, nearest first, in the order of their highest similarity with any direction.

        Raises
        ------
        LibraryError
            If the library cannot be used.
        """
        given: set[bytes] = set()
        count = _MORE
        while self.vectors is not None:
            lists = self.top(count)
            best: dict[bytes, Near] = {}
            for near in (each for some in lists for each in some):
                if near.track.path not in best or near.similarity > best[near.track.path].similarity:
                    best[near.track.path] = near
            # Below the last of a full list, there may be others that are not known yet.
            floor = max((some[-1].similarity for some in lists if len(some) == count), default=-np.inf)
            for near in sorted(best.values(), key=_order):
                if near.similarity <= floor and np.isfinite(floor):
                    break
                if near.track.path not in given:
                    given.add(near.track.path)
                    yield near
            if not np.isfinite(floor):
                return
            count *= _GROWTH

    def _top(self, count: int, *, trust: bool = False) -> list[list[Near]]:
        vectors = self.vectors
        if vectors is None:
            return [[] for _ in self._directions]
        asked = count + _MORE
        while True:
            found = vectors.search(self._directions, min(asked, len(vectors.rows)), self._allowed)
            ids = np.unique(found.rows)
            self._read(ids[ids >= 0] if len(ids) and ids[0] == -1 else ids)
            lists, is_enough = [], True
            for number, (rows, cosines) in enumerate(zip(found.rows, found.cosines, strict=True)):
                there = cosines > -np.inf
                near = self._near(number, rows[there], cosines[there], trust=trust)
                floor = (
                    float(cosines[-1]) + ROUNDING if there.all() and len(rows) < len(vectors.rows) else -2.0
                )
                is_enough &= floor == -2.0 or (len(near) >= count and near[count - 1].similarity > floor)
                lists.append(near[:count])
            if is_enough:
                return lists
            passed = sum(each is not None for each in self._seen.values())
            if self._allowed is None and self._where is not None and passed * _RARE < len(self._seen):
                self._allowed = vectors.mask(self._passing(self._where))
            asked *= _GROWTH

    def _near(self, number: int, rows: Ids, cosines: npt.NDArray[np.float32], *, trust: bool) -> list[Near]:
        """Return the tracks of some rows that pass, in order."""
        near = []
        for row, rough in zip(rows.tolist(), cosines.tolist(), strict=True):
            known = self._seen.get(row)
            if known is None:
                continue
            exact = known[1][number]
            if not trust and abs(exact - rough) > ROUNDING:
                raise _StaleError
            near.append(Near(known[0], round(min(1.0, max(-1.0, exact)), DIGITS)))
        return sorted(near, key=_order)

    def _read(self, ids: Ids) -> None:
        """Read the rows that are not known yet."""
        new = [number for number in ids.tolist() if number not in self._seen]
        clause, values = ("1", ()) if self._where is None else (self._where.clause, self._where.values)
        key = self._model[-KEY_LENGTH:]
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            self._seen.update(dict.fromkeys(some))
            marks = ", ".join("?" * len(some))
            for number, *columns, data in self._library.database.rows(
                f"WITH {among('id', marks)} SELECT id, path, sound, duration, coalesce(genre, ''), "
                "coalesce(confidence, 0.0), embedding FROM tracks "
                f"WHERE substr(model, ?) = ? AND ({clause})",
                (*some, -KEY_LENGTH, key, *values),
            ):
                track, direction = embedded_of(columns), _direction(data, self._directions.shape[1])
                if track is not None and direction is not None:
                    self._seen[number] = track, (self._directions @ direction).tolist()

    def _passing(self, where: TrackFilter) -> Ids:
        """Return the ids of all tracks that fulfil the filter."""
        found = self._library.database.numbers(f"SELECT id FROM tracks WHERE {where.clause}", where.values)
        return np.frombuffer(found, np.int64)


def among(column: str, marks: str) -> str:
    """Return the part of a WITH clause that makes `tracks` those with some values.

    A filter may have subqueries over the table `tracks`, which then see these rows alone.
    """
    return f"tracks AS (SELECT * FROM main.tracks WHERE {column} IN ({marks}))"


def with_folders(
    where: TrackFilter | None, folders: Sequence[bytes], *, genres: Sequence[str] = ()
) -> TrackFilter | None:
    """Return a filter that also asks for folders and genres.

    Parameters
    ----------
    where : TrackFilter or None
    folders : sequence of bytes
        At or below one of these real paths; none means anywhere.
    genres : sequence of str
        One of these is the predicted genre; none means any.

    Returns
    -------
    TrackFilter or None
        None if everything passes.
    """
    clauses = [] if where is None else [where.clause]
    values = [] if where is None else [*where.values]
    if folders:
        clause, bounds = at_or_below(folders)
        clauses.append(clause)
        values += bounds
    if genres:
        clauses.append(f"genre IN ({', '.join('?' * len(genres))})")
        values += genres
    text = "" if where is None else where.text
    return (
        TrackFilter(" AND ".join(f"({clause})" for clause in clauses), tuple(values), text)
        if clauses
        else None
    )


def count_left_out(library: Library, model: str, where: TrackFilter | None, others: Ids) -> tuple[int, int]:
    """Count tracks that cannot be compared.

    Parameters
    ----------
    library : Library
    model : str
    where : TrackFilter or None
        Only tracks that fulfil it.
    others : np.ndarray [shape=(m,)], int64
        Ids of the tracks that are not in the matrix.

    Returns
    -------
    int, int
        Those that a model with another embedding recognized, and those without an embedding.
    """
    clause, values = ("1", ()) if where is None else (where.clause, where.values)
    elsewhere = without = 0
    for start in range(0, len(others), _AT_ONCE):
        some = others[start : start + _AT_ONCE].tolist()
        marks = ", ".join("?" * len(some))
        for is_same, tracks, empty in library.database.rows(
            f"WITH {among('id', marks)} SELECT substr(model, ?) = ? AS same, count(*), "
            f"count(*) - count(embedding) FROM tracks WHERE ({clause}) GROUP BY same",
            (*some, -KEY_LENGTH, model[-KEY_LENGTH:], *values),
        ):
            elsewhere, without = elsewhere + (0 if is_same else tracks), without + (empty if is_same else 0)
    return elsewhere, without


def _order(near: Near) -> tuple[float, bytes]:
    return -near.similarity, near.track.path


def _direction(data: object, length: int) -> Directions | None:
    """Return a stored embedding, of length 1; None if it cannot be compared."""
    try:
        numbers = vector(data)
    except DamagedRowError:
        return None
    norm = float(np.linalg.norm(numbers))
    if len(numbers) != length or not (np.isfinite(norm) and norm > 0):
        return None
    return (numbers / norm).astype(np.float32)
