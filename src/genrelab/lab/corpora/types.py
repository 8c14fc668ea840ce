"""What a labelled collection is made of: clips, a corpus, a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.corpora.tag_names import MOST_TAGS, in_order, tag_fault
from genrelab.lab.findings import Finding

Waveform = npt.NDArray[np.float32]
Kind = Literal["audio", "features", "pictures"]


class Renderer(Protocol):
    """Makes a clip's sound, or changes the sound of its file."""

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> Waveform:
        """Return float32 `[channels, samples]` in -1..1."""
        ...


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled piece of music.

    Parameters
    ----------
    id : str
        Unique within its corpus, stable between machines.
    path : Path or None
        The sound file; None when the corpus renders its clips.
    genre : str or None
        One of the corpus's genres; None means unlabelled.
    artist : str or None
        Used to keep one artist on one side of a split.
    start, duration : float or None
        The part of the file that is the clip, in seconds; None means from the beginning, to the end.
    label_origin : str or None
        Where the genre comes from, in the collection's own words, such as `native` or `artist-guess`.
    tags : tuple of str or None
        Such as `mood:calm` (see `genrelab.lab.corpora.tag_names`); None means not annotated. For a kind of
        which it has a tag, the clip has no others; of other kinds, nothing is known.
    more_genres : tuple of str
        Further genres of the corpus that the clip has, of a clip with several. `genre` is the first one;
        accuracies compare with it, and splits share it out.
    """

    id: str
    path: Path | None
    genre: str | None
    artist: str | None = None
    start: float | None = None
    duration: float | None = None
    label_origin: str | None = None
    tags: tuple[str, ...] | None = None
    more_genres: tuple[str, ...] = ()

    @property
    def genres(self) -> tuple[str, ...]:
        """All genres of the clip, the first one first."""
        return () if self.genre is None else (self.genre, *self.more_genres)

    @property
    def annotated(self) -> bool:
        """Whether the clip has a genre or tags, and so a place in splits."""
        return self.genre is not None or bool(self.tags)


@dataclass(frozen=True)
class Split:
    """Which clips train, which choose the epoch, which are tested.

    Parameters
    ----------
    name : str
        Safe as a folder name, e.g. `random`, `artist`, `published`, `kfold-0of5`.
    train, valid, test : sequence of str
        Clip ids, disjoint.
    made : str
        How it was made, in words with the seed, for the reports.
    findings : sequence of Finding
        What was looked for, such as artists in several parts, and how much of it was found; see
        `genrelab.lab.corpora.splits.split_checks`.
    seed : int or None
        The seed that it was made from; None if it does not depend on a seed or the seed is not known.
    """

    name: str
    train: Sequence[str]
    valid: Sequence[str]
    test: Sequence[str]
    made: str
    findings: Sequence[Finding] = ()
    seed: int | None = None

    def found(self, kind: str) -> Finding:
        """Return the finding of a kind; `KeyError` if it was not looked for."""
        return {each.kind: each for each in self.findings}[kind]


@dataclass(frozen=True)
class Corpus:
    """A labelled collection.

    Parameters
    ----------
    name : str
        Safe as a folder name.
    genres : sequence of str
        Ordered; a label's index is its class number.
    clips : sequence of Clip
        In a stable order.
    licence, citation : str
        What may be done with it and whose work it is; "unknown" where nobody said.
    published_splits : mapping of str to Split
        Splits that came with the corpus; the key `published` is the usual one.
    renderer : Renderer or None
        Makes the sound of all clips; None reads their files.
    skipped : mapping of str to str
        Clip id -> why it was left out (corrupt file, no audio, ...).
    kind : {"audio", "features", "pictures"}
        What its clips are: sound, rows of a table of descriptors, or pictures of spectrograms.
    tags : tuple of str
        All tags of its clips, in a fixed order. Empty stands for those of `clips`, sorted by kind and name; a
        corpus of some of the clips keeps the order of the whole.

    Raises
    ------
    CorpusError
        If a tag is faulty, or `tags` lacks a tag of a clip or has one twice.
    """

    name: str
    genres: Sequence[str]
    clips: Sequence[Clip]
    licence: str = "unknown"
    citation: str = "unknown"
    published_splits: Mapping[str, Split] = field(default_factory=dict)
    renderer: Renderer | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = "audio"
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Complete and check the tags."""
        of_clips = {tag for clip in self.clips for tag in clip.tags or ()}
        tags = tuple(self.tags) or in_order(of_clips)
        fault = next(filter(None, map(tag_fault, tags)), None)
        if fault is not None:
            raise CorpusError(f"the corpus {self.name}: {fault}", code="corpus-tag-faulty")
        if len(set(tags)) < len(tags) or not of_clips <= set(tags):
            wrong = sorted(of_clips - set(tags)) or sorted(tag for tag in set(tags) if tags.count(tag) > 1)
            raise CorpusError(
                f"the tags of the corpus {self.name} must name each tag of its clips once, and {wrong[0]!r} "
                f"occurs {tags.count(wrong[0])} times. Omit them, or name all",
                code="corpus-tags",
            )
        if len(tags) > MOST_TAGS:
            raise CorpusError(
                f"the corpus {self.name} has {len(tags)} different tags, more than {MOST_TAGS}. Keep the "
                "tags that you want to train on",
                code="corpus-tags-too-many",
            )
        object.__setattr__(self, "tags", tags)

    def by_id(self) -> dict[str, Clip]:
        """Return the clips by their id."""
        return {clip.id: clip for clip in self.clips}
