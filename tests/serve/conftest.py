"""Small models and real servers for the tests of the HTTP interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Running, server, write_songs
from tiny_onnx import tiny_model

__all__ = ["running", "songs", "tiny_model"]


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six MP3 files in a folder of their own."""
    return write_songs(tmp_path_factory.mktemp("songs"), 6)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    songs: list[Path],
) -> Iterator[Running]:
    """A real server that the tests of a file share; its root is the folder of the songs."""
    folder, model = tmp_path_factory.mktemp("server"), request.getfixturevalue("tiny_model")
    with server(folder, model, roots=(songs[0].parent,), jobs=2, most_upload=2_000_000) as running:
        yield running
