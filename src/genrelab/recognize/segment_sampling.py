"""Which segments of a long file speak for all of it.

The file's segments are divided into equally many neighbours as segments are wanted, and one is taken out of
each. Where in it, wanders by the golden ratio: music repeats itself, and at equal distances the same bar
might be met each time. Every third of the chosen segments is heard first. If what they say would hardly
change with more of them, that is enough; else the others are heard as well.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genrelab.audio.segments import segment_starts

FIRST_SECONDS = 25.0
"""About how much of a file is heard first; if that is not clear, three times as much in all."""

FIRST_SHARE = 1 / 60
"""Of a file so long that this is more, this share of it is heard first."""

CLEAR = 1.5
"""An answer is clear if it is so many standard errors away from another one."""

_ROUND = 3  # one of so many chosen segments is heard first
_LEAST_FIRST = 2
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def spread_starts(n_samples: int, length: int, hop: int, sample_rate: int) -> tuple[list[int], list[int]]:
    """Choose segments of a file, evenly spread, in two rounds.

    Parameters
    ----------
    n_samples : int > 0
        Samples of the file.
    length, hop : int > 0
        Samples of a segment, and between the beginnings of two.
    sample_rate : int > 0
        In Hz.

    Returns
    -------
    first, others : list of int
        Where they begin, ascending: some of `genrelab.audio.segments.segment_starts`. A round is empty if
        what is heard with it were more than two thirds of the file, which is then better heard as a whole.

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
    """Whether the mean over all segments of a file is surely on the same side of zero as that of some.

    Parameters
    ----------
    leads : np.ndarray [shape=(segments,)], float
        Of each segment that was heard: by how much it speaks for the answer, or, negative, against it.
    of : int > 0
        How many segments there are.

    Returns
    -------
    bool
        True if the mean is at least `CLEAR` standard errors of a sample without replacement (Cochran 1977,
        section 2.6) away from zero.

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
    return [every[place] for place in sorted(set(places))]  # if most are chosen, one may be twice
