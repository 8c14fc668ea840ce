"""Recognize a table of files: the one function that every engine runs."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

import genrelab
from genrelab.catalogue.schema import RECORDS, SCHEMA_VERSION
from genrelab.catalogue.storage import S3, open_object
from genrelab.errors import GenrelabError, ModelFileError

if TYPE_CHECKING:
    from genrelab.catalogue.settings import Settings
    from genrelab.recognize import Recognition, Recognizer

_AGAIN = "Get the file again, or encode it again."
_ACCESS = "Check the path, its permissions, and the credentials in the environment; then run again."
_CONVERT = "Convert it to FLAC or MP3."
_REMEDIES = {
    **dict.fromkeys(("audio-damaged", "audio-sample-rate", "audio-empty", "audio-no-samples"), _AGAIN),
    **dict.fromkeys(("audio-cut-off", "audio-undecodable", "audio-unusable", "audio-too-short"), _AGAIN),
    **dict.fromkeys(("audio-format-unsupported", "audio-codec-unsupported", "audio-channels"), _CONVERT),
    **dict.fromkeys(("audio-missing", "audio-unreadable", "audio-no-permission"), _ACCESS),
    **dict.fromkeys(("object-missing", "object-unreadable", "listing-path"), _ACCESS),
    **dict.fromkeys(("audio-is-folder", "audio-not-regular"), "Remove it from the listing."),
    **dict.fromkeys(
        ("audio-not-recognized", "audio-no-stream"), "Remove it from the listing, or convert it."
    ),
    **dict.fromkeys(("audio-changed", "audio-vanished"), "Run again when the file is complete."),
    "object-name": "Copy the object to a key without empty names, `.` and `..`.",
    "worker-died": "Give the workers more memory, or remove the file; then run with --retry-errors.",
    "worker-timeout": "Remove the file, or allow more time; then run with --retry-errors.",
    "worker-memory": "Give the workers more memory, or remove the file; then run with --retry-errors.",
    "file-defect": "Report it with the file: this is a defect of genrelab.",
}
_GENERAL = "Find out what is wrong with the file; then run with --retry-errors."
_FAILURES = {
    "worker-died": "the process that worked on {path} died.",
    "worker-timeout": "{path} took longer than {seconds:g} s. The work was stopped.",
}

TRANSIENT = frozenset(
    ("object-unreadable", "object-missing", "audio-unreadable", "audio-missing", "audio-no-permission")
    + ("audio-changed", "audio-vanished")
)
"""Error codes that say nothing about the sound: such files are tried again by the next run."""


def load_recognizer(settings: Settings) -> Recognizer:
    """Load the model of a worker: one session with one thread.

    Raises
    ------
    ModelFileError
        If the file cannot be used, or is another model than the settings name.
    """
    from genrelab.bundle.find import find_model
    from genrelab.recognize import Recognizer

    recognizer = Recognizer.load(settings.model, full=settings.full, threads=1, provider=settings.provider)
    found = recognizer.bundle.identity
    if settings.identity is not None and found != settings.identity:
        message = (
            f"{find_model(settings.model)} is the model {found} on this worker, not {settings.identity}. "
            "Install the same model on every machine."
        )
        raise ModelFileError(message, code="catalogue-other-model")
    return recognizer


_loaded = lru_cache(maxsize=1)(load_recognizer)


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
    recognizer = recognizer or _loaded(settings)
    rows = [_row(file, settings, recognizer) for file in files.to_pylist()]
    return pa.Table.from_pylist(rows, schema=RECORDS)


def failed(files: pa.Table, settings: Settings, code: Literal["worker-died", "worker-timeout"]) -> pa.Table:
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
    rows = []
    for file in files.to_pylist():
        message = _FAILURES[code].format(path=file["path"], seconds=settings.file_seconds)
        rows.append(_error_row(file, settings.identity, code, message))
    return pa.Table.from_pylist(rows, schema=RECORDS)


def utf8(text: str) -> str:
    """Return a text without the lone surrogates of file names: they become escapes."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _row(file: dict[str, Any], settings: Settings, recognizer: Recognizer) -> dict[str, Any]:
    model = recognizer.bundle.identity
    if file["error_code"] is not None:
        return _error_row(file, model, file["error_code"], file["error"] or "")
    try:
        if file["path_bytes"].startswith(S3.encode()):
            return _remote_row(file, settings, recognizer)
        record = recognizer.recognize_found(Path(os.fsdecode(file["path_bytes"])))
        return _record_row(file, record)
    except GenrelabError as error:
        return _error_row(file, model, error.code, str(error))
    except MemoryError:
        return _error_row(file, model, "worker-memory", f"{file['path']} needs more memory than there is.")
    except Exception as error:  # a defect concerns one file, not the other millions
        message = f"{file['path']} cannot be recognized: {type(error).__name__}: {error}"
        return _error_row(file, model, "file-defect", message)


def _remote_row(file: dict[str, Any], settings: Settings, recognizer: Recognizer) -> dict[str, Any]:
    from genrelab.audio.decoders.spaced_mpeg import MisplacedFrameError

    model, address = recognizer.bundle.identity, file["path_bytes"].decode()
    try:
        found = open_object(address, approximate=settings.approximate)
    except FileNotFoundError:
        return _error_row(file, model, "object-missing", f"{address} does not exist.")
    except OSError as error:
        return _error_row(file, model, "object-unreadable", f"{address} cannot be read: {error}")
    except ValueError as error:
        return _error_row(file, model, "object-name", f"{address} cannot be read: {error}")
    try:
        record = recognizer.recognize_found(found)
    except MisplacedFrameError:
        found.walk = True
        record = recognizer.recognize_found(found)
    if found.error is not None:
        row = _error_row(file, model, "object-unreadable", f"{address} cannot be read: {found.error}")
    else:
        row = _record_row(file, record)
    return {**row, "bytes_read": found.bytes_read}


def _base_row(file: dict[str, Any], model: str | None) -> dict[str, Any]:
    return {
        **{name: file[name] for name in ("path", "path_bytes", "size", "version")},
        "model": model,
        "genrelab": genrelab.__version__,
        "schema_version": SCHEMA_VERSION,
    }


def _error_row(file: dict[str, Any], model: str | None, code: str, message: str) -> dict[str, Any]:
    error = {"error_code": code, "error": utf8(message), "remedy": _REMEDIES.get(code, _GENERAL)}
    return {**_base_row(file, model), **error}


def _record_row(file: dict[str, Any], record: Recognition) -> dict[str, Any]:
    if record.error is not None:
        return _error_row(file, record.model, record.error_code or "audio", record.error)
    shown = record.to_dict()
    embedding = record.embedding
    if embedding is not None:
        limit = float(np.finfo(np.float16).max)
        embedding = np.clip(embedding, -limit, limit).astype(np.float16)
    return {
        **_base_row(file, record.model),
        **{name: shown[name] for name in ("duration", "genre", "confidence", "reason", "genres", "tags")},
        "segments": shown["timeline"],
        "full": record.full,
        "notices": [{"kind": notice.kind, "text": utf8(notice.text)} for notice in record.notices],
        "embedding": None if embedding is None else list(embedding),
    }
