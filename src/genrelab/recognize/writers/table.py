"""Records as a table for people."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from genrelab.console import PlainConsole
from genrelab.printing import plain
from genrelab.recognize.recognition import UNSURE, Part, Recognition, Stretch

_UNLIMITED = 100_000  # columns: lines are not wrapped outside a terminal


def render(records: Sequence[Recognition], *, top: int, timeline: bool, terminal: bool) -> str:
    """Return the table.

    Parameters
    ----------
    records : sequence of Recognition
        The rows.
    top : int > 0
        Number of ranked genres to show.
    timeline : bool
        Whether to list the start of each stretch of one genre; parts are always listed.
    terminal : bool
        Whether the output is a terminal: coloured, and as wide as the terminal.

    Returns
    -------
    str
        One line per record, then one per warning and error. Unprintable characters are escaped.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("file", overflow="fold")
    table.add_column("length", justify="right")
    table.add_column("genre")
    table.add_column("confidence", justify="right")
    columns = {
        "track": [Text(plain(_track(record))) for record in records],
        "then": [Text(plain(_runners_up(record, top))) for record in records],
        "timeline": [Text(_changes(record.stretches())) for record in records] if timeline else [],
        "parts": [Text(_changes(record.parts or ())) for record in records],
    }
    filled = {title: cells for title, cells in columns.items() if any(cells)}
    for title in filled:
        table.add_column(title, overflow="fold")
    for number, record in enumerate(records):
        cells: list[Text | str] = [
            os.fspath(record.path),
            clock(record.duration),
            _genre(record),
            _confidence(record),
        ]
        table.add_row(*cells, *(column[number] for column in filled.values()))
    text = io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else _UNLIMITED
    console = PlainConsole(file=text, width=width, force_terminal=terminal)
    console.print(table)
    for record in records:
        if record.warning is not None:
            warning = f"{os.fspath(record.path)}: {record.warning}"
            console.print(warning, style="yellow", soft_wrap=True)
    for record in records:
        if record.error is not None:
            console.print(record.error, style="red", soft_wrap=True)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _genre(record: Recognition) -> Text:
    if record.error is not None:
        return Text("error", style="red")
    if record.genre == UNSURE:
        return Text(f"{UNSURE}: {record.reason}", style="yellow")
    return Text(plain(record.genre or ""), style="green")


def _track(record: Recognition) -> str:
    track = record.track
    return "" if track is None else f"{track.number:02} {track.title or ''} at {clock(track.start)}"


def _confidence(record: Recognition) -> Text:
    return Text("" if record.confidence is None else percent(record.confidence))


def _runners_up(record: Recognition, top: int) -> str:
    first = 0 if record.genre == UNSURE else 1  # for an unsure record, start with its best guess
    return ", ".join(f"{genre} {percent(probability)}" for genre, probability in record.genres[first:top])


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
