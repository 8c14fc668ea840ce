"""The embeddings of a library as one matrix per model, and the search for nearest tracks in it."""

from __future__ import annotations

from genrelab.library.vectors.opening import open_vectors
from genrelab.library.vectors.vectors import Found, Vectors

__all__ = ["Found", "Vectors", "open_vectors"]
