"""A tagger of the library of a test."""

from __future__ import annotations

import pytest

from genrelab.library import Library, Tagger


@pytest.fixture
def tagger(library: Library) -> Tagger:
    return Tagger(library)
