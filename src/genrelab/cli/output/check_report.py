"""The report of a check: a table for people; JSON and CSV for programs; and what else there is to tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from genrelab.cli.output.listing import ListFormat, write_csv, write_json, write_table
from genrelab.library.tagging.consistency import CheckReport, Disagreement
from genrelab.printing import plain

_NAMED = 12  # tags and problems that are told one by one
_REASONS = {
    "no tag": "without a genre tag",
    "unknown": "with tags that are no genre of the model",
    "unsure": "unsure",
    "not recognized": "that could not be recognized",
    "changed": "changed since, or damaged in the library (`genrelab recognize` hears them anew)",
    "gone": "whose file is gone (`genrelab library forget --missing` forgets them)",
    "unreadable": "whose tags cannot be read",
}


def write_report(report: CheckReport, out: BinaryIO, *, format: ListFormat) -> None:
    """Write the disagreements; as JSON the whole report.

    Parameters
    ----------
    report : CheckReport
    out : binary file
        Where to; not closed.
    format : {"table", "json", "csv"}
    """
    if format == "json":
        write_json(report.to_dict(), out)
    elif format == "csv":
        write_csv(Disagreement.COLUMNS, [record.to_dict() for record in report.disagreements], out)
    elif report.disagreements:
        rows = [
            (
                f"{100 * record.confidence:.0f} %",
                record.genre,
                ", ".join(record.tags),
                f"{100 * record.tag_probability:.0f} %",
                os.fspath(record.path),
            )
            for record in report.disagreements
        ]
        titles = ["confidence", "sounds like", "is tagged", "probability of the tag", "file"]
        write_table(titles, rows, out, right=[titles[0], titles[3]])


def summary_lines(report: CheckReport) -> Iterator[str]:
    """Yield sentences for people about what was compared and what was not.

    Parameters
    ----------
    report : CheckReport

    Yields
    ------
    str
    """
    counts = report.counts
    compared = counts["agree"] + counts["disagree"]
    unlisted = counts["disagree"] - len(report.disagreements)
    less_sure = f" ({unlisted} of them below the confidence that was asked for)" if unlisted else ""
    yield f"{compared} compared: {counts['agree']} agree, {counts['disagree']} disagree{less_sure}"
    left = [f"{counts[name]} {words}" for name, words in _REASONS.items() if counts[name]]
    if left:
        yield f"not compared: {'; '.join(left)}"
    if report.unknown:
        ranked = sorted(report.unknown.items(), key=lambda item: (-item[1], item[0]))
        names = ", ".join(f"{plain(tag)!r} ({count})" for tag, count in ranked[:_NAMED])
        more = f" and {len(ranked) - _NAMED} others" if len(ranked) > _NAMED else ""
        yield f"tags that are no genre of the model: {names}{more}; --map can say what they mean"
    yield from report.problems[:_NAMED]
    if len(report.problems) > _NAMED:
        yield f"{len(report.problems) - _NAMED} more files have tags that cannot be read"
