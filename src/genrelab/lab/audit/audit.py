"""The audit of a corpus: repeated recordings, broken clips, and leaks of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

from genrelab.errors import CorpusError, UsageError
from genrelab.lab.audit.clip_analysis import ClipAnalysis, analyze_clips
from genrelab.lab.audit.faults import Fault, odd_lengths
from genrelab.lab.audit.groups import Exclusion, exclusions, groups_of
from genrelab.lab.audit.pairs import Pair, find_pairs
from genrelab.lab.audit.pictures.analysis import analyze_pictures
from genrelab.lab.audit.pictures.matching import find_picture_pairs
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.types import Clip, Corpus, Split

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SharedArtist:
    """An artist with clips in more than one part of a split.

    Parameters
    ----------
    artist : str
        In the spelling of the artist's first clip.
    clips : mapping of str to int
        `train`, `valid` and `test` -> number of clips.
    """

    artist: str
    clips: Mapping[str, int]


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Parameters
    ----------
    corpus : Corpus
    split : Split or None
    seconds : mapping of str to float
        Clip id -> decoded length, 1 (its width) for a picture; 0 for clips that cannot be read.
    pairs : sequence of Pair
        Repetitions and shared loops, in the order of the corpus.
    groups : sequence of sequence of str
        Clips connected by repetitions.
    artists : sequence of SharedArtist
        Sorted by number of clips, descending; empty without a split.
    faults : sequence of Fault
    excluded : sequence of Exclusion
        Clips to exclude: afterwards each recording occurs once, and no clip is useless.
    digests : mapping of str to str
        Clip id -> digest of its decoded samples; without silent clips and those that cannot be read.
    """

    corpus: Corpus
    split: Split | None
    seconds: Mapping[str, float]
    pairs: Sequence[Pair]
    groups: Sequence[Sequence[str]]
    artists: Sequence[SharedArtist]
    faults: Sequence[Fault]
    excluded: Sequence[Exclusion]
    digests: Mapping[str, str]

    @property
    def of_pictures(self) -> bool:
        """Whether the corpus consists of pictures, whose lengths are in widths of a picture."""
        return self.corpus.kind == "pictures"

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
        """Tell whether the clips of a pair are in different parts of the split."""
        first, second = self.parts.get(pair.first), self.parts.get(pair.second)
        return first is not None and second is not None and first != second

    def labels_differ(self, pair: Pair) -> bool:
        """Tell whether the clips of a pair have different genres."""
        first, second = self.clips[pair.first].genre, self.clips[pair.second].genre
        return first is not None and second is not None and first != second

    def to_dict(self) -> dict[str, Any]:
        """Return the result, ready for JSON."""
        split = self.split and {"name": self.split.name, "made": self.split.made}
        return {
            "corpus": self.corpus.name,
            "clips": len(self.corpus.clips),
            "hours": None if self.of_pictures else round(sum(self.seconds.values()) / 3600, 3),
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
    """Find repetitions and faults among the clips of a corpus, labelled or not.

    Parameters
    ----------
    corpus : Corpus
    split : Split or None
        With a split, the audit also reports repetitions and artists in several parts of it.
    shortest : float >= 0, in seconds
        A shorter clip is a fault; ignored for pictures.
    jobs : int > 0
        Clips processed in parallel.
    report : callable or None
        Called with the current step, the number of finished items and their total.

    Returns
    -------
    Audit

    Raises
    ------
    CorpusError
        If the corpus is a table of descriptors, without sound.
    UsageError
        If `jobs` is below 1 or `shortest` is negative.
    """
    if corpus.kind == "features":
        message = f"{corpus.name} is a table of descriptors, without sound to audit"
        raise CorpusError(message, code="audit-of-features")
    if jobs < 1 or not shortest >= 0:
        message = f"an audit needs jobs >= 1 and shortest >= 0, not {jobs} and {shortest}"
        raise UsageError(message, code="audit-options")
    reading, comparing = (partial(report, doing) if report else None for doing in ("reading", "comparing"))
    if corpus.kind == "pictures":
        pictures = analyze_pictures(corpus, jobs=jobs, report=reading)
        analyses = [each.analysis for each in pictures]
        pairs = find_picture_pairs(pictures, report=comparing)
    else:
        analyses = analyze_clips(corpus, shortest=shortest, jobs=jobs, report=reading)
        pairs = find_pairs(analyses, report=comparing)
    seconds = {each.clip.id: each.seconds for each in analyses}
    faults = _faults(corpus, analyses)
    groups = groups_of(pair for pair in pairs if pair.is_repetition)
    return Audit(
        corpus=corpus,
        split=split,
        seconds=seconds,
        pairs=pairs,
        groups=groups,
        artists=_shared_artists(corpus, split),
        faults=faults,
        excluded=exclusions(analyses, groups, faults, parts_of(split)),
        digests={each.clip.id: each.sound_digest for each in analyses if each.sound_digest is not None},
    )


def parts_of(split: Split | None) -> dict[str, str]:
    """Return clip id -> `train`, `valid` or `test`; empty without a split."""
    if split is None:
        return {}
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    return {clip_id: part for part, ids in parts.items() for clip_id in ids}


def _faults(corpus: Corpus, analyses: Sequence[ClipAnalysis]) -> list[Fault]:
    found = [Fault(clip_id, "left out", reason) for clip_id, reason in corpus.skipped.items()]
    found += [fault for each in analyses for fault in each.faults]
    return found + odd_lengths({each.clip.id: each.seconds for each in analyses if each.seconds})


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
