"""The tiny model file and its music, from tests/helpers/tiny_onnx.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    if "tiny_onnx" not in sys.modules:
        path = Path(__file__).parents[1] / "helpers" / "tiny_onnx.py"
        spec = importlib.util.spec_from_file_location("tiny_onnx", path)
        assert spec is not None and spec.loader is not None
        sys.modules["tiny_onnx"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["tiny_onnx"])
    return sys.modules["tiny_onnx"]


tiny_model = _load().tiny_model
music = _load().music


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that makes tiny models and tones."""
    return _load()
