"""Records as a table for people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from rich.text import Text

from genrelab.console import WHOLE_LINE, below_one_folder, plain_table, unbroken, write_console
from genrelab.printing import plain
from genrelab.recognize.recognition import UNSURE, Part, Recognition, Stretch, TagScore

MOST_TAGS = 5  # of a record
LEAST_SHOWN = 0.005  # probability of a further genre


def write_table(
    records: Sequence[Recognition], out: BinaryIO, *, top: int, timeline: bool, tags: bool = False
) -> None:
    """Write one line per record, then one per warning and error. Unprintable characters are escaped.

    Parameters
    ----------
    records : sequence of Recognition
        The rows.
    out : binary file
        The output; left open.
    top : int > 0
        Number of ranked genres to show.
    timeline : bool
        Whether to list the start of each stretch of one genre; parts are always listed.
    tags : bool
        Whether a line below each record lists its present tags, at most `MOST_TAGS`.
    """
    table = plain_table()
    table.add_column("file", overflow="fold")
    table.add_column("length", justify="right")
    table.add_column("genre")
    table.add_column("confidence", justify="right")
    columns = {
        "track": [Text(plain(_track(record))) for record in records],
        "then": [Text(_runners_up(record, top)) for record in records],
        "timeline": [Text(_changes(record.stretches())) for record in records] if timeline else [],
        "parts": [Text(_changes(record.parts or ())) for record in records],
    }
    filled = {title: cells for title, cells in columns.items() if any(cells)}
    for title in filled:
        table.add_column(title, overflow="fold")
    tag_lines: list[list[str]] = []
    folder, names = below_one_folder([os.fspath(record.path) for record in records], out)
    for number, record in enumerate(records):
        cells: list[Text | str] = [
            names[number],
            clock(record.duration),
            _genre(record),
            _confidence(record),
        ]
        table.add_row(*cells, *(column[number] for column in filled.values()))
        if tags and record.tags and record.reason != "no music":
            table.add_row(WHOLE_LINE)
            tag_lines.append(tag_items(record.present_tags) or ["no tags"])
    warnings = [(f"{record.path}: {record.warning}", "yellow") for record in records if record.warning]
    errors = [(record.error, "red") for record in records if record.error is not None]
    write_console(out, table, [*warnings, *errors], folder=folder, whole_lines=tag_lines)


def _genre(record: Recognition) -> Text:
    if record.error is not None:
        return Text("error", style="red")
    if record.genre == UNSURE:
        return Text(f"{UNSURE}: {record.reason}", style="yellow")
    return genre_text(record.genre or "", guess=record.guess)


def genre_text(genre: str, *, guess: bool) -> Text:
    """Return the cell of a genre; a guess is marked."""
    return Text(f"{plain(genre)} (guess)", style="yellow") if guess else Text(plain(genre), style="green")


def _track(record: Recognition) -> str:
    track = record.track
    return "" if track is None else f"{track.number:02} {track.title or ''} at {clock(track.start)}"


def _confidence(record: Recognition) -> Text:
    return Text("" if record.confidence is None else percent(record.confidence))


def _runners_up(record: Recognition, top: int) -> str:
    first = 0 if record.genre == UNSURE else 1  # for an unsure record, start with its best guess
    return runners_up(record.genres[first:top])


def runners_up(ranked: Sequence[tuple[str, float]]) -> str:
    """Return the cell of further genres, without those that round to 0 %; a line breaks only between them."""
    shown = [(genre, probability) for genre, probability in ranked if probability >= LEAST_SHOWN]
    return ", ".join(unbroken(f"{plain(genre)} {percent(probability)}") for genre, probability in shown)


def tag_items(present: Sequence[TagScore]) -> list[str]:
    """Return present tags as texts, in the given order, at most `MOST_TAGS`."""
    items = [f"{tag.label} {percent(tag.probability)}" for tag in present[:MOST_TAGS]]
    more = len(present) - MOST_TAGS
    return [*items, f"{more} more"] if more > 0 else items


def _changes(pieces: Sequence[Stretch | Part]) -> str:
    return "\n".join(f"{clock(piece.start)} {plain(piece.genre or 'silence')}" for piece in pieces)


def percent(probability: float) -> str:
    """Format a probability, such as `74 %`."""
    return f"{100 * probability:.0f} %"


def clock(seconds: float | None) -> str:
    """Format a time, such as `3:41` or `1:02:03`; empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
