"""The page of an audit: one HTML file that loads nothing and runs nothing; texts from outside are escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from genrelab.lab.audit import faults, pairs
from genrelab.lab.audit.audit import Audit
from genrelab.lab.audit.pairs import Pair
from genrelab.printing import plain_page

#: Rows of a table on the page; the CSV files hold all.
MOST_ROWS = 300
_WIDTH, _HEIGHT = 150.0, 22.0  # of a picture of two clips against each other

_LIMITS = (
    "Found are copies of a recording: equal files, equal samples, other encodings, cuts, loudness, noise, "
    "and speeds up to 2 % apart. Not found are other performances and remixes of a piece, excerpts of one "
    "recording that overlap by less than about two seconds, and speeds farther apart. Music made of samples "
    "that repeat exactly agrees at several offsets; the best is given."
)


def page(audit: Audit) -> str:
    """Return the page.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
        HTML.
    """
    sections = [
        _warnings(audit),
        f'<p class="headline">{_headline(audit)}</p>',
        _section("Repetitions", _pairs(audit)),
        _section("Artists in several parts", _artists(audit)) if audit.split else "",
        _section("Faults", _faults(audit)),
        _section("What to leave out", _excluded(audit)),
        _section("What was looked for", _facts(audit)),
    ]
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    html = template.substitute(
        title=escape(f"Audit of {audit.corpus.name}"), body="\n".join(filter(None, sections))
    )
    return plain_page(html)


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>"


def _headline(audit: Audit) -> str:
    hours = sum(audit.seconds.values()) / 3600
    return (
        f"<strong>{_count(len(audit.repetitions), 'repetition')}</strong> in "
        f"{_count(len(audit.clips), 'clip')}, {hours:.1f} hours, and {_count(len(audit.faults), 'fault')}."
    )


def _warnings(audit: Audit) -> str:
    crossing = sum(map(audit.crosses, audit.repetitions))
    differ = sum(map(audit.labels_differ, audit.repetitions))
    loops = len(audit.pairs) - len(audit.repetitions)
    found = []
    if crossing:
        found.append(
            f"{_count(crossing, 'repetition')} in two parts of the split: what is tested was trained on, or "
            "chose the epoch."
        )
    if differ:
        found.append(f"{_count(differ, 'repetition')} with two genres: one of them is wrong, or both fit.")
    if loops:
        found.append(f"{_count(loops, 'pair')} that share a loop: judge by ear whether it is one recording.")
    if audit.artists:
        found.append(f"{_count(len(audit.artists), 'artist')} in two parts of the split or more.")
    if not found:
        return ""
    items = "".join(f"<li>{text}</li>" for text in found)
    return f'<aside class="warnings"><strong>Read this first</strong><ul>{items}</ul></aside>'


def _pairs(audit: Audit) -> str:
    if not audit.pairs:
        return "<p>None was found.</p>"
    shown = sorted(audit.pairs, key=lambda pair: (not audit.crosses(pair), -pair.score))[:MOST_ROWS]
    rows = [
        (
            _clip(audit, pair.first),
            _clip(audit, pair.second),
            escape(pair.kind) + _marks(audit, pair),
            f"{pair.score:.2f}",
            f"{pair.offset:+.1f} s",
            f"{pair.overlap:.1f} s",
            f"{100 * (pair.speed - 1):+.1f} %",
            f"{pair.gain:+.1f} dB",
            _picture(audit, pair),
        )
        for pair in shown
    ]
    header = ("First", "Second", "Kind", "Score", "Begins at", "Overlap", "Speed", "Gain", "In time")
    caption = (
        f"{len(shown)} of {len(audit.pairs)}, those between parts first. Offset, speed and gain are the "
        "second clip's against the first; above and below in the picture, what both have is filled."
    )
    return _table(caption, header, rows, numbers=range(3, 8))


def _clip(audit: Audit, clip_id: str) -> str:
    clip = audit.clips[clip_id]
    about = [audit.parts.get(clip_id), clip.genre, clip.artist]
    note = " · ".join(escape(text) for text in about if text)
    return f'{escape(clip_id)}<br><span class="note">{note}</span>' if note else escape(clip_id)


def _marks(audit: Audit, pair: Pair) -> str:
    marks = ["two parts"] * audit.crosses(pair) + ["two genres"] * audit.labels_differ(pair)
    return "".join(f' <span class="mark">{mark}</span>' for mark in marks)


def _picture(audit: Audit, pair: Pair) -> str:
    """Draw both clips as bars by the first one's clock."""
    lengths = audit.seconds[pair.first], audit.seconds[pair.second] * pair.speed
    begins = 0.0, pair.offset
    left = min(begins)
    scale = _WIDTH / max(max(b + n for b, n in zip(begins, lengths, strict=True)) - left, 1e-9)
    shared = pair.start, pair.start + pair.overlap
    bars = []
    for row, (begin, length) in enumerate(zip(begins, lengths, strict=True)):
        y = row * _HEIGHT / 2 + 1
        for kind, start, stop in (("whole", begin, begin + length), ("both", *shared)):
            bars.append(
                f'<rect class="{kind}" x="{(start - left) * scale:.1f}" y="{y:.0f}" '
                f'width="{max(1.0, (stop - start) * scale):.1f}" height="{_HEIGHT / 2 - 3:.0f}"/>'
            )
    label = f"{pair.overlap:.1f} s of both overlap, the second begins at {pair.offset:.1f} s of the first"
    return (
        f'<svg class="clips" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{label}">'
        f"{''.join(bars)}</svg>"
    )


