"""Pairs of pictures that show the same recording, by correlation of their fine structure.

Two pictures are correlated at every shift in time at which at least a third of both overlaps (by Fourier
transform, for all pairs of two blocks of pictures at once). Pictures of one recording agree in fine
structure, whatever its loudness; other performances and other pieces do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.lab.audit.pairs import Pair, PairKind, equal_pair, in_order
from genrelab.lab.audit.pictures.analysis import COLUMNS, AnalyzedPicture

#: Smallest correlation of a pair. Chosen on the 1,000 pictures of GTZAN, where no pair of pieces
#: that are known to differ reaches it (the highest has 0.262).
THRESHOLD = 0.27
_LEAST_OVERLAP = COLUMNS // 3
_LEAST_POWER = 0.25  # of a whole picture: what overlaps in nearly nothing proves nothing
_SAME_CUT = 0.02  # of the width
_BLOCK = 128
_LENGTH = 512  # of the Fourier transform: more than two widths, so that no shift wraps around

Float = npt.NDArray[np.float32]
Report = Callable[[int, int], None]


class Match(NamedTuple):
    """Two pictures, by number, the correlation at their best shift, and the shift in widths.

    A positive offset means that the second picture starts later in the recording.
    """

    first: int
    second: int
    score: float
    offset: float


def find_picture_pairs(pictures: Sequence[AnalyzedPicture], *, report: Report | None = None) -> list[Pair]:
    """Find pictures that are equal, or show the same recording.

    Parameters
    ----------
    pictures : sequence of AnalyzedPicture
        Of a corpus, in its order.
    report : callable or None
        Called with the number of compared blocks and the total.

    Returns
    -------
    list of Pair
        In the order of the corpus. Lengths are in widths of a picture; speed is 1 and gain 0 throughout.
    """
    alike: dict[str, list[AnalyzedPicture]] = defaultdict(list)
    for each in pictures:
        if each.analysis.sound_digest is not None:
            alike[each.analysis.sound_digest].append(each)
    groups = list(alike.values())
    pairs = [equal_pair(a.analysis, b.analysis) for group in groups for a, b in combinations(group, 2)]
    known = [group[0].fine for group in groups]
    fine = [each for each in known if each is not None]  # each, as a picture with a digest has structure
    for found in matches(np.stack(fine), report=report) if fine else ():
        for a, b in product(groups[found.first], groups[found.second]):
            pairs.append(_shared(a.analysis.clip.id, b.analysis.clip.id, found))
    place = {each.analysis.clip.id: number for number, each in enumerate(pictures)}
    ordered = (in_order(pair, place) for pair in pairs)
    return sorted(ordered, key=lambda pair: (place[pair.first], place[pair.second]))


def matches(fine: npt.NDArray[np.float16], *, report: Report | None = None) -> Iterator[Match]:
    """Yield the pairs of pictures whose correlation reaches `THRESHOLD`.

    Parameters
    ----------
    fine : np.ndarray [shape=(pictures, bands, columns)], float16
        As `fine_structure` returns it.
    report : callable or None
        Called with the number of compared blocks and the total.
    """
    starts = range(0, len(fine), _BLOCK)
    blocks = [(a, b) for a in starts for b in starts if b >= a]
    for done, (a, b) in enumerate(blocks, start=1):
        scores, shifts = _correlate(fine[a : a + _BLOCK], fine[b : b + _BLOCK])
        for i, j in zip(*np.nonzero(scores >= THRESHOLD), strict=True):
            if a + i < b + j:
                score = min(1.0, float(scores[i, j]))
                yield Match(int(a + i), int(b + j), score, -int(shifts[i, j]) / COLUMNS)
        if report is not None:
            report(done, len(blocks))


def _correlate(
    first: npt.NDArray[np.float16], second: npt.NDArray[np.float16]
) -> tuple[Float, npt.NDArray[np.intp]]:
    """Return the greatest correlation of all pairs, and the columns that the second is ahead there."""
    one, other = (np.fft.rfft(each.astype(np.float32), _LENGTH, axis=2) for each in (first, second))
    # For each frequency the product of two matrices, which sums over the bands.
    cross = np.matmul(
        one.conj().transpose(2, 0, 1).astype(np.complex64), other.transpose(2, 1, 0).astype(np.complex64)
    )
    farthest = COLUMNS - _LEAST_OVERLAP
    shifts = np.arange(-farthest, farthest + 1)
    sums = np.fft.irfft(cross.transpose(1, 2, 0), _LENGTH, axis=2)[:, :, shifts]
    before, ahead = (
        _powers(first, np.maximum(0, -shifts), shifts),
        _powers(second, np.maximum(0, shifts), shifts),
    )
    correlation = sums / np.sqrt(before[:, None] * ahead[None])
    best = correlation.argmax(axis=2)
    score = np.take_along_axis(correlation, best[..., None], axis=2)[..., 0]
    return score.astype(np.float32), shifts[best]


def _powers(
    fine: npt.NDArray[np.float16], begin: npt.NDArray[np.intp], shifts: npt.NDArray[np.intp]
) -> Float:
    """Return the sum of squares of what overlaps at each shift, `[pictures, shifts]`."""
    columns = np.square(fine.astype(np.float32)).sum(axis=1)
    sums = np.concatenate([np.zeros((len(fine), 1), np.float32), np.cumsum(columns, axis=1)], axis=1)
    overlapping = sums[:, begin + COLUMNS - np.abs(shifts)] - sums[:, begin]
    floor = np.maximum(_LEAST_POWER * sums[:, -1:], 1e-6)
    return np.asarray(np.maximum(overlapping, floor), dtype=np.float32)


def _shared(first: str, second: str, found: Match) -> Pair:
    kind: PairKind = "same recording" if abs(found.offset) <= _SAME_CUT else "other cut"
    return Pair(
        first=first,
        second=second,
        kind=kind,
        score=found.score,
        offset=found.offset,
        start=max(0.0, found.offset),
        overlap=1.0 - abs(found.offset),
        speed=1.0,
        gain=0.0,
        matched=None,
    )
