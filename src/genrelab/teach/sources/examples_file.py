"""The examples of a taught model, kept beside the model file for `teach --update` and `review`.

It names files of the user, so it is not part of the model file. It is a NumPy archive without pickled
objects.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.files import replace_file
from genrelab.teach.sources.examples import Examples
from genrelab.teach.sources.names import is_usable

SUFFIX = ".examples.npz"
MOST_BYTES = 1 << 33
"""Of all arrays together: 8 GiB."""
MOST_TEXT = 1 << 30
_VERSION = 1


@dataclass(frozen=True)
class Doubt:
    """What held-out prediction says about an example.

    Attributes
    ----------
    example : int
    genre : str
        The predicted one.
    probability, own_probability : float
        Of the predicted genre, and of the genre of the example.
    """

    example: int
    genre: str
    probability: float
    own_probability: float


@dataclass(frozen=True)
class StoredExamples:
    """The contents of the file.

    Attributes
    ----------
    examples : Examples
    key : str
        `genrelab.bundle.bundle.embedding_key` of the embeddings.
    multi : bool
    doubts : tuple of Doubt
        Most doubtful first.
    """

    examples: Examples
    key: str
    multi: bool
    doubts: tuple[Doubt, ...] = ()


def examples_file(model: Path) -> Path:
    """Return the file of the examples of a model file."""
    return model.with_name(model.name.removesuffix(".onnx") + SUFFIX)


def write_examples(path: Path, stored: StoredExamples) -> None:
    """Write the file; it replaces an earlier one when it is complete."""
    examples = stored.examples
    text = json.dumps(
        {
            "version": _VERSION,
            "key": stored.key,
            "multi": stored.multi,
            "paths": examples.paths,
            "genres": examples.genres,
            "groups": examples.group_keys,
            "sounds": [sound.hex() for sound in examples.sounds],
            "doubts": [
                [each.example, each.genre, round(each.probability, 6), round(each.own_probability, 6)]
                for each in stored.doubts
            ],
        }
    )
    about = np.frombuffer(text.encode(), dtype=np.uint8)

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, about=about, vectors=examples.vectors.astype(np.float32))

    replace_file(path, write)


def read_examples(path: Path) -> StoredExamples:
    """Read the file.

    Raises
    ------
    UsageError
        If it is missing, damaged, or made by a newer genrelab.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is not a regular file")
        with zipfile.ZipFile(path) as archive:
            about = json.loads(_array(archive, "about", np.dtype(np.uint8), MOST_TEXT).tobytes())
            vectors = _array(archive, "vectors", np.dtype(np.float32), MOST_BYTES)
        return _checked(about, vectors)
    except FileNotFoundError as error:
        message = (
            f"the examples {path} are missing. `genrelab teach` writes them beside the model file; without "
            "them, teach from all examples again."
        )
        raise UsageError(message, code="teach-examples-missing") from error
    except (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError, RuntimeError,
            EOFError, zipfile.BadZipFile) as error:  # fmt: skip
        what = str(error) or type(error).__name__
        message = f"the examples {path} cannot be used: {what}. Teach from all examples again."
        raise UsageError(message, code="teach-examples-damaged") from error


def _array(archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], most: int) -> npt.NDArray[Any]:
    """Read an array whose size its header and the archive agree on.

    It must not be compressed, as `np.savez` writes it: so it has no more bytes than the file.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > most:
        raise ValueError(f"{name} has {info.file_size:,} bytes")
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise ValueError(f"{name} is compressed or encrypted")
    with archive.open(info) as file:
        data = file.read(info.file_size)
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, found = read(stream)
    if found != dtype or fortran or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} is no array of {dtype}")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)


def _checked(about: Any, vectors: npt.NDArray[np.float32]) -> StoredExamples:
    if not isinstance(about, dict) or about.get("version") != _VERSION:
        raise ValueError("it was made by another version of genrelab")
    paths, groups = _texts(about["paths"]), _texts(about["groups"])
    genres = tuple(_texts(each) for each in about["genres"])
    sounds = tuple(bytes.fromhex(each) for each in _texts(about["sounds"]))
    sizes = {len(paths), len(groups), len(genres), len(sounds), len(vectors)}
    if len(sizes) != 1 or vectors.ndim != 2 or not all(genres) or not np.isfinite(vectors).all():
        raise ValueError("its parts do not fit together")
    names = {genre for own in genres for genre in own}
    if not all(map(is_usable, names)) or any(len(set(own)) < len(own) for own in genres):
        raise ValueError("it has genres that no model file can hold")
    doubts = tuple(
        Doubt(int(number), str(genre), float(probability), float(own))
        for number, genre, probability, own in about["doubts"]
        if 0 <= int(number) < len(paths) and genre in names
    )
    examples = Examples(paths, genres, groups, sounds, vectors)
    return StoredExamples(examples, str(about["key"]), bool(about["multi"]), doubts)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a list of texts is damaged")
    return tuple(values)


def path_text(path: Path) -> str:
    """Return a path as a text that survives JSON, also if it is not UTF-8."""
    return os.path.abspath(path)
