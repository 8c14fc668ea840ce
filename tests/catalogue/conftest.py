"""Fixtures of the catalogue: an object store, a tiny model, and sounds in several formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_onnx
from s3_store import Store, running_store

from genrelab.audio.encode import write_mp3
from genrelab.catalogue.run import with_identity
from genrelab.catalogue.settings import Settings


@pytest.fixture(scope="session")
def _server() -> Iterator[Store]:
    with running_store() as store:
        yield store


@pytest.fixture
def store(_server: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A running object store; the environment of the test leads to it."""
    _server.set_environment(monkeypatch)
    return _server


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_onnx.write_tiny(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def settings(model: Path) -> Settings:
    return with_identity(Settings(model=str(model), workers=2))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with three short sounds, a broken file, and names that are no plain text."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, pitch in (("high", 3000.0), ("low", 200.0), ("\x1b[31m\u202eevil\n", 1000.0)):
        soundfile.write(folder / f"{name}.flac", tiny_onnx.tone(pitch, 2.0), tiny_onnx.RATE)
    write_mp3(folder / "song.mp3", tiny_onnx.tone(200.0, 3.0)[None].astype(np.float32), 8000, bitrate=32)
    (folder / "broken.mp3").write_bytes(b"no sound at all")
    (folder / "empty.wav").write_bytes(b"")
    return folder
