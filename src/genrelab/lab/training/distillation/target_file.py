"""A file of targets: what a teacher predicts for the files of a corpus.

It is an .npz file without pickled objects. `names` gives the sound file of each row, as a path that the
clip's path ends with. Every other array has as many rows and holds numbers. Several rows of one name are
windows of the same file; the target of a clip is their mean. `window` may number them. `learned`, of bool,
may mark the files that the teacher was trained on.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError, RecipeError
from genrelab.files import expand_home, replace_file
from genrelab.lab.corpora.paths import examples, printable
from genrelab.lab.corpora.types import Clip
from genrelab.lab.registry import closest
from genrelab.lab.training.distillation.npz import check_sizes

Floats = npt.NDArray[np.float64]
_NAMES, _WINDOW, _LEARNED = "names", "window", "learned"
_NO_TARGETS = (_NAMES, _WINDOW, _LEARNED)
#: What reading a damaged archive may raise; `RuntimeError` is of one that is encrypted.
UNREADABLE = (
    OSError, ValueError, EOFError, RuntimeError, OverflowError, MemoryError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError, struct.error, tokenize.TokenError,
)  # fmt: skip


@dataclass(frozen=True)
class Targets:
    """Targets of files.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the file.
    names : sequence of str
        Each once.
    arrays : mapping of str to np.ndarray [shape=(names, d)]
        The mean over a name's windows.
    learned : np.ndarray of bool [shape=(names,)] or None
        Whether the teacher was trained on any window of a name; None if the file does not say.
    """

    path: Path
    sha256: str
    names: Sequence[str]
    arrays: Mapping[str, Floats]
    learned: npt.NDArray[np.bool_] | None = None

    def rows(self, clips: Iterable[Clip]) -> dict[str, int]:
        """Return clip id -> row of the arrays, of those clips that have one.

        A clip's path must end with the name, whole folders counted; a clip without a path goes by its id.
        Several clips of one file share its row.

        Raises
        ------
        CorpusError
            If two names fit one clip, or one name fits several files.
        """
        number = {PurePosixPath(name).as_posix(): row for row, name in enumerate(self.names)}
        found: dict[str, int] = {}
        meant: dict[int, str] = {}
        for clip in clips:
            whole = clip.id if clip.path is None else PurePath(clip.path).as_posix()
            parts = PurePosixPath(whole).parts
            endings = ["/".join(parts[begin:]) for begin in range(len(parts))]
            fitting = [number[ending] for ending in endings if ending in number]
            if len(fitting) > 1:
                names = ", ".join(repr(printable(self.names[row])) for row in fitting)
                raise CorpusError(
                    f"{self.path}: {names} all fit the clip {printable(clip.id)}. Name each file once in "
                    "`names`",
                    code="targets-names-repeated",
                )
            for row in fitting:
                if meant.setdefault(row, whole) != whole:
                    raise CorpusError(
                        f"{self.path}: the name {printable(self.names[row])!r} fits {printable(meant[row])} "
                        f"and {printable(whole)}. Write more of its path in `names`",
                        code="targets-name-ambiguous",
                    )
                found[clip.id] = row
        return found


def read_targets(file: str, wanted: Iterable[str]) -> Targets:
    """Read a file of targets.

    Parameters
    ----------
    file : str
        An .npz file.
    wanted : iterable of str
        The arrays to read.

    Raises
    ------
    RecipeError
        If the file cannot be read, is larger than `genrelab.lab.training.distillation.npz` allows, lacks an
        array, or an array has the wrong shape or type, or holds what is no number.
    """
    path, keys = expand_home(file), tuple(dict.fromkeys(wanted))
    try:
        if path.exists() and not path.is_file():  # a pipe, which would be waited for, or a device
            raise ValueError("it is not a regular file")
        if _begins_as_one_array(path):
            raise RecipeError(
                f"{path} is one array; targets are an .npz file of several, with `names`",
                code="targets-one-array",
            )
        check_sizes(path, (*_NO_TARGETS, *keys))
        sha256 = file_hash(path)
        with np.load(path, allow_pickle=False) as opened:
            names = _names(path, opened)
            arrays = {key: _array(path, opened, key, len(names)) for key in keys}
            learned = _learned(path, opened, len(names))
    except UNREADABLE as error:
        raise RecipeError(
            f"cannot read the targets {path}: {error or type(error).__name__}. Give an .npz file that "
            "numpy.savez wrote, or --targets none",
            code="targets-unreadable",
        ) from error
    unique, inverse = np.unique(names, return_inverse=True)
    return Targets(
        path,
        sha256,
        [str(name) for name in unique],
        {key: _means(each, inverse) for key, each in arrays.items()},
        None if learned is None else np.bincount(inverse, weights=learned) > 0,
    )


def write_targets(
    path: Path, names: Sequence[str], arrays: Mapping[str, Floats], learned: npt.NDArray[np.bool_] | None
) -> None:
    """Write a file of targets, whole or not at all, as `read_targets` reads it; numbers as float32.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Of the rows.
    arrays : mapping of str to np.ndarray [shape=(names, d)]
    learned : np.ndarray of bool [shape=(names,)] or None
        Rows that the teacher was trained on; None if unknown.
    """
    about: dict[str, npt.NDArray[Any]] = {_NAMES: np.array(names, dtype=np.str_)}
    if learned is not None:
        about[_LEARNED] = learned
    numbers = {key: each.astype(np.float32) for key, each in arrays.items()}

    def write(draft: Path) -> None:
        with draft.open("wb") as opened:
            np.savez(opened, allow_pickle=False, **about, **numbers)

    replace_file(path, write)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _begins_as_one_array(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX


def _names(path: Path, opened: np.lib.npyio.NpzFile) -> npt.NDArray[np.str_]:
    if _NAMES not in opened:
        raise RecipeError(
            f"{path} lacks the array `names`, the path of each row's file; it has {_listed(opened)}",
            code="targets-without-names",
        )
    names: npt.NDArray[np.str_] = opened[_NAMES]
    if names.ndim != 1 or names.dtype.kind != "U" or not len(names) or not all(names):
        raise RecipeError(
            f"{path}: `names` must be a vector of texts that are not empty, not {names.dtype} {names.shape}",
            code="targets-names-malformed",
        )
    return names


def _learned(path: Path, opened: np.lib.npyio.NpzFile, rows: int) -> npt.NDArray[np.bool_] | None:
    if _LEARNED not in opened:
        return None
    learned: npt.NDArray[np.bool_] = opened[_LEARNED]
    if learned.shape != (rows,) or learned.dtype.kind != "b":
        raise RecipeError(
            f"{path}: `learned` must be true or false for each of {rows} rows, not {learned.dtype} "
            f"{learned.shape}",
            code="targets-learned-malformed",
        )
    return learned


def _array(path: Path, opened: np.lib.npyio.NpzFile, key: str, rows: int) -> Floats:
    if key not in opened or key in _NO_TARGETS:
        raise RecipeError(
            f"{path} has no targets called {key!r}; {closest(key, _keys(opened))}",
            code="targets-missing-array",
        )
    array = opened[key]
    if array.ndim != 2 or array.dtype.kind not in "fiu" or len(array) != rows or not array.shape[1]:
        raise RecipeError(
            f"{path}: {key!r} must hold numbers in {rows} rows, as many as `names` has, not {array.dtype} "
            f"{array.shape}",
            code="targets-array-malformed",
        )
    values: Floats = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise RecipeError(
            f"{path}: {key!r} holds values that are not finite in {len(bad)} rows: "
            f"{examples([str(row) for row in bad])}",
            code="targets-not-finite",
        )
    return values


def _keys(opened: np.lib.npyio.NpzFile) -> list[str]:
    return [key for key in opened.files if key not in _NO_TARGETS]


def _listed(opened: np.lib.npyio.NpzFile) -> str:
    return ", ".join(sorted(opened.files)) or "nothing"


def _means(values: Floats, inverse: npt.NDArray[np.intp]) -> Floats:
    sums = np.zeros((int(inverse.max()) + 1, values.shape[1]))
    np.add.at(sums, inverse, values)
    return sums / np.bincount(inverse)[:, None]
