"""Check what a caller passes to the recognizer: a path, or an array and its sample rate."""

from __future__ import annotations

import numbers
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.printing import shorten

LOWEST_RATE, HIGHEST_RATE = 100, 6_144_000
"""Limits of the sample rate of arrays, in Hz; the highest is 128 times 48 kHz, as in DSD."""

MOST_CHANNELS = 64
"""Most channels of an array."""


def as_path(source: object) -> Path | None:
    """Return a source as a path; None if it is something else, such as an array.

    Parameters
    ----------
    source : object
        A path is a str, bytes or a path-like object.

    Raises
    ------
    UsageError
        If it is an open file, None, or an empty path.
    """
    if isinstance(source, str | bytes | os.PathLike):
        name = os.fsdecode(source)
        if not name:
            message = "an empty string is not a path. Give the path of an audio file."
            raise UsageError(message, code="source-empty-name")
        return Path(name)
    if source is None:
        message = "None cannot be recognized. Give a path, or an array and its sample rate."
        raise UsageError(message, code="source-none")
    if hasattr(source, "read") and not hasattr(source, "__array__"):
        message = f"an open file ({type(source).__name__}) cannot be recognized. Close it and give its path."
        raise UsageError(message, code="source-open-file")
    return None


def as_array(source: Any) -> npt.NDArray[np.generic]:
    """Return a source that is not a path as an array of any type and shape.

    Raises
    ------
    UsageError
        If numpy cannot convert it to an array of numbers.
    """
    try:
        array = np.asarray(source)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise UsageError(
            f"a source is a path or an array of numbers, not {type(source).__name__} ({shorten(str(error))})",
            code="source-no-array",
        ) from error
    if array.dtype.kind == "O":
        message = f"a source is a path or an array of numbers, not of objects ({type(source).__name__})"
        raise UsageError(message, code="source-no-array")
    return array


def check_rate(rate: Any) -> int:
    """Return a sample rate as an int.

    Parameters
    ----------
    rate : int, or a whole number of another type
        In Hz.

    Raises
    ------
    UsageError
        If it is not a whole number from `LOWEST_RATE` to `HIGHEST_RATE`.
    """
    is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
    if not (is_number and LOWEST_RATE <= rate <= HIGHEST_RATE and rate == int(rate)):
        raise UsageError(
            f"a sample rate is a whole number of Hz from {LOWEST_RATE:,} to {HIGHEST_RATE:,}, not "
            f"{shorten(repr(rate))}",
            code="sample-rate",
        )
    return int(rate)
