"""Open the output: standard output, or a file that is written completely or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from genrelab.drafts import Draft
from genrelab.errors import UsageError


@contextmanager
def open_output(
    path: str | os.PathLike[str] | None,
    *,
    keep: Iterable[str | os.PathLike[str]] = (),
    overwrite: bool = True,
) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces the target when the block ends without an error.

    Parameters
    ----------
    path : str, path-like or None
        The file; None means standard output.
    keep : iterable of str or path-like
        Files that must not be replaced, such as input files.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    binary file

    Raises
    ------
    UsageError
        If the file cannot be written, is write-protected, is not a regular file, is one of `keep`, or
        exists already and may not be replaced.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        message = f"{path} is not a regular file. Name another file."
        raise UsageError(message, code="output-no-file")
    if target.exists() and any(os.path.realpath(kept) == os.fspath(target) for kept in keep):
        message = f"{path} is one of the input files and would be replaced. Name another file."
        raise UsageError(message, code="output-is-input")
    if target.exists() and not overwrite:
        raise _exists(path)
    if os.path.islink(target):  # a link remains only if links form a cycle
        message = f"{path} is a link that points to itself. Name another file."
        raise UsageError(message, code="output-link-circle")
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        message = f"{path} is write-protected. Change its permissions, or name another file."
        raise UsageError(message, code="output-protected")
    with ExitStack() as stack:
        try:
            draft = stack.enter_context(Draft(target.parent))
        except OSError as error:
            message = f"{path} cannot be written: {error.strerror}. Name another file."
            raise UsageError(message, code="output-unwritable") from error
        yield draft.file
        try:
            draft.take_place(target, overwrite=overwrite)
        except FileExistsError as error:  # it was made meanwhile
            raise _exists(path) from error


def _exists(path: str | os.PathLike[str]) -> UsageError:
    return UsageError(f"{path} exists already. Name another file, or --overwrite it.", code="output-exists")
