"""What tests of commands share: the tiny model file, its music, and a library that knows nothing."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import tiny_onnx
from tiny_onnx import music, tagged_model, tiny_model

__all__ = ["music", "tagged_model", "tiny", "tiny_model"]


@pytest.fixture(autouse=True)
def own_library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that knows nothing yet, for each test; and no config file."""
    path = tmp_path_factory.mktemp("library") / "library.db"
    monkeypatch.setenv("GENRELAB_LIBRARY", str(path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path.parent))
    monkeypatch.delenv("GENRELAB_CONFIG", raising=False)
    return path


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that makes tiny models and tones."""
    return tiny_onnx
