"""The report of `genrelab library check`: a table for people, JSON and CSV for programs, and notes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from genrelab.cli.output.listing import ListFormat, write_csv, write_json, write_table
from genrelab.library.tagging.consistency import CheckReport, Disagreement
from genrelab.printing import plain

_NAMED = 12  # tags and problems that are listed one by one
_REASONS = {
    "no tag": "without a genre tag",
    "unknown": "with tags that are not a genre of the model",
    "unsure": "unsure",
    "not recognized": "that could not be recognized",
    "changed": "changed since, or damaged in the library (`genrelab recognize` recognizes them again)",
    "gone": "whose file no longer exists (`genrelab library forget --missing` removes them)",
    "unreadable": "whose tags cannot be read",
}


def write_report(report: CheckReport, out: BinaryIO, *, format: ListFormat) -> None:
    """Write the disagreements, or with `json` the whole report.

    Parameters
    ----------
    report : CheckReport
    out : binary file
        The output; left open.
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
        titles = ["confidence", "predicted", "tagged", "probability of the tag", "file"]
        write_table(titles, rows, out, right=[titles[0], titles[3]], paths="file")


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
    less_sure = f" ({unlisted} of them below --min-confidence)" if unlisted else ""
    yield f"{compared} compared: {counts['agree']} agree, {counts['disagree']} disagree{less_sure}"
    left = [f"{counts[name]} {words}" for name, words in _REASONS.items() if counts[name]]
    if left:
        yield f"not compared: {'; '.join(left)}"
    if report.unknown:
        ranked = sorted(report.unknown.items(), key=lambda item: (-item[1], item[0]))
        names = ", ".join(f"{plain(tag)!r} ({count})" for tag, count in ranked[:_NAMED])
        more = f" and {len(ranked) - _NAMED} others" if len(ranked) > _NAMED else ""
        yield f"tags that are not a genre of the model: {names}{more}; --map can define them"
    yield from report.problems[:_NAMED]
    if len(report.problems) > _NAMED:
        yield f"{len(report.problems) - _NAMED} more files have tags that cannot be read"
