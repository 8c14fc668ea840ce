"""The audit of a corpus: what it holds twice, what is broken, what a split lets through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

from genrelab.errors import CorpusError, UsageError
from genrelab.lab.audit.clip_analysis import Heard, hear_all
from genrelab.lab.audit.faults import Fault, odd_lengths
from genrelab.lab.audit.groups import Exclusion, exclusions, groups_of
from genrelab.lab.audit.pairs import Pair, find_pairs
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.loaders.feature_table import TableRows
from genrelab.lab.corpora.types import Clip, Corpus, Split

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SharedArtist:
    """An artist with clips in more than one part of a split.

    Parameters
    ----------
    artist : str
        In the spelling that comes first.
    clips : mapping of str to int
        `train`, `valid` and `test` -> number of clips.
    """

    artist: str
    clips: Mapping[str, int]


@dataclass(frozen=True)
class Audit:
    """What was found.

    Parameters
    ----------
    corpus : Corpus
    split : Split or None
        The split that was looked at.
    seconds : mapping of str to float
        Clip id -> length of what was read; 0 for clips that cannot be read.
    pairs : sequence of Pair
        Repetitions and shared loops, in the order of the corpus.
    groups : sequence of sequence of str
        Clips that repetitions hold together.
    artists : sequence of SharedArtist
        Those with most clips first; empty without a split.
    faults : sequence of Fault
    excluded : sequence of Exclusion
        What to leave out so that every recording is there once and nothing is worthless.
    """

    corpus: Corpus
    split: Split | None
    seconds: Mapping[str, float]
    pairs: Sequence[Pair]
    groups: Sequence[Sequence[str]]
    artists: Sequence[SharedArtist]
    faults: Sequence[Fault]
    excluded: Sequence[Exclusion]

    @cached_property
    def repetitions(self) -> list[Pair]:
        """The pairs that are repetitions."""
        return [pair for pair in self.pairs if pair.is_repetition]

    @cached_property
    def parts(self) -> dict[str, str]:
        """Clip id -> `train`, `valid` or `test`."""
        return parts_of(self.split)

    @cached_property
    def clips(self) -> dict[str, Clip]:
        """Clip id -> clip."""
        return self.corpus.by_id()

    def crosses(self, pair: Pair) -> bool:
        """Tell whether the clips of a pair are in two parts of the split."""
        first, second = self.parts.get(pair.first), self.parts.get(pair.second)
        return first is not None and second is not None and first != second

    def labels_differ(self, pair: Pair) -> bool:
        """Tell whether the clips of a pair have two genres."""
        first, second = self.clips[pair.first].genre, self.clips[pair.second].genre
        return first is not None and second is not None and first != second

    def to_dict(self) -> dict[str, Any]:
        """Return all that was found, for JSON."""
        split = self.split and {"name": self.split.name, "made": self.split.made}
        return {
            "corpus": self.corpus.name,
            "clips": len(self.corpus.clips),
            "hours": round(sum(self.seconds.values()) / 3600, 3),
            "split": split,
            "pairs": [
                asdict(pair)
                | {"crosses_parts": self.crosses(pair), "labels_differ": self.labels_differ(pair)}
                for pair in self.pairs
            ],
            "groups": [list(group) for group in self.groups],
            "artists_in_several_parts": [asdict(each) for each in self.artists],
            "faults": [asdict(fault) for fault in self.faults],
            "excluded": [asdict(each) for each in self.excluded],
        }


def audit_corpus(
    corpus: Corpus,
    *,
    split: Split | None = None,
    shortest: float = 1.0,
    jobs: int = 2,
    report: Report | None = None,
) -> Audit:
    """Look for repetitions and faults among the clips of a corpus, labelled or not.

    Parameters
    ----------
    corpus : Corpus
    split : Split or None
        With a split, it is also said which repetitions and which artists are in two parts of it.
    shortest : float >= 0, in seconds
        A shorter clip is a fault.
    jobs : int > 0
        Clips read at the same time.
    report : callable or None
        Called with what is being done, how much of it is done, and of how much.

    Returns
    -------
    Audit

    Raises
    ------
    CorpusError
        If the corpus is a table of descriptors, in which there is nothing to hear.
    UsageError
        If `jobs` or `shortest` make no sense.
    """
    if isinstance(corpus.renderer, TableRows):
        raise CorpusError(
            f"{corpus.name} is a table of descriptors: there is no sound to audit", code="audit-of-features"
        )
    if jobs < 1 or not shortest >= 0:
        raise UsageError(
            f"an audit needs 1 job or more and a shortest length of 0 s or more, not {jobs} and {shortest}",
            code="audit-options",
        )
    heard = hear_all(
        corpus, shortest=shortest, jobs=jobs, report=partial(report, "reading") if report else None
    )
    pairs = find_pairs(heard, report=partial(report, "comparing") if report else None)
    seconds = {each.clip.id: each.seconds for each in heard}
    faults = _faults(corpus, heard)
    groups = groups_of(pair for pair in pairs if pair.is_repetition)
    return Audit(
        corpus=corpus,
        split=split,
        seconds=seconds,
        pairs=pairs,
        groups=groups,
        artists=_shared_artists(corpus, split),
        faults=faults,
        excluded=exclusions(heard, groups, faults, parts_of(split)),
    )


def parts_of(split: Split | None) -> dict[str, str]:
    """Return clip id -> `train`, `valid` or `test`; nothing without a split."""
    if split is None:
        return {}
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    return {clip_id: part for part, ids in parts.items() for clip_id in ids}


def _faults(corpus: Corpus, heard: Sequence[Heard]) -> list[Fault]:
    found = [Fault(clip_id, "left out", reason) for clip_id, reason in corpus.skipped.items()]
    found += [fault for each in heard for fault in each.faults]
    return found + odd_lengths({each.clip.id: each.seconds for each in heard if each.seconds})


def _shared_artists(corpus: Corpus, split: Split | None) -> list[SharedArtist]:
    parts = parts_of(split)
    clips: dict[str, list[Clip]] = defaultdict(list)
    for clip in corpus.clips:
        key = artist_key(clip.artist)
        if key is not None and clip.id in parts:
            clips[key].append(clip)
    shared = []
    for listed in clips.values():
        where = [parts[clip.id] for clip in listed]
        if len(set(where)) > 1:
            counts: dict[str, int] = {part: where.count(part) for part in ("train", "valid", "test")}
            shared.append(SharedArtist(listed[0].artist or "", counts))
    return sorted(shared, key=lambda each: -sum(each.clips.values()))
