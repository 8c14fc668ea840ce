"""Teach a model as a job: the kind `teach`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from genrelab.bundle.bundle import read_facts
from genrelab.errors import UsageError
from genrelab.recognize.recognizer import Recognizer
from genrelab.serve.curate.chosen import clean
from genrelab.serve.curate.reviews import Reviews
from genrelab.serve.curate.teach_request import TeachBody
from genrelab.serve.jobs.kinds import Progress
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.teach.head import need_onnx
from genrelab.teach.sources.examples_file import examples_file
from genrelab.teach.sources.labelled import Labels, read_csv, read_folders, read_tags
from genrelab.teach.sources.names import Naming
from genrelab.teach.teaching import TeachSettings
from genrelab.teach.workflow import (
    Means,
    check_target,
    is_multi,
    learn,
    stored_examples,
    write_result,
)

_MOST_PROBLEMS = 50  # messages about files that could not be read, in a result

_writing = threading.Lock()  # of models: one job after the other checks that the file is free, and makes it


def check_teaching(server: Server, body: TeachBody) -> None:
    """Check what can be checked before a job is queued.

    Raises
    ------
    RequestError, UsageError, ModelFileError, MissingExtraError
        If a path is not under a root, a file is missing, or the model file cannot be written.
    """
    need_onnx()
    source = _source(server, body)
    if body.from_ == "corrections" and not source[0].is_file():
        raise RequestError(
            f"there are no corrections yet: {source[0]} does not exist",
            code="teach-no-corrections",
            status=409,
            path=str(source[0]),
            remedy="POST /review keeps them",
        )
    target, base = _target(server, body), _base(server, body)
    if body.update is not None and read_facts(base)[0].base is None:
        raise RequestError(
            f"{base} is no model that was taught",
            code="teach-update-untaught",
            status=422,
            path=str(base),
            remedy="omit `update`, and name it as `model`",
        )
    _check_free(body, target, base)


def _check_free(body: TeachBody, target: Path, base: Path) -> None:
    """Raise if a model or its examples would be replaced although the request does not allow it."""
    if body.overwrite or (body.update is not None and target == base):
        return
    for path in (target, examples_file(target)):
        if os.path.lexists(path):
            raise RequestError(
                f"{path} exists already",
                code="teach-target-exists",
                status=409,
                path=str(path),
                remedy="name another file, or send `overwrite`: true",
            )


def _source(server: Server, body: TeachBody) -> list[Path]:
    """Return the files and folders with the examples."""
    if body.from_ == "corrections":
        if body.paths:
            message = "`paths` do not go with corrections, which have a file of their own"
            raise RequestError(message, code="teach-paths-unused", status=422)
        reviews = server.part(Reviews)
        return [reviews.model(body.update or body.model).corrections]
    if not body.paths or (body.from_ != "tags" and len(body.paths) > 1):
        message = "name the files or folders" if body.from_ == "tags" else "name one path"
        raise RequestError(f"{message} in `paths`", code="teach-paths-number", status=422)
    return [server.roots.existing(text) for text in body.paths]


def _target(server: Server, body: TeachBody) -> Path:
    target = server.roots.resolve(body.to)
    check_target(target, [_base(server, body)] if body.update is None else [])
    return target


def _base(server: Server, body: TeachBody) -> Path:
    if body.update is not None and body.model is not None:
        message = "`update` names the model already"
        raise RequestError(message, code="teach-model-twice", status=422)
    return server.part(Reviews).model(body.update or body.model).path


def teach_job(server: Server, arguments: dict[str, Any], progress: Progress) -> None:
    """Teach a model and write it.

    Parameters
    ----------
    server : Server
    arguments : dict
        A `TeachBody` as JSON.
    progress : Progress
        Gets one result: `model`, the figures, what was left out, and problems with files.

    Raises
    ------
    RequestError, UsageError, ModelFileError
        If examples or paths cannot be used.
    StoppedError
        If it was cancelled.
    """
    if progress.known():  # it was written before the server was killed
        return
    body = TeachBody.model_validate(arguments)
    target, base, source = _target(server, body), _base(server, body), _source(server, body)
    recognizer = Recognizer.load(base, threads=1)
    stored = stored_examples(base, recognizer.bundle) if body.update is not None else None
    naming = Naming.of(body.level or ("style" if body.from_ == "tags" else "as-written"), body.block)

    def step(_: str, done: int, total: int) -> None:
        progress.update(done, total)

    labels = _labels(server, body, source)
    means = Means(server.library, recognizer, server.settings.jobs, step)
    settings = TeachSettings(is_multi(body.multi, stored), body.precision, seed=body.seed)
    try:
        outcome, everything = learn(labels, naming, means, settings, stored=stored, fewest=body.min_examples)
    except UsageError as error:
        raise _with_problems(error, labels.problems) from error
    taught = outcome.taught
    progress.check()
    with _writing:
        _check_free(body, target, base)  # again: another job may have made it meanwhile
        write_result(taught, everything, target, recognizer, base)
    result = {
        "model": os.fspath(target),
        **taught.to_dict(),
        "left_out": dict(vars(outcome.left)),
        "problems": list(outcome.problems[:_MOST_PROBLEMS]),
    }
    progress.add(clean(result), key=b"model")


def _labels(server: Server, body: TeachBody, source: list[Path]) -> Labels:
    """Read the examples; files that are not under a root are problems."""
    readers: dict[str, Callable[[], Labels]] = {
        "tags": lambda: read_tags(source, inside=server.roots.holds),
        "folders": lambda: read_folders(source[0], inside=server.roots.holds),
        "csv": lambda: read_csv(source[0]),
        "corrections": lambda: read_csv(source[0]),
    }
    labels = readers[body.from_]()
    inside = [file for file in labels.files if server.roots.holds(file.path)]
    if len(inside) < len(labels.files):
        count = len(labels.files) - len(inside)
        labels.problems.append(f"{count} files are not under the folders that this server may read")
    labels.files[:] = inside
    return labels


def _with_problems(error: UsageError, problems: Sequence[str]) -> UsageError:
    """Return an error about too few examples that also says which files could not be read."""
    if not problems:
        return error
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    found = UsageError(f"{error} Could not be read: {problems[0]}{more}")
    found.code = error.code
    return found
