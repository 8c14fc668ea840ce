"""Remove runs: never what is no run, what another run needs, or what a link leads to."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelab.errors import RunError
from genrelab.files import expand_home, only_one
from genrelab.lab.runs import file_names as names
from genrelab.lab.runs.collection import SEED_NAME, read_plain_recipe, require_run_folder, run_folders

_BEST = "best.safetensors"  # genrelab.lab.training.checkpoints.BEST, which is not imported: it needs PyTorch
_MOST_TEXTS = 100_000  # texts of a recipe that are looked at
_LONGEST_PATH = 4096


@dataclass(frozen=True)
class Removable:
    """A run that may be removed.

    Attributes
    ----------
    folder : Path
    files, size : int
        How many files it holds, and their bytes; links count as files and are not followed.
    """

    folder: Path
    files: int
    size: int


@dataclass(frozen=True)
class Need:
    """A run that needs another one.

    Attributes
    ----------
    folder : Path
        The run that needs.
    file : str
        What it needs, as its recipe names it.
    """

    folder: Path
    file: str


def needs_of(others: Iterable[Path], folder: Path) -> list[Need]:
    """Return which runs need a file of a run folder.

    A run needs another one if its recipe names a file in it, such as initial weights or targets, or if it
    started from the weights that lie there, wherever they lay then.

    Parameters
    ----------
    others : iterable of Path
        Run folders; `folder` itself is passed over.
    folder : Path
    """
    own = folder.resolve()
    weights: str | None = None
    found = []
    for other in others:
        if other.resolve() == own:
            continue
        text = _names_file_in(other, own)
        if text is None and (started := _started_from(other)) is not None:
            weights = weights or _digest(folder / _BEST)
            text = str(folder / _BEST) if started == weights else None
        if text is not None:
            found.append(Need(other, text))
    return found


def check_removable(folders: Sequence[Path], bases: Iterable[Path]) -> list[Removable]:
    """Check that runs can be removed, and measure them.

    Parameters
    ----------
    folders : sequence of Path
    bases : iterable of Path
        Folders of runs in which to look for runs that need them. Where a run lies in `<recipe>/<corpus>`, the
        folder above these is looked at as well.

    Raises
    ------
    RunError
        If a folder is not a run folder or a link, another run lies in it, another run that stays needs it,
        or a process trains in it.
    """
    going = {folder.resolve() for folder in folders}
    around = {base.resolve() for base in bases if base.is_dir()}
    for folder in folders:
        require_run_folder(folder)
        if (base := _base_of(folder)) is not None:
            around.add(base.resolve())
    others = {other.resolve(): other for base in sorted(around) for other in run_folders(base)}
    staying = [other for place, other in sorted(others.items()) if place not in going]
    found = []
    for folder in folders:
        if inside := next(_runs_inside(folder), None):
            raise RunError(
                f"{folder} holds another run, {inside}; remove or move that one first", code="run-in-run"
            )
        if needs := needs_of(staying, folder):
            raise RunError(
                f"{folder} is needed by {needs[0].folder}, which names {needs[0].file}"
                f"{f', and by {len(needs) - 1} more' if len(needs) > 1 else ''}; remove "
                f"{'that run' if len(needs) == 1 else 'those runs'} as well, or keep this one",
                code="run-needed",
            )
        found.append(measured(folder))
    return found


def remove(folder: Path) -> None:
    """Remove a run folder, its lock, and folders above it that are empty then.

    It is renamed first: a half-removed run must not look like a run. Links in it are removed, not followed.

    Raises
    ------
    RunError
        If it is not a run folder, or another process works in it.
    """
    require_run_folder(folder)
    place = folder.absolute()
    lock = place.with_name(f".{place.name}.lock")
    try:
        with only_one(lock):
            aside = place.with_name(f".{place.name}.{os.getpid()}.old")
            place.rename(aside)
            shutil.rmtree(aside)
            with suppress(PermissionError):  # Windows removes no open file
                lock.unlink(missing_ok=True)
    except BlockingIOError as error:
        raise RunError(f"another genrelab is working in {folder}; wait for it", code="run-busy") from error
    for above in (place.parent, place.parent.parent) if _base_of(place) is not None else ():
        try:
            above.rmdir()
        except OSError:  # it holds something else
            return


def _base_of(folder: Path) -> Path | None:
    """Return the folder of runs of `<base>/<recipe>/<corpus>/<run>`; None for a folder of another place."""
    place = folder.absolute()
    laid_out = SEED_NAME.fullmatch(place.name) is not None and len(place.parents) > 3
    return place.parents[2] if laid_out else None


def _runs_inside(folder: Path) -> Iterator[Path]:
    for place, below, _ in os.walk(folder, followlinks=False):
        for name in below:
            inside = Path(place, name)
            if not inside.is_symlink() and (inside / names.RECIPE).is_file():
                yield inside


def measured(folder: Path) -> Removable:
    """Count the files of a run folder and their bytes."""
    files = size = 0
    for place, below, found in os.walk(folder, followlinks=False):
        for name in (*found, *(each for each in below if os.path.islink(os.path.join(place, each)))):
            files += 1
            size += os.lstat(os.path.join(place, name)).st_size
    return Removable(folder, files, size)


def _names_file_in(run: Path, folder: Path) -> str | None:
    """Return a text of a run's recipe that is the path of a file in a folder; None without one."""
    for text in _texts(read_plain_recipe(run)):
        if not text or len(text) > _LONGEST_PATH or "\0" in text or ("/" not in text and "\\" not in text):
            continue
        path = expand_home(text)
        # A relative path was relative to the folder in which the training was started.
        places = [path] if path.is_absolute() else [path, *(above / path for above in run.absolute().parents)]
        if any(place.resolve().is_relative_to(folder) for place in places):
            return text
    return None


def _texts(value: Any) -> Iterator[str]:
    waiting, seen = [value], 0
    while waiting and seen < _MOST_TEXTS:
        each = waiting.pop()
        seen += 1
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _started_from(run: Path) -> str | None:
    try:
        return (run / names.WEIGHTS).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _digest(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None
