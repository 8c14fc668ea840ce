"""Which segments of a long file speak for all of it.

The file's segments are divided into equally many neighbours as segments are wanted, and one is taken out of
each. Where in it, wanders by the golden ratio: music repeats itself, and at equal distances the same bar
might be met each time. Every third of the chosen segments is heard first. If their votes are clear, that is
enough; else the others are heard as well.
"""

from __future__ import annotations

import math

from genrelab.audio.segments import segment_starts

FIRST_SECONDS = 36.0
"""About how much of a file is heard first; if that is not clear, three times as much in all."""

FIRST_SHARE = 1 / 60
"""Of a file so long that this is more, this share of it is heard first."""

CLEAR_LEAD = 0.25
"""The votes are clear if the first genre leads the second by this share of the segments."""

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
    (12, 24)
    >>> spread_starts(45 * 16000, 3 * 16000, 3 * 16000, 16000)
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


def _is_worth_it(count: int, n_samples: int, length: int) -> bool:
    return 3 * count * length <= 2 * n_samples


def _choose(every: list[int], count: int) -> list[int]:
    within = (math.modf((number + 1) * _GOLDEN)[0] for number in range(count))
    places = (int((number + share) * len(every) / count) for number, share in enumerate(within))
    return [every[place] for place in sorted(set(places))]  # if most are chosen, one may be twice
