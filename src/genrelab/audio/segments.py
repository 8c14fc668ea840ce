"""Cut a waveform into segments of equal length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from genrelab.audio.channels import Waveform as Waveform
from genrelab.audio.pad import Padding, fit_length
from genrelab.errors import UsageError


def segment_starts(n_samples: int, length: int, hop: int) -> list[int]:
    """Return where the segments of a waveform begin.

    Parameters
    ----------
    n_samples : int > 0
        Samples of the waveform.
    length, hop : int > 0
        Samples of a segment, and between the beginnings of two.

    Returns
    -------
    list of int
        0, hop, 2 hop, ... while a whole segment fits; `[0]` for a waveform shorter than a segment.

    Raises
    ------
    UsageError
        If a value is not positive.

    Examples
    --------
    >>> segment_starts(10, 4, 3)
    [0, 3, 6]
    """
    for name, value in (("n_samples", n_samples), ("length", length), ("hop", hop)):
        if value < 1:
            raise UsageError(f"{name} must be at least 1 sample, not {value}", code="segment-length")
    return list(range(0, max(n_samples - length, 0) + 1, hop))


def cut_segments(
    waveform: Waveform,
    length: int,
    hop: int,
    *,
    padding: Padding = "end",
    rng: np.random.Generator | None = None,
) -> npt.NDArray[np.float32]:
    """Cut a waveform into whole segments; a shorter one is padded to one segment.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
    length, hop : int > 0
        Samples of a segment, and between the beginnings of two.
    padding, rng
        As for `genrelab.audio.pad.fit_length`; used for a waveform shorter than a segment.

    Returns
    -------
    np.ndarray [shape=(segments, channels, length)], float32
        In the order of `segment_starts`. Samples after the last whole segment are dropped.

    Raises
    ------
    UsageError
        If the waveform is empty, or a value is not positive or unknown.

    Examples
    --------
    >>> cut_segments(np.arange(10, dtype=np.float32)[None], 4, 4)[:, 0, 0].tolist()
    [0.0, 4.0]
    """
    starts = segment_starts(waveform.shape[-1], length, hop)
    fitted = fit_length(waveform, max(length, waveform.shape[-1]), padding=padding, rng=rng)
    return np.stack([fitted[:, start : start + length] for start in starts])


def stream_segments(
    blocks: Iterable[Waveform],
    length: int,
    hop: int,
    *,
    padding: Literal["end", "repeat"] = "end",
    shortest: int | None = None,
) -> Iterator[tuple[int, Waveform]]:
    """Cut the blocks of a waveform into segments; memory holds about a block, a segment and a hop.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(channels, samples)], float32
        Consecutive pieces of one waveform, of any sizes.
    length, hop : int > 0
        Samples of a segment, and between the beginnings of two.
    padding : {"end", "repeat"}
        How a waveform shorter than one segment is padded.
    shortest : int or None, 1..length
        Samples to which such a waveform is padded if it is shorter. None means one segment.

    Yields
    ------
    tuple of int and np.ndarray [shape=(channels, length)], float32
        The number of the segment's first sample, and the segment; together equal to `cut_segments` of the
        concatenated blocks. The only segment of a short waveform may be shorter, see `shortest`.

    Raises
    ------
    UsageError
        If there are no samples, or a value is not positive or unknown.
    """
    if padding not in ("end", "repeat"):
        raise UsageError(f"a stream takes padding 'end' or 'repeat', not {padding!r}", code="unknown-padding")
    segment_starts(1, length, hop)
    least = length if shortest is None else shortest
    if not 1 <= least <= length:
        raise UsageError(
            f"shortest must be 1 to {length} samples, not {shortest}",
            code="shortest-range",
        )
    return _stream_segments(blocks, length, hop, padding, least)


def _stream_segments(
    blocks: Iterable[Waveform], length: int, hop: int, padding: Literal["end", "repeat"], least: int
) -> Iterator[tuple[int, Waveform]]:
    held: list[Waveform] = []  # consecutive blocks; the first holds sample number `origin`
    origin = received = start = 0
    for block in blocks:
        held.append(block)
        received += block.shape[-1]
        if received < start + length:
            continue
        joined = np.concatenate(held, axis=1)
        while start + length <= received:
            offset = start - origin
            yield start, joined[:, offset : offset + length].astype(np.float32)
            start += hop
        kept = min(start - origin, joined.shape[-1])
        held, origin = [joined[:, kept:].copy()], origin + kept
    if received == 0:
        raise UsageError("there are no samples to cut into segments", code="no-samples")
    if start == 0:
        yield 0, fit_length(np.concatenate(held, axis=1), max(least, received), padding=padding)
