"""The tiny model file and its music, from tests/helpers/tiny_onnx.py."""

from tiny_onnx import tiny_model

__all__ = ["tiny_model"]
