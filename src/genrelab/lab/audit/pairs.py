"""Repetitions in a corpus, as pairs of clips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby, product
from typing import Literal

from genrelab.lab.audit.agreement import Agreement, agreement
from genrelab.lab.audit.clip_analysis import ClipAnalysis
from genrelab.lab.audit.fingerprint import Fingerprint
from genrelab.lab.audit.loops import rival_score
from genrelab.lab.audit.search import Candidate, find_candidates

PairKind = Literal["same file", "same samples", "same recording", "other cut", "other speed", "shared loop"]

#: Description of each kind, for the page and the documentation.
KINDS: Mapping[PairKind, str] = {
    "same file": "the files are equal, byte for byte",
    "same samples": "the files differ, but their decoded samples are equal",
    "same recording": "one recording of equal length, in another encoding, loudness or sample rate",
    "other cut": "one recording, of which each clip contains a part",
    "other speed": "one recording, played faster or slower",
    "shared loop": "several offsets agree equally well: one loop in two pieces, or one recording of a loop",
}

#: Smallest score of a pair. Chosen on one half of a set of clips and measured on the other.
THRESHOLD = 0.2
_SHORTEST_OVERLAP = 1.0  # seconds
_FEWEST_PEAKS = 8
_SAME_SPEED = 0.003
_WHOLE = 0.95  # of the longer clip
_WORTH_A_LOOK = 0.25  # of the votes of the pair's best alignment
_CERTAIN = 0.5  # with this score, the other alignments of the pair are not examined
_LOOP = 0.85  # of the best score, at another offset

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips that contain the same sound.

    Parameters
    ----------
    first, second : str
        Clip ids, in the order of the corpus.
    kind : str
        One of `KINDS`.
    score : float, 0..1
        Agreement, see `Agreement.score`; 1 for equal files or samples.
    offset : float, in seconds (of pictures, in widths of a picture, as `start` and `overlap`)
        Start of the second clip in the time of the first; negative if it starts earlier.
    start : float, in seconds
        Start of the common part, in the first clip.
    overlap : float, in seconds
        Length of the common part, in the first clip.
    speed : float
        Speed of the second clip relative to the first.
    gain : float, in dB
        Level of the second clip relative to the first.
    matched : int or None
        Matching spectral peaks; None for equal files or samples.
    """

    first: str
    second: str
    kind: PairKind
    score: float
    offset: float
    start: float
    overlap: float
    speed: float
    gain: float
    matched: int | None

    @property
    def is_repetition(self) -> bool:
        """Whether the clips contain one recording; a shared loop is no evidence of that."""
        return self.kind != "shared loop"


def find_pairs(analyses: Sequence[ClipAnalysis], *, report: Report | None = None) -> list[Pair]:
    """Find all repetitions, and clips that only share a loop.

    Parameters
    ----------
    analyses : sequence of ClipAnalysis
        The clips of a corpus, in its order.
    report : callable or None
        Called with the number of examined candidates and the total.

    Returns
    -------
    list of Pair
        In the order of the corpus, without completely silent clips.
    """
    alike = _equal_sound(analyses)
    pairs = [equal_pair(a, b) for group in alike for a, b in combinations(group, 2)]
    prints = [group[0].fingerprint for group in alike]
    known = [each for each in prints if each is not None]
    for (i, j), found in _recordings(known, report).items():
        loop = rival_score(known[i], known[j], found) >= _LOOP * found.score
        pairs += [_shared(a, b, found, loop=loop) for a, b in product(alike[i], alike[j])]
    place = {each.clip.id: number for number, each in enumerate(analyses)}
    ordered = (in_order(pair, place) for pair in pairs)
    return sorted(ordered, key=lambda pair: (place[pair.first], place[pair.second]))


def best_agreements(
    prints: Sequence[Fingerprint], *, report: Report | None = None
) -> dict[tuple[int, int], Agreement]:
    """Return the best agreement of each candidate pair.

    Parameters
    ----------
    prints : sequence of Fingerprint
    report : callable or None
        Called with the number of examined candidates and the total.

    Returns
    -------
    dict of (int, int) to Agreement
        Most agreements arise by chance; see `THRESHOLD`.
    """
    candidates = find_candidates(prints)
    best: dict[tuple[int, int], Agreement] = {}
    done = 0
    for pair, places in groupby(candidates, key=lambda each: (each.first, each.second)):
        listed = list(places)
        for place in _worth_a_look(listed):
            found = agreement(prints[pair[0]], prints[pair[1]], speed=place.speed, lag=place.lag)
            if found is not None and (pair not in best or found.score > best[pair].score):
                best[pair] = found
            if pair in best and best[pair].score >= _CERTAIN:
                break
        done += len(listed)
        if report is not None:
            report(done, len(candidates))
    return best


def is_beyond_chance(found: Agreement) -> bool:
    """Tell whether two clips agree well enough to share a recording or a loop."""
    return found.score >= THRESHOLD and found.overlap >= _SHORTEST_OVERLAP and found.matched >= _FEWEST_PEAKS


def _recordings(prints: Sequence[Fingerprint], report: Report | None) -> dict[tuple[int, int], Agreement]:
    best = best_agreements(prints, report=report)
    return {pair: found for pair, found in best.items() if is_beyond_chance(found)}


def _worth_a_look(places: Iterable[Candidate]) -> list[Candidate]:
    ordered = sorted(places, key=lambda place: -place.votes)
    return [place for place in ordered if place.votes >= _WORTH_A_LOOK * ordered[0].votes]


def _equal_sound(analyses: Sequence[ClipAnalysis]) -> list[list[ClipAnalysis]]:
    """Return the audible clips, grouped by equal samples."""
    groups: dict[str, list[ClipAnalysis]] = defaultdict(list)
    for each in analyses:
        if each.fingerprint is not None and each.sound_digest is not None:
            groups[each.sound_digest].append(each)
    return list(groups.values())


def equal_pair(first: ClipAnalysis, second: ClipAnalysis) -> Pair:
    """Return the pair of two clips with equal files or samples."""
    files = first.file_digest is not None and first.file_digest == second.file_digest
    return Pair(
        first=first.clip.id,
        second=second.clip.id,
        kind="same file" if files else "same samples",
        score=1.0,
        offset=0.0,
        start=0.0,
        overlap=first.seconds,
        speed=1.0,
        gain=0.0,
        matched=None,
    )


def _shared(first: ClipAnalysis, second: ClipAnalysis, found: Agreement, *, loop: bool) -> Pair:
    longer = max(first.seconds / found.speed, second.seconds)
    kind: PairKind = "same recording" if found.overlap >= _WHOLE * longer else "other cut"
    if abs(found.speed - 1) > _SAME_SPEED:
        kind = "other speed"
    if loop:
        kind = "shared loop"
    return Pair(
        first=first.clip.id,
        second=second.clip.id,
        kind=kind,
        score=found.score,
        offset=found.lag * found.speed,
        start=(found.start + found.lag) * found.speed,
        overlap=found.overlap * found.speed,
        speed=found.speed,
        gain=found.gain,
        matched=found.matched,
    )


def in_order(pair: Pair, place: Mapping[str, int]) -> Pair:
    """Return the pair with the clip that is earlier in the corpus first."""
    if place[pair.first] < place[pair.second]:
        return pair
    return replace(
        pair,
        first=pair.second,
        second=pair.first,
        offset=-pair.offset / pair.speed,
        start=(pair.start - pair.offset) / pair.speed,
        overlap=pair.overlap / pair.speed,
        speed=1 / pair.speed,
        gain=-pair.gain,
    )
