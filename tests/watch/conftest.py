"""Fixtures of the watcher."""

from tiny_onnx import tiny_model
from watching import box, library, start

__all__ = ["box", "library", "start", "tiny_model"]
