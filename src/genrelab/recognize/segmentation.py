"""Cut a file into parts where its genre changes.

Each segment represents the hop around its centre. The parts maximize the sum, over the segments, of the log
probability of the part's genre, minus a penalty per change, subject to a minimum length (Viterbi algorithm
with a minimum duration). This is a hidden Markov model whose states are the genres and silence:

- Silence has probability 1 in a silent segment and 0 elsewhere.
- Probabilities are mixed with the uniform distribution to limit the weight of a single segment.
- Overlapping segments share audio; each is weighted by hop length over segment length.
- The penalty assumes that genres change once in `TYPICAL_PARTS` minimum lengths.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.recognize.recognition import Part, Recognition

MIN_PART_SECONDS = 20.0
"""Default minimum length of a part."""

TYPICAL_PARTS = 6.0
"""Expected length of a part, in minimum lengths."""

DOUBT = 0.05
"""Weight of the uniform distribution in a segment's probabilities."""

_Floats = npt.NDArray[np.float64]


def cut_parts(record: Recognition, *, min_seconds: float = MIN_PART_SECONDS) -> tuple[Part, ...]:
    """Cut a file into parts where its genre changes.

    Parameters
    ----------
    record : Recognition
        From a `Recognizer`.
    min_seconds : float > 0
        No part is shorter, unless the file is. Shorter stretches are merged into neighbouring parts.

    Returns
    -------
    tuple of Part
        In order of time, from 0 to the file's duration without gaps; neighbours differ in genre. Each
        boundary is midway between the centres of two segments. Empty after an error.

    Raises
    ------
    UsageError
        If the minimum length is not positive, the record is not about the whole file, or it lacks the
        probabilities of the segments (some results from a library do).

    Examples
    --------
    >>> for part in cut_parts(recognizer("mix.mp3", full=True)):  # doctest: +SKIP
    ...     print(part.start, part.end, part.genre)
    """
    check_min_seconds(min_seconds)
    if record.error is not None or record.duration is None:
        return ()
    if not record.full:
        message = f"parts need the whole of {record.path}, not only segments. Recognize it with full=True."
        raise UsageError(message, code="parts-need-full")
    if record.probabilities is None:
        message = f"parts need probabilities that the record of {record.path} lacks. Recognize it again."
        raise UsageError(message, code="parts-need-probabilities")
    states = _with_silence(record.probabilities.astype(np.float64))
    starts, ends = np.array([(piece.start, piece.end) for piece in record.timeline]).T
    length = float(ends[0] - starts[0])
    hop = float(starts[1] - starts[0]) if len(starts) > 1 else length
    evidence = np.log((1 - DOUBT) * states + DOUBT / states.shape[1]) * min(1.0, hop / length)
    changing = min(0.5, hop / (TYPICAL_PARTS * min_seconds))
    penalty = math.log((1 - changing) / changing) + math.log(max(1, states.shape[1] - 1))
    least = max(1, math.ceil(min_seconds / hop - 1e-6))
    centres = (starts + ends) / 2
    borders = [0.0, *((centres[:-1] + centres[1:]) / 2).tolist(), record.duration]
    names = [*(ranked.genre for ranked in record.genres), None]
    return tuple(
        Part(borders[first], borders[last], names[state], _mean(record.probabilities[first:last], state))
        for first, last, state in _likeliest(evidence, least, penalty)
    )


def check_min_seconds(seconds: float) -> None:
    """Raise a `UsageError` unless the length of the shortest part is positive."""
    if not (math.isfinite(seconds) and seconds > 0):
        raise UsageError(f"the shortest part must be longer than 0 s, not {seconds} s", code="part-length")


def _with_silence(probabilities: _Floats) -> _Floats:
    """Return the probabilities with one more column for silence."""
    silent = np.isnan(probabilities).any(axis=1) | (probabilities.shape[1] == 0)
    return np.column_stack([np.where(silent[:, None], 0.0, probabilities), silent])


def _mean(probabilities: npt.NDArray[np.float16], state: int) -> float | None:
    """Return the mean probability of a genre over the segments that are not silent; None for silence."""
    if state == probabilities.shape[1]:
        return None
    return float(np.nanmean(probabilities[:, state], dtype=np.float64))


def _likeliest(evidence: _Floats, least: int, penalty: float) -> list[tuple[int, int, int]]:
    """Find the parts with the highest sum of evidence minus penalties.

    Parameters
    ----------
    evidence : np.ndarray [shape=(segments, states)]
    least : int > 0
        Minimum number of segments of a part.
    penalty : float > 0

    Returns
    -------
    list of tuple of int
        For each part: its first segment, the one after its last, its state.
    """
    n, n_states = evidence.shape
    least = min(least, n)
    sums = np.concatenate([np.zeros((1, n_states)), evidence.cumsum(axis=0)])
    best = np.full(
        (n + 1, n_states), -np.inf
    )  # score of the first t segments if the last part has a given state
    begun = np.zeros((n + 1, n_states), np.intp)  # first segment of that part
    best[least] = sums[least]
    for t in range(least + 1, n + 1):
        best[t], begun[t] = best[t - 1] + evidence[t - 1], begun[t - 1]
        first = t - least
        if first >= least:
            fresh = best[first].max() - penalty + sums[t] - sums[first]
            better = fresh > best[t]
            best[t][better], begun[t][better] = fresh[better], first
    parts: list[tuple[int, int, int]] = []
    end = n
    while end > 0:
        state = int(best[end].argmax())
        first = int(begun[end, state])
        if parts and parts[-1][2] == state:  # rounding may split a part if changes are free
            parts[-1] = (first, parts[-1][1], state)
        else:
            parts.append((first, end, state))
        end = first
    return parts[::-1]
