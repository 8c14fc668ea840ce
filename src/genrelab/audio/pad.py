"""Bring a waveform to a fixed length."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from genrelab.audio.channels import Waveform
from genrelab.errors import UsageError

Padding = Literal["end", "random", "repeat"]
PADDINGS: tuple[Padding, ...] = get_args(Padding)

# The paper says "random points" without a number.
SILENCES = 4


def fit_length(
    waveform: Waveform,
    length: int,
    *,
    padding: Padding = "end",
    rng: np.random.Generator | None = None,
) -> Waveform:
    """Cut or pad a waveform to a length.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
        With at least one sample.
    length : int > 0
        Samples wanted.
    padding : {"end", "random", "repeat"}
        `end` appends zeros; `repeat` loops the waveform; `random` inserts the missing silence at random
        points, in up to `SILENCES` pieces, and keeps all samples in order (paper
        `soundfusion`, section IV.B).
    rng : np.random.Generator or None
        Required by `random`, even if nothing is missing.

    Returns
    -------
    np.ndarray [shape=(channels, length)], float32
        The beginning of a longer waveform.

    Raises
    ------
    UsageError
        If the waveform is empty or not two-dimensional, the length is not positive, the padding is
        unknown, or `random` has no generator.

    Examples
    --------
    >>> fit_length(np.ones((1, 3), np.float32), 5).tolist()
    [[1.0, 1.0, 1.0, 0.0, 0.0]]
    """
    if waveform.ndim != 2 or waveform.size == 0:
        raise UsageError(
            f"a waveform is [channels, samples] with at least one of each, not {waveform.shape}",
            code="waveform-shape",
        )
    if length < 1:
        raise UsageError(f"a length must be at least 1 sample, not {length}", code="length-below-one")
    if padding not in PADDINGS:
        raise UsageError(f"unknown padding {padding!r}; use {', '.join(PADDINGS)}", code="unknown-padding")
    if padding == "random" and rng is None:
        raise UsageError(
            "padding 'random' needs rng=np.random.default_rng(seed)",
            code="padding-needs-rng",
        )
    channels, samples = waveform.shape
    if samples >= length:
        return waveform[:, :length].astype(np.float32, copy=False)
    if padding == "repeat":
        return np.resize(waveform.T, (length, channels)).T.astype(np.float32)
    padded = np.zeros((channels, length), np.float32)
    where = np.arange(samples)
    if padding == "random" and rng is not None:
        where += _silence_before(samples, length - samples, rng)
    padded[:, where] = waveform
    return padded


def _silence_before(samples: int, missing: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw the number of silent samples before each sample; `missing` in all, some after the last one."""
    points = rng.integers(0, samples + 1, size=SILENCES)
    sizes = rng.multinomial(missing, rng.dirichlet(np.ones(SILENCES)))
    inserted = np.zeros(samples + 1, np.intp)
    np.add.at(inserted, points, sizes)
    return inserted.cumsum()[:samples]
