"""The tiny model file, from tests/helpers/tiny_onnx.py, and a library of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_onnx import music, tagged_model, tiny_model

from genrelab.library import Library
from genrelab.recognize import Recognizer

__all__ = ["music", "tagged_model", "tiny_model"]


@pytest.fixture(scope="session")
def recognizer(tiny_model: Path) -> Recognizer:
    return Recognizer.load(tiny_model, threads=1)


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library") / "library.db") as found:
        yield found
