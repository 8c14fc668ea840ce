"""Read the bytes of a model file."""

from __future__ import annotations

import os
from pathlib import Path

from genrelab.bundle.bounds import MOST_BYTES
from genrelab.errors import ModelFileError

AGAIN = "Get the file again, or export it again with `genrelab export`."
"""The remedy for a damaged file."""


def read_file(path: Path) -> bytes:
    """Return the content of a model file.

    Raises
    ------
    ModelFileError
        If it is missing, unreadable, no regular file, empty, or has more than `MOST_BYTES`.
    """
    try:
        if path.is_dir():
            raise ModelFileError(
                f"the model file {path} is a folder. Name the .onnx file in it.", code="model-folder"
            )
        if path.exists() and not path.is_file():
            raise ModelFileError(
                f"the model file {path} is not a regular file. Copy it into one.",
                code="model-not-regular",
            )
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES:
                raise ModelFileError(
                    f"the model file {path} has {size:,} bytes, more than {MOST_BYTES:,}. Check that "
                    "it is the right file.",
                    code="model-too-large",
                )
            data = file.read(size)
    except FileNotFoundError as error:
        raise ModelFileError(
            f"the model file {path} does not exist. Check the path.", code="model-missing"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"the model file {path} cannot be read: {error}", code="model-unreadable"
        ) from error
    if not data:
        raise ModelFileError(f"the model file {path} is empty (0 bytes). {AGAIN}", code="model-empty")
    return data
