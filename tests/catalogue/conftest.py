"""The tiny model file of tests/helpers/tiny_onnx.py."""

from __future__ import annotations

from tiny_onnx import tiny_model

__all__ = ["tiny_model"]
