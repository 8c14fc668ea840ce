"""Open the matrix of a model's embeddings, and make it if it is not there or not right."""

from __future__ import annotations

import tempfile
import threading
from weakref import WeakKeyDictionary

import numpy as np

from genrelab.bundle.bundle import KEY_LENGTH, embedding_key
from genrelab.errors import LibraryError
from genrelab.library.store.library import Library
from genrelab.library.vectors.agreement import compare
from genrelab.library.vectors.build import build, build_unnamed
from genrelab.library.vectors.files.folder import Folder, Stored
from genrelab.library.vectors.files.manifest import DatabaseState
from genrelab.library.vectors.reading import read_rows
from genrelab.library.vectors.update import update
from genrelab.library.vectors.vectors import Vectors

STORED_FROM = 1 << 24
"""Bytes of a matrix from which it is stored: 12,000 embeddings of 688 numbers. Reading fewer takes 0.1 s."""

_Token = tuple[int, int]

_lock = threading.RLock()
_opened: WeakKeyDictionary[Library, dict[str, tuple[_Token, Vectors]]] = WeakKeyDictionary()


def open_vectors(library: Library, model: str) -> Vectors | None:
    """Open the embeddings of a model, as one matrix.

    A large matrix is stored beside the library and mapped from there. It is brought into agreement with the
    database first, which takes milliseconds if the library did not change. The first time, all embeddings are
    read: about a minute for a million of 688 numbers.

    Parameters
    ----------
    library : Library
        If nothing can be written beside it, files without a name in the folder for temporary files are used.
    model : str
        `Bundle.identity`, or `genrelab.bundle.bundle.embedding_key` of it.

    Returns
    -------
    Vectors or None
        None if the library has no embedding of this model.

    Raises
    ------
    LibraryError
        If the library cannot be used, or there is no room for temporary files.
    """
    key = embedding_key(model)
    with _lock:
        token = _token(library)
        known = _opened.setdefault(library, {})
        if key not in known or known[key][0] != token:
            known[key] = token, _open(library, key)
        vectors = known[key][1]
    return vectors if len(vectors) else None


def discard_vectors(library: Library, model: str) -> None:
    """Make the next `open_vectors` read the embeddings again, because rows of the matrix are wrong."""
    key = embedding_key(model)
    with _lock:
        _opened.pop(library, None)
        if library.writable:
            Folder(library.path, key).remove_manifest()


def _token(library: Library) -> _Token:
    """Return what changes with every change of the library, by this connection or another."""
    (version,) = library.database.rows("PRAGMA data_version")[0]
    (changes,) = library.database.rows("SELECT total_changes()")[0]
    return version, changes


def _open(library: Library, key: str) -> Vectors:
    if _is_small(library, key):
        blocks = list(read_rows(library, key))
        if not blocks:
            return Vectors(key, np.empty(0, np.int64), np.empty((0, 0), np.float16))
        ids = np.concatenate([block.ids for block in blocks])
        return Vectors(key, ids, np.concatenate([block.directions for block in blocks]))
    folder = Folder(library.path, key)
    state = DatabaseState.of(library.path)
    stored = folder.read()
    if stored is None or not stored.is_noted or stored.manifest.database != state or not state.settled:
        stored = _stored(library, key, folder, stored)
    if stored is not None:
        rows = stored.rows
        return Vectors(key, rows.ids, stored.matrix, rows.alive, sketch=stored.sketch, others=rows.others)
    try:
        written = build_unnamed(library, key)
    except OSError as error:
        raise LibraryError(
            f"the embeddings of the library {library.path} need a temporary file, which cannot be written in "
            f"{tempfile.gettempdir()}: {error.strerror or error}. Free some space, or name another folder in "
            "TMPDIR.",
            code="vectors-no-room",
        ) from error
    return Vectors(key, written.ids, written.matrix, sketch=written.sketch)


def _is_small(library: Library, key: str) -> bool:
    """Whether a matrix of all tracks is small, judged by the first embedding of the model."""
    (tracks,) = library.database.rows("SELECT count(*) FROM tracks")[0]
    if tracks * 4 >= STORED_FROM:  # however short they are
        return False
    first = library.database.rows(
        "SELECT length(CAST(embedding AS BLOB)) FROM tracks WHERE embedding IS NOT NULL "
        "AND substr(model, ?) = ? LIMIT 1",
        (-KEY_LENGTH, key),
    )
    return not first or tracks * first[0][0] // 2 < STORED_FROM


def _stored(library: Library, key: str, folder: Folder, found: Stored | None) -> Stored | None:
    """Return the stored matrix in agreement with the database; None if nothing can be written."""
    try:
        if library.writable and folder.make():
            with folder.lock():
                return _agreeing(library, key, folder)
    except OSError:  # the disk is full, or the file system has no locks
        pass
    if found is None:
        return None
    change = compare(library, found, DatabaseState.of(library.path))
    if change is None or len(change.new.ids):
        return None
    return found._replace(rows=found.rows._replace(alive=change.alive))


def _agreeing(library: Library, key: str, folder: Folder) -> Stored:
    """Bring the stored matrix into agreement with the database, or build it; the folder is locked."""
    state = DatabaseState.of(library.path)
    stored = folder.read()
    change = None if stored is None else compare(library, stored, state)
    if stored is None or change is None:
        stored = build(library, key, folder, state)
    else:
        stored = update(library, folder, stored, change, state)
    folder.tidy(stored.manifest)
    return stored
