"""Cut a file into parts where its genre changes.

Each segment speaks for the hop around its centre. Among all ways to cut the file into parts of one genre,
none shorter than wanted, the likeliest is taken (Viterbi's dynamic programming, with a least duration): the
sum over the segments of the logarithm of their part's genre's probability, less a price for each change.
It is a hidden Markov model whose states are the genres and silence:

- Silence is a state of its own, certain where a segment is silent and impossible elsewhere.
- Probabilities are mixed with some of the uniform distribution, so that no single segment decides alone.
- Overlapping segments hear the same sound; each counts by the share of a segment that its hop is.
- The price of a change follows from how often genres change: once in `TYPICAL_PARTS` least lengths.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.recognize.recognition import Part, Recognition

MIN_PART_SECONDS = 20.0
"""The least length of a part unless another is asked for."""

TYPICAL_PARTS = 6.0
"""How many least lengths a part is expected to last."""

DOUBT = 0.05
"""The share of the uniform distribution in a segment's probabilities."""

_Floats = npt.NDArray[np.float64]


def cut_parts(record: Recognition, *, min_seconds: float = MIN_PART_SECONDS) -> tuple[Part, ...]:
    """Cut a file into parts where its genre changes.

    Parameters
    ----------
    record : Recognition
        As a `Recognizer` gives it.
    min_seconds : float > 0
        No part is shorter, unless the file is. Silence and genres that last less go to their neighbours.

    Returns
    -------
    tuple of Part
        In the order of time, from 0 to the file's duration without gaps; neighbours differ in genre. Each
        boundary is in the middle between two segments' centres. Empty after an error.

    Raises
    ------
    UsageError
        If the least length is not positive, only segments spread over the file were heard, or the answer
        comes from a library that does not have what is needed.

    Examples
    --------
    >>> for part in cut_parts(recognizer("mix.mp3", full=True)):  # doctest: +SKIP
    ...     print(part.start, part.end, part.genre)
    """
    if not (math.isfinite(min_seconds) and min_seconds > 0):
        raise UsageError(
            f"the shortest part must be longer than 0 s, not {min_seconds} s", code="part-length"
        )
    if record.error is not None or record.duration is None:
        return ()
    if not record.full:
        raise UsageError(
            f"{record.path} was recognized from segments spread over it, which is not enough to cut it into "
            "parts. Recognize all of it (full=True).",
            code="parts-need-full",
        )
    if record.probabilities is None:
        raise UsageError(
            f"the record of {record.path} lacks the probabilities of each segment, which parts need. "
            "Recognize it again.",
            code="parts-need-probabilities",
        )
    states = _with_silence(record.probabilities.astype(np.float64))
    starts, ends = np.array([(piece.start, piece.end) for piece in record.timeline]).T
    length = float(ends[0] - starts[0])
    hop = float(starts[1] - starts[0]) if len(starts) > 1 else length
    evidence = np.log((1 - DOUBT) * states + DOUBT / states.shape[1]) * min(1.0, hop / length)
    changing = min(0.5, hop / (TYPICAL_PARTS * min_seconds))
    price = math.log((1 - changing) / changing) + math.log(max(1, states.shape[1] - 1))
    least = max(1, math.ceil(min_seconds / hop - 1e-6))
    centres = (starts + ends) / 2
    borders = [0.0, *((centres[:-1] + centres[1:]) / 2).tolist(), record.duration]
    names = [*(ranked.genre for ranked in record.genres), None]
    return tuple(
        Part(borders[first], borders[last], names[state], _mean(record.probabilities[first:last], state))
        for first, last, state in _likeliest(evidence, least, price)
    )


def check_min_seconds(seconds: float) -> None:
    """Raise a `UsageError` unless the length of the shortest part is positive."""
    if not (math.isfinite(seconds) and seconds > 0):
        raise UsageError(f"the shortest part must be longer than 0 s, not {seconds} s", code="part-length")


def _with_silence(probabilities: _Floats) -> _Floats:
    """Return them with one more column: silence."""
    silent = np.isnan(probabilities).any(axis=1) | (probabilities.shape[1] == 0)
    return np.column_stack([np.where(silent[:, None], 0.0, probabilities), silent])


def _mean(probabilities: npt.NDArray[np.float16], state: int) -> float | None:
    """Return the mean probability of a genre over the segments that are not silent; None for silence."""
    if state == probabilities.shape[1]:
        return None
    return float(np.nanmean(probabilities[:, state], dtype=np.float64))


def _likeliest(evidence: _Floats, least: int, price: float) -> list[tuple[int, int, int]]:
    """Find the cut with the highest sum of evidence less the price of each change.

    Parameters
    ----------
    evidence : np.ndarray [shape=(segments, states)]
    least : int > 0
        Segments of the shortest part.
    price : float > 0

    Returns
    -------
    list of tuple of int
        Of each part: its first segment, the one behind its last, its state.
    """
    n, n_states = evidence.shape
    least = min(least, n)
    sums = np.concatenate([np.zeros((1, n_states)), evidence.cumsum(axis=0)])
    best = np.full((n + 1, n_states), -np.inf)  # of the first t segments, the last part being in a state
    begun = np.zeros((n + 1, n_states), np.intp)  # where that part begins
    best[least] = sums[least]
    for t in range(least + 1, n + 1):
        best[t], begun[t] = best[t - 1] + evidence[t - 1], begun[t - 1]
        first = t - least
        if first >= least:
            fresh = best[first].max() - price + sums[t] - sums[first]
            better = fresh > best[t]
            best[t][better], begun[t][better] = fresh[better], first
    parts: list[tuple[int, int, int]] = []
    end = n
    while end > 0:
        state = int(best[end].argmax())
        first = int(begun[end, state])
        if parts and parts[-1][2] == state:  # where a change costs nothing, rounding may cut a part in two
            parts[-1] = (first, parts[-1][1], state)
        else:
            parts.append((first, end, state))
        end = first
    return parts[::-1]
