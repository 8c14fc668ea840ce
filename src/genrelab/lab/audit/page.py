"""The page of an audit: one HTML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from genrelab.lab.audit import faults, pairs
from genrelab.lab.audit.audit import Audit
from genrelab.lab.audit.pairs import Pair
from genrelab.lab.audit.pictures import matching
from genrelab.pages.render import render
from genrelab.pages.svg import Drawing, element
from genrelab.printing import counted

#: Rows of a table on the page; the CSV files hold all.
MOST_ROWS = 300


class ClipCell(NamedTuple):
    """A clip, with its part, genre and artist where they are known."""

    id: str
    about: list[str]


class PairRow(NamedTuple):
    """A repetition or shared loop, as the page shows it."""

    first: ClipCell
    second: ClipCell
    kind: str
    marks: list[str]
    score: str
    offset: str
    overlap: str
    speed: str
    gain: str
    picture: Drawing


def page(audit: Audit) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    audit : Audit
    """
    counts = Counter(fault.kind for fault in audit.faults)
    shown = sorted(audit.pairs, key=lambda pair: (not audit.crosses(pair), -pair.score))[:MOST_ROWS]
    return render(
        "lab/audit/audit.html",
        title=f"Audit of {audit.corpus.name}",
        audit=audit,
        hours=sum(audit.seconds.values()) / 3600,
        doubts=list(_doubts(audit)),
        pairs=[_row(audit, pair) for pair in shown],
        artists=[
            (each.artist, *(each.clips.get(part, 0) for part in ("train", "valid", "test")))
            for each in audit.artists[:MOST_ROWS]
        ],
        artists_known=any(clip.artist for clip in audit.corpus.clips),
        fault_kinds=[(kind, counts[kind], meaning) for kind, meaning in faults.KINDS.items() if counts[kind]],
        faults=[(fault.clip_id, fault.kind, fault.detail) for fault in audit.faults[:MOST_ROWS]],
        excluded=[(each.clip_id, each.reason) for each in audit.excluded[:MOST_ROWS]],
        threshold=matching.THRESHOLD if audit.of_pictures else pairs.THRESHOLD,
        kinds=pairs.KINDS.items(),
    )


def _doubts(audit: Audit) -> Iterator[str]:
    crossing = sum(map(audit.crosses, audit.repetitions))
    differ = sum(map(audit.labels_differ, audit.repetitions))
    loops = len(audit.pairs) - len(audit.repetitions)
    if crossing:
        yield (
            f"{counted(crossing, 'repetition')} in two parts of the split: a tested recording was also used "
            "for training or for choosing the epoch."
        )
    if differ:
        yield f"{counted(differ, 'repetition')} with two genres: one of them is wrong, or both fit."
    if loops:
        yield f"{counted(loops, 'pair')} with a shared loop: listen whether it is one recording."
    if audit.artists:
        yield f"{counted(len(audit.artists), 'artist')} in several parts of the split."


def _row(audit: Audit, pair: Pair) -> PairRow:
    return PairRow(
        _clip(audit, pair.first),
        _clip(audit, pair.second),
        pair.kind,
        ["two parts"] * audit.crosses(pair) + ["two genres"] * audit.labels_differ(pair),
        f"{pair.score:.2f}",
        _length(audit, pair.offset, sign="+"),
        _length(audit, pair.overlap),
        "" if audit.of_pictures else f"{100 * (pair.speed - 1):+.1f} %",
        "" if audit.of_pictures else f"{pair.gain:+.1f} dB",
        _picture(audit, pair),
    )


def _clip(audit: Audit, clip_id: str) -> ClipCell:
    clip = audit.clips[clip_id]
    return ClipCell(clip_id, [text for text in (audit.parts.get(clip_id), clip.genre, clip.artist) if text])


def _length(audit: Audit, value: float, *, sign: str = "") -> str:
    """Format a length: seconds, or per cent of the width of a picture."""
    return f"{100 * value:{sign}.0f} %" if audit.of_pictures else f"{value:{sign}.1f} s"


def _picture(audit: Audit, pair: Pair) -> Drawing:
    """Draw both clips as bars on the time axis of the first one."""
    picture = Drawing("clips", 150, 22)
    clips = (
        (0.0, audit.seconds[pair.first]),
        (pair.offset, pair.offset + audit.seconds[pair.second] * pair.speed),
    )
    left = min(start for start, _ in clips)
    scale = picture.width / max(max(stop for _, stop in clips) - left, 1e-9)
    shared = pair.start, pair.start + pair.overlap
    for y, clip in zip((1, 12), clips, strict=True):
        for kind, (start, stop) in (("whole", clip), ("both", shared)):
            x, width = (start - left) * scale, max(1.0, (stop - start) * scale)
            picture.add(element("rect", kind=kind, x=x, y=y, width=width, height=8))
    picture.label = (
        f"{_length(audit, pair.overlap)} of both overlap; the second begins at "
        f"{_length(audit, pair.offset)} of the first"
    )
    return picture
