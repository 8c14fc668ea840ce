"""Which clips to exclude, so that each recording occurs once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genrelab.lab.audit.clip_analysis import ClipAnalysis
from genrelab.lab.audit.faults import Fault, FaultKind
from genrelab.lab.audit.pairs import Pair

#: Faults that make a clip useless.
USELESS: frozenset[FaultKind] = frozenset(("unreadable", "cut off", "silent"))
_KEPT_FIRST = ("test", "valid", "train")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A clip to exclude.

    Parameters
    ----------
    clip_id : str
    reason : str
        In words.
    """

    clip_id: str
    reason: str


def groups_of(pairs: Iterable[Pair]) -> list[list[str]]:
    """Return the groups of clips that pairs connect, directly or through others.

    Parameters
    ----------
    pairs : iterable of Pair

    Returns
    -------
    list of list of str
        Clip ids, in the order of the pairs.

    Examples
    --------
    >>> make = lambda a, b: Pair(a, b, "same file", 1.0, 0.0, 0.0, 3.0, 1.0, 0.0, None)
    >>> groups_of([make("a", "b"), make("c", "d"), make("b", "e")])
    [['a', 'b', 'e'], ['c', 'd']]
    """
    group_of: dict[str, list[str]] = {}
    for pair in pairs:
        first = group_of.setdefault(pair.first, [pair.first])
        second = group_of.setdefault(pair.second, [pair.second])
        if first is not second:
            first += second
            group_of.update(dict.fromkeys(second, first))
    return list({id(group): group for group in group_of.values()}.values())


def exclusions(
    analyses: Sequence[ClipAnalysis],
    groups: Iterable[Sequence[str]],
    faults: Iterable[Fault],
    parts: Mapping[str, str],
) -> list[Exclusion]:
    """Choose the clips to exclude: useless clips, and all but one clip of each group.

    The clip to keep is, in this order of preference: not useless, of the test part, of the validation part,
    with a genre, with tags, the longest, the first of the corpus.

    Parameters
    ----------
    analyses : sequence of ClipAnalysis
        The clips, in the order of the corpus.
    groups : iterable of sequence of str
        As returned by `groups_of`.
    faults : iterable of Fault
    parts : mapping of str to str
        Clip id -> `train`, `valid` or `test`; empty without a split.

    Returns
    -------
    list of Exclusion
        In the order of the corpus, without duplicates.
    """
    place = {each.clip.id: number for number, each in enumerate(analyses)}
    out = {
        fault.clip_id: f"{fault.kind}: {fault.detail}"
        for fault in faults
        if fault.kind in USELESS and fault.clip_id in place
    }

    def worth(clip_id: str) -> tuple[bool, int, bool, bool, float, int]:
        each = analyses[place[clip_id]]
        clip = each.clip
        part = parts.get(clip_id)
        rank = _KEPT_FIRST.index(part) if part in _KEPT_FIRST else len(_KEPT_FIRST)
        return clip_id in out, rank, clip.genre is None, not clip.annotated, -each.seconds, place[clip_id]

    kept = {group[0]: group[1:] for group in (sorted(group, key=worth) for group in groups)}
    for keep, others in kept.items():
        for clip_id in others:
            out.setdefault(clip_id, f"repeats {keep}")
    return [Exclusion(clip_id, out[clip_id]) for clip_id in sorted(out, key=place.__getitem__)]