def _artists(audit: Audit) -> str:
    if not audit.artists:
        known = any(clip.artist for clip in audit.corpus.clips)
        return "<p>None.</p>" if known else "<p>Not known: no clip names an artist.</p>"
    shown = audit.artists[:MOST_ROWS]
    rows = [
        (escape(each.artist), *(str(each.clips.get(part, 0)) for part in ("train", "valid", "test")))
        for each in shown
    ]
    caption = f"{len(shown)} of {len(audit.artists)} artists; clips of each by part"
    return _table(caption, ("Artist", "Train", "Valid", "Test"), rows, numbers=range(1, 4))


def _faults(audit: Audit) -> str:
    if not audit.faults:
        return "<p>None was found.</p>"
    counts = Counter(fault.kind for fault in audit.faults)
    summary = _table(
        "How many, and what each kind means",
        ("Kind", "Clips", "Meaning"),
        [(kind, str(counts[kind]), escape(faults.KINDS[kind])) for kind in faults.KINDS if counts[kind]],
        numbers=(1,),
    )
    shown = audit.faults[:MOST_ROWS]
    rows = [(escape(fault.clip_id), fault.kind, escape(fault.detail)) for fault in shown]
    listed = _table(f"{len(shown)} of {len(audit.faults)}", ("Clip", "Kind", "Detail"), rows)
    return f"{summary}<details><summary>Clip by clip</summary>{listed}</details>"


def _excluded(audit: Audit) -> str:
    if not audit.excluded:
        return "<p>Nothing: every recording is there once, and can be heard.</p>"
    shown = audit.excluded[:MOST_ROWS]
    rows = [(escape(each.clip_id), escape(each.reason)) for each in shown]
    return (
        f"<p>{_count(len(audit.excluded), 'clip')}, listed in <code>exclude.txt</code>: of each group of "
        "repetitions all but one, and clips in which there is nothing to hear.</p>"
        + _table(f"{len(shown)} of {len(audit.excluded)}", ("Clip", "Reason"), rows)
    )


def _facts(audit: Audit) -> str:
    kinds = [(kind, escape(meaning)) for kind, meaning in pairs.KINDS.items()]
    split = f"{audit.split.name}: {audit.split.made}" if audit.split else "none was given"
    return (
        f"<p>Split: {escape(split)}.</p><p>{escape(_LIMITS)}</p>"
        f"<p>A pair is listed from a score of {pairs.THRESHOLD:g}; 1 is perfect agreement of very many "
        "spectral peaks, 0 is what chance gives.</p>"
        + _table("Kinds of repetition", ("Kind", "Meaning"), kinds)
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = ()
) -> str:
    """Make a table of cells that are HTML already; the first column names the row."""
    right = set(numbers)

    def cell(column: int, content: str, tag: str) -> str:
        kind = ' class="number"' if column in right else ""
        scope = {"th": ' scope="col"', "td": ""}[tag]
        if tag == "td" and column == 0:
            tag, scope = "th", ' scope="row"'
        return f"<{tag}{scope}{kind}>{content}</{tag}>"

    def line(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(cell(column, content, tag) for column, content in enumerate(cells))}</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption><span>{escape(caption)}</span></caption>\n<thead>{line(header, 'th')}</thead>\n"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
