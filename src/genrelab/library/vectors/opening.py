"""Open the matrix of a model's embeddings."""

from __future__ import annotations

import numpy as np

from genrelab.bundle.bundle import embedding_key
from genrelab.library.store.library import Library
from genrelab.library.vectors.reading import read_rows
from genrelab.library.vectors.vectors import Vectors


def open_vectors(library: Library, model: str) -> Vectors | None:
    """Open the embeddings of a model, as one matrix.

    Parameters
    ----------
    library : Library
    model : str
        `Bundle.identity`, or `genrelab.bundle.bundle.embedding_key` of it.

    Returns
    -------
    Vectors or None
        None if the library has no embedding of this model.

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """
    key = embedding_key(model)
    blocks = list(read_rows(library, key))
    if not blocks:
        return None
    ids = np.concatenate([block.ids for block in blocks])
    matrix = np.concatenate([block.directions for block in blocks])
    return Vectors(key, ids, matrix, np.ones(len(ids), np.bool_))
