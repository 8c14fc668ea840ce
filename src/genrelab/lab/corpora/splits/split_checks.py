"""What leaks were looked for in a split, and what was found.

A recognizer that meets at the test what it met in training looks better than it is. A clip on two sides
is an error; the same file or artist on two sides may be what the corpus's publisher chose, so it is
counted and reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.paths import examples
from genrelab.lab.corpora.types import Clip, Corpus, Split

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


def check_split(corpus: Corpus, split: Split) -> dict[str, str]:
    """Look for what would make a split's test results look better than they are.

    Parameters
    ----------
    corpus : Corpus
        The corpus that was divided.
    split : Split
        How it was divided.

    Returns
    -------
    dict of str to str
        Looked for -> found, in words: `clip on both sides`, `same file on both sides`,
        `artist on both sides` (with the number and examples; "not known" when no clip names an artist),
        `test clips`, `genres missing from a part` (an empty part is none, and misses nothing).

    Raises
    ------
    CorpusError
        If a clip is in two parts or twice in one, is unknown to the corpus, or has no genre.
    """
    sides = _sides(corpus, split)
    count = len(split.test)
    return {
        "clip on both sides": "none",
        "same file on both sides": _files_on_both_sides(sides),
        "artist on both sides": _artists_on_both_sides(sides),
        "test clips": f"{count} of {sum(map(len, sides.values()))}"
        if count
        else "none: the test part is empty",
        "genres missing from a part": _missing_genres(corpus, sides),
    }


def shared_files(corpus: Corpus, split: Split) -> list[Shared]:
    """Return the files of which several parts hold clips; links lead to one file."""
    return shared_by(corpus, split, _file)


def shared_artists(corpus: Corpus, split: Split) -> list[Shared]:
    """Return the artists of whom several parts hold clips (see `artist_key` for who is one artist)."""
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
        If a clip is in two parts or twice in one, is unknown to the corpus, or has no genre.
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
            if clips[clip_id].genre is None:
                raise CorpusError(f"split {split.name!r}: clip {clip_id!r} has no genre. Leave it out")
            part_of[clip_id] = part
        sides[part] = [clips[clip_id] for clip_id in ids]
    return sides


def _file(clip: Clip) -> str | None:
    return os.path.realpath(clip.path) if clip.path else None


def _files_on_both_sides(sides: _Sides) -> str:
    if not any(clip.path for side in sides.values() for clip in side):
        return "none (the clips are rendered, not read from files)"
    shared = _on_both_sides(sides, _file)
    return _in_words([os.path.basename(_file(each.clips[0]) or "") for each in shared], shared, "files")


def _artists_on_both_sides(sides: _Sides) -> str:
    named = sum(artist_key(clip.artist) is not None for side in sides.values() for clip in side)
    without = sum(map(len, sides.values())) - named
    if not named:
        return "not known: no clip names an artist"
    shared = _on_both_sides(sides, lambda clip: artist_key(clip.artist))
    found = _in_words([each.clips[0].artist or "" for each in shared], shared, "artists")
    return f"{found}; not known for {without} clips without an artist" if without else found


def _on_both_sides(sides: _Sides, key: Callable[[Clip], Hashable | None]) -> list[Shared]:
    found: dict[Hashable, list[tuple[str, Clip]]] = {}
    for part, clips in sides.items():
        for clip in clips:
            what = key(clip)
            if what is not None:
                found.setdefault(what, []).append((part, clip))
    places = [(tuple(dict.fromkeys(part for part, _ in each)), each) for each in found.values()]
    return [Shared(tuple(clip for _, clip in each), parts) for parts, each in places if len(parts) > 1]


def _in_words(names: list[str], shared: Sequence[Shared], what: str) -> str:
    if not names:
        return "none"
    shown = [f"{name} ({', '.join(each.parts)})" for name, each in zip(names, shared, strict=True)]
    return f"{len(names)} {what}: {examples(shown)}"


def _missing_genres(corpus: Corpus, sides: _Sides) -> str:
    found = []
    for part, clips in sides.items():
        there = {clip.genre for clip in clips}
        missing = [genre for genre in corpus.genres if genre not in there]
        if missing and clips:
            found.append(f"{part}: {', '.join(missing)}")
    return "; ".join(found) or "none"
