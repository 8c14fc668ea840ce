"""The tiny model file, from tests/helpers/tiny_onnx.py."""

from __future__ import annotations

from types import ModuleType

import pytest
import tiny_onnx
from tiny_onnx import tagged_model, tiny_model

__all__ = ["tagged_model", "tiny", "tiny_model"]


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that makes tiny models and tones."""
    return tiny_onnx
