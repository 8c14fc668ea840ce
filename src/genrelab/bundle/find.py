"""Find the model file to use."""

from __future__ import annotations

import os
from pathlib import Path

from genrelab.errors import UsageError

MODEL_VARIABLE = "GENRELAB_MODEL"
"""The environment variable that names a model file."""

PACKAGED_MODEL = Path(__file__).with_name("packaged.onnx")
"""The model file that comes with genrelab; see docs/model-card.md."""


def is_model_named(model: str | os.PathLike[str] | None = None) -> bool:
    """Whether a model file is given, or named in the environment variable `GENRELAB_MODEL`."""
    return model is not None or bool(os.environ.get(MODEL_VARIABLE))


def find_model(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the model file to use.

    Parameters
    ----------
    model : str, path-like or None
        A model file; None means the environment variable `GENRELAB_MODEL`, else the packaged model.

    Returns
    -------
    Path
        Not checked yet; `Bundle.load` does that.

    Raises
    ------
    UsageError
        If there is none because the packaged model was removed.
    """
    if model is not None:
        return Path(model)
    named = os.environ.get(MODEL_VARIABLE)
    if named:
        return Path(named)
    if PACKAGED_MODEL.is_file():
        return PACKAGED_MODEL
    raise UsageError(
        "no model file to recognize with. Name one with --model FILE or in the environment variable "
        f"{MODEL_VARIABLE}; `genrelab demo` trains one within minutes.",
        code="no-model",
    )
