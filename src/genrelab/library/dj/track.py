"""What a DJ program gets about a track."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from genrelab.library.explore.playlist import names_of
from genrelab.library.tagging.tag_plan import TagPolicy, genre_names
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.segmentation import MIN_PART_SECONDS, cut_parts

MOST_HOT_CUES = 8
"""The hot cues A to H."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue point.

    Parameters
    ----------
    seconds : float
    name : str
    hot : int
        Number of a hot cue from 0; -1 for a memory cue.
    """

    seconds: float
    name: str
    hot: int = -1


@dataclass(frozen=True, slots=True)
class DjTrack:
    """A track.

    Parameters
    ----------
    path : Path
        Absolute.
    title, artist, album : str
        From the tags; the title is the name of the file if it has none.
    genre : str
        Empty if the model is unsure.
    seconds : float or None
        Its duration.
    cues : tuple of Cue
        One where each part begins; empty for a track of one part, and if the parts are not known.
    cut : bool
        Whether the parts are known.
    """

    path: Path
    title: str
    artist: str
    album: str
    genre: str
    seconds: float | None
    cues: tuple[Cue, ...]
    cut: bool


def dj_tracks(
    records: Iterable[Recognition],
    policy: TagPolicy,
    *,
    min_seconds: float = MIN_PART_SECONDS,
    hot: bool = False,
) -> Iterator[DjTrack]:
    """Yield what DJ programs get; records with an error are left out.

    Parameters
    ----------
    records : iterable of Recognition
        From a library, with their timelines.
    policy : TagPolicy
        How many genres to write, and in which spelling.
    min_seconds : float > 0
        No part is shorter.
    hot : bool
        Whether the first cue points are hot cues.
    """
    for record in records:
        if record.error is not None:
            continue
        answer = record.with_guess() if policy.guess else record
        names = names_of(record.path)
        cut = record.probabilities is not None and record.full
        parts = cut_parts(record, min_seconds=min_seconds) if cut else ()
        cues = tuple(
            Cue(part.start, text(part.genre or "silence"), number if hot and number < MOST_HOT_CUES else -1)
            for number, part in enumerate(parts if len(parts) > 1 else ())
        )
        title = names.title or " ".join(record.path.stem.split())
        genre = ", ".join(genre_names(answer, policy).values or ())
        yield DjTrack(
            record.path,
            text(title),
            text(names.artist),
            text(names.album),
            text(genre),
            record.duration,
            cues,
            cut,
        )


def text(value: str) -> str:
    r"""Return a text that XML can contain: control characters and lone surrogates are escaped as in Python.

    Everything else stays, also what a terminal must not show, such as the joiners in Persian words and emoji.

    Examples
    --------
    >>> text("a\0b")
    'a\\x00b'
    """
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), value)
