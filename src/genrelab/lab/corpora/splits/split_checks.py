"""What the parts of a split share.

A recognizer that is tested on what it was trained on looks better than it is. A clip in two parts is an
error. A file or an artist in two parts may be the choice of whoever published the split, so it is counted
and reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.findings import Finding

EXAMPLES = 3
"""How many examples a finding names."""

_Sides = Mapping[str, Sequence[Clip]]


class Shared(NamedTuple):
    """What clips of two or three parts of a split have in common, such as an artist.

    Attributes
    ----------
    clips : tuple of Clip
        Those that have it, part by part.
    parts : tuple of str
        Of `train`, `valid` and `test`, those with such clips.
    """

    clips: tuple[Clip, ...]
    parts: tuple[str, ...]


def check_split(corpus: Corpus, split: Split) -> tuple[Finding, ...]:
    """Look for what would make a split's test results look better than they are.

    Parameters
    ----------
    corpus : Corpus
        The corpus that was divided.
    split : Split
        How it was divided.

    Returns
    -------
    tuple of Finding
        One per check: `clip`, `file` and `artist` in several parts, `test` clips, and `missing genres` of a
        part (an empty part misses none).

    Raises
    ------
    CorpusError
        If a clip is in two parts or twice in one, is unknown to the corpus, or has neither a genre nor tags.
    """
    sides = _sides(corpus, split)
    return (
        Finding(kind="clip", count=0),
        _files(sides),
        _artists(sides),
        Finding(kind="test", count=len(split.test), values={"of": sum(map(len, sides.values()))}),
        _missing_genres(corpus, sides),
    )


def shared_files(corpus: Corpus, split: Split) -> list[Shared]:
    """Return the files with clips in several parts; a link counts as the file that it leads to."""
    return shared_by(corpus, split, _file)


def shared_artists(corpus: Corpus, split: Split) -> list[Shared]:
    """Return the artists with clips in several parts (`artist_key` joins the spellings of one artist)."""
    return shared_by(corpus, split, lambda clip: artist_key(clip.artist))


def shared_by(corpus: Corpus, split: Split, key: Callable[[Clip], Hashable | None]) -> list[Shared]:
    """Return what several parts share.

    Parameters
    ----------
    corpus : Corpus
    split : Split
    key : callable
        Clip -> what it may share; None is shared with nothing.

    Raises
    ------
    CorpusError
        If a clip is in two parts or twice in one, is unknown to the corpus, or has neither a genre nor tags.
    """
    return _on_both_sides(_sides(corpus, split), key)


def _sides(corpus: Corpus, split: Split) -> _Sides:
    clips = corpus.by_id()
    part_of: dict[str, str] = {}
    sides: dict[str, list[Clip]] = {}
    for part, ids in (("train", split.train), ("valid", split.valid), ("test", split.test)):
        for clip_id in ids:
            if clip_id in part_of:
                where = (
                    f"in {part_of[clip_id]} and {part}" if part_of[clip_id] != part else f"twice in {part}"
                )
                raise CorpusError(
                    f"split {split.name!r}: clip {clip_id!r} is {where}. Each clip has one place"
                )
            if clip_id not in clips:
                raise CorpusError(
                    f"split {split.name!r}: clip {clip_id!r} is not in the corpus {corpus.name}. "
                    "Use the corpus that the split was made from"
                )
            if not clips[clip_id].annotated:
                raise CorpusError(
                    f"split {split.name!r}: clip {clip_id!r} has neither a genre nor tags. Leave it out"
                )
            part_of[clip_id] = part
        sides[part] = [clips[clip_id] for clip_id in ids]
    return sides


def _file(clip: Clip) -> str | None:
    return os.path.realpath(clip.path) if clip.path else None


def _files(sides: _Sides) -> Finding:
    if not any(clip.path for side in sides.values() for clip in side):
        return Finding(kind="file", count=0, values={"rendered": 1})
    shared = _on_both_sides(sides, _file)
    return _shared("file", [os.path.basename(_file(each.clips[0]) or "") for each in shared], shared)


def _artists(sides: _Sides) -> Finding:
    clips = [clip for side in sides.values() for clip in side]
    unknown = sum(artist_key(clip.artist) is None for clip in clips)
    if unknown == len(clips):
        return Finding(kind="artist", count=None)
    shared = _on_both_sides(sides, lambda clip: artist_key(clip.artist))
    found = _shared("artist", [each.clips[0].artist or "" for each in shared], shared)
    return found.model_copy(update={"values": {"unknown": unknown}}) if unknown else found


def _on_both_sides(sides: _Sides, key: Callable[[Clip], Hashable | None]) -> list[Shared]:
    found: dict[Hashable, list[tuple[str, Clip]]] = {}
    for part, clips in sides.items():
        for clip in clips:
            what = key(clip)
            if what is not None:
                found.setdefault(what, []).append((part, clip))
    places = [(tuple(dict.fromkeys(part for part, _ in each)), each) for each in found.values()]
    return [Shared(tuple(clip for _, clip in each), parts) for parts, each in places if len(parts) > 1]


def _shared(kind: str, names: Sequence[str], shared: Sequence[Shared]) -> Finding:
    shown = [f"{printable(name)} ({', '.join(each.parts)})" for name, each in zip(names, shared, strict=True)]
    parts = tuple(dict.fromkeys(part for each in shared for part in each.parts))
    return Finding(kind=kind, parts=parts, count=len(shown), examples=tuple(shown[:EXAMPLES]))


def _missing_genres(corpus: Corpus, sides: _Sides) -> Finding:
    found = {}
    for part, clips in sides.items():
        there = {genre for clip in clips for genre in clip.genres}
        missing = [genre for genre in corpus.genres if genre not in there]
        if missing and clips:
            found[part] = f"{part}: {', '.join(missing)}"
    return Finding(
        kind="missing genres", parts=tuple(found), count=len(found), examples=tuple(found.values())
    )
