"""Recognize a table of files: the one function that every engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from genrelab.catalogue.settings import Settings
    from genrelab.recognize import Recognizer


def load_recognizer(settings: Settings) -> Recognizer:
    """Load the model of a worker: one session with one thread.

    Raises
    ------
    ModelFileError
        If the file cannot be used, or is another model than the settings name.
    """
    raise NotImplementedError


def records(files: pa.Table, settings: Settings, recognizer: Recognizer | None = None) -> pa.Table:
    """Recognize files; the result depends on nothing but the files and the settings.

    Parameters
    ----------
    files : pyarrow.Table
        Of the schema `genrelab.catalogue.schema.FILES`.
    settings : Settings
    recognizer : Recognizer or None
        From `load_recognizer`, for a caller that keeps it, such as an actor. None loads it once per process.

    Returns
    -------
    pyarrow.Table
        Of the schema `genrelab.catalogue.schema.RECORDS`: one row per file, in the same order. Whatever is
        wrong with a file is in its row.

    Raises
    ------
    ModelFileError
        If the model cannot be used, which concerns every file.
    """
    raise NotImplementedError


def failed(files: pa.Table, settings: Settings, code: str) -> pa.Table:
    """Return error rows for files that could not be recognized, such as those whose worker died.

    Parameters
    ----------
    files : pyarrow.Table
        Of the schema `genrelab.catalogue.schema.FILES`.
    settings : Settings
    code : {"worker-died", "worker-timeout"}
        Why.

    Returns
    -------
    pyarrow.Table
        Of the schema `genrelab.catalogue.schema.RECORDS`.
    """
    raise NotImplementedError
