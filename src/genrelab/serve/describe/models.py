"""The model files that a server knows: the packaged one, the one in use, and those under its roots."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal

from genrelab.bundle.bundle import read_facts
from genrelab.bundle.find import PACKAGED_MODEL, find_model
from genrelab.bundle.metadata import BundleMetadata
from genrelab.errors import GenrelabError
from genrelab.serve.guard.roots import Roots

_Origin = Literal["shipped", "taught", "own"]
_SUFFIX = ".onnx"
_DEPTH = 2  # folders below a root that are looked through
_MOST_ENTRIES = 20_000  # looked at
_MOST_MODELS = 100


@dataclass(frozen=True)
class ModelFile:
    """A model file.

    Attributes
    ----------
    path : Path
    origin : str
        `shipped`, `taught` (its genres were learned by `genrelab teach`) or `own`.
    current : bool
        Whether the server recognizes with it.
    metadata : BundleMetadata or None
        None if the file cannot be used.
    identity : str or None
    problem : str or None
        Why it cannot be used.
    """

    path: Path
    origin: _Origin
    current: bool
    metadata: BundleMetadata | None
    identity: str | None
    problem: str | None


def list_models(roots: Roots, model: Path | None) -> list[ModelFile]:
    """Return all model files that the server knows, the one in use first.

    Parameters
    ----------
    roots : Roots
        Two levels of folders in each are looked through.
    model : Path or None
        The one that the server was started with.
    """
    current = _real(find_model(model))
    paths = dict.fromkeys((current, _real(PACKAGED_MODEL), *_under(roots)))
    return [_describe(path, current) for path in paths if path == current or path.is_file()]


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _describe(path: Path, current: Path) -> ModelFile:
    try:
        status = path.stat()
        metadata, identity = _facts(path, status.st_mtime_ns, status.st_size)
    except (GenrelabError, OSError) as error:
        return ModelFile(path, "own", path == current, None, None, str(error))
    origin: _Origin = "own" if metadata.base is None else "taught"
    if path == _real(PACKAGED_MODEL):
        origin = "shipped"
    return ModelFile(path, origin, path == current, metadata, identity, None)


@lru_cache(maxsize=_MOST_MODELS)
def _facts(path: Path, _modified: int, _size: int) -> tuple[BundleMetadata, str]:
    return read_facts(path)


def _under(roots: Roots) -> list[Path]:
    """Return the model files in the first levels of the roots; links out of a root do not count."""
    left = [_MOST_ENTRIES]
    found = (path for folder in roots.folders for path in _walk(folder, _DEPTH, left))
    return sorted(islice((_real(path) for path in found if roots.holds(path)), _MOST_MODELS))


def _walk(folder: Path, depth: int, left: list[int]) -> Iterator[Path]:
    folders = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                left[0] -= 1
                if left[0] < 0:
                    return
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.name.lower().endswith(_SUFFIX) and entry.is_file():
                    yield Path(entry.path)
    except OSError:  # a folder that vanished or may not be read
        return
    for each in folders if depth else ():
        yield from _walk(each, depth - 1, left)
