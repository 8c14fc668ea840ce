"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that a reader, or a kill at any moment, finds the old one or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    write : callable
        Gets the path of a draft in the same folder and writes it; if it raises, `path` is untouched.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        write(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write `text` to a file, whole or not at all, as UTF-8 with line ends as they are."""
    replace_file(path, lambda draft: draft.write_bytes(text.encode("utf-8")))
