"""Choose segments that represent a long file.

The segments of the file are divided into groups of neighbours, and one segment is taken from each group. Its
position in the group varies with the golden ratio: music repeats, and equal distances might select the same
bar every time. Every third of the chosen segments is processed first. The others are processed only if they
are likely to change the result.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genrelab.audio.segments import segment_starts

FIRST_SECONDS = 25.0
"""Length of audio in the first round, approximately; three times as much in both rounds."""

FIRST_SHARE = 1 / 60
"""Share of the file in the first round, if that is more than `FIRST_SECONDS`."""

CLEAR = 1.5
"""A result is clear if it is this many standard errors away from another one."""

_ROUND = 3  # one of this many chosen segments is in the first round
_LEAST_FIRST = 2
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def spread_starts(n_samples: int, length: int, hop: int, sample_rate: int) -> tuple[list[int], list[int]]:
    """Choose segments of a file, evenly spread, in two rounds.

    Parameters
    ----------
    n_samples : int > 0
        Length of the file.
    length, hop : int > 0
        Length of a segment, and distance between two starts, in samples.
    sample_rate : int > 0
        In Hz.

    Returns
    -------
    first, others : list of int
        Their first samples, ascending; a subset of `genrelab.audio.segments.segment_starts`. A round is
        empty if it would exceed two thirds of the file: the whole file is then processed instead.

    Examples
    --------
    >>> first, others = spread_starts(240 * 16000, 3 * 16000, 3 * 16000, 16000)
    >>> len(first), len(others)
    (8, 16)
    >>> spread_starts(30 * 16000, 3 * 16000, 3 * 16000, 16000)
    ([], [])
    """
    seconds = max(FIRST_SECONDS, FIRST_SHARE * n_samples / sample_rate)
    count = max(_LEAST_FIRST, round(seconds * sample_rate / length))
    every = segment_starts(n_samples, length, hop)
    if not _is_worth_it(count, n_samples, length):
        return [], []
    if not _is_worth_it(_ROUND * count, n_samples, length):
        return _choose(every, count), []
    chosen = _choose(every, _ROUND * count)
    first = chosen[1::_ROUND]
    return first, sorted(set(chosen) - set(first))


def is_clear(leads: npt.NDArray[np.float64], of: int) -> bool:
    """Whether the mean over all segments is almost certainly on the same side of zero as that of a sample.

    Parameters
    ----------
    leads : np.ndarray [shape=(segments,)], float
        For each processed segment, the evidence for the result; negative if against it.
    of : int > 0
        Number of segments of the file.

    Returns
    -------
    bool
        True if the mean is at least `CLEAR` standard errors away from zero, for a sample without replacement
        (Cochran 1977, section 2.6).

    Examples
    --------
    >>> import numpy as np
    >>> is_clear(np.array([0.5, 0.4, 0.6, 0.5]), 48), is_clear(np.array([0.5, -0.4, 0.6, -0.5]), 48)
    (True, False)
    """
    count = len(leads)
    if count >= of:
        return True
    if count < 2:
        return False
    error = float(leads.std(ddof=1)) * math.sqrt((1.0 - count / of) / count)
    return abs(float(leads.mean())) >= CLEAR * error


def _is_worth_it(count: int, n_samples: int, length: int) -> bool:
    return 3 * count * length <= 2 * n_samples


def _choose(every: list[int], count: int) -> list[int]:
    within = (math.modf((number + 1) * _GOLDEN)[0] for number in range(count))
    places = (int((number + share) * len(every) / count) for number, share in enumerate(within))
    return [every[place] for place in sorted(set(places))]  # a segment may be chosen twice if most are chosen
