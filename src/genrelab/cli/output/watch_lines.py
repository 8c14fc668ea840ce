"""Events of a watcher as lines: for people, or JSON for programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from genrelab.printing import json_text

if TYPE_CHECKING:
    from genrelab.library import TagRecord
    from genrelab.watch.event import Event

_WIDTH = len("folder-gone")


def json_line(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json_text(event.to_dict())


def text_line(event: Event) -> str:
    """Return an event as a line for people, with the local time."""
    begin = f"{event.time.astimezone():%H:%M:%S}  {event.kind:{_WIDTH}}  "
    parts = [_about(event), _tags(event.tags), event.message]
    if event.path is not None and event.kind != "failed":  # the message of a failed file names it
        parts.insert(1, os.fspath(event.path))
    if event.before is not None:
        parts.append(f"from {event.before}")
    return (begin + "  ".join(part for part in parts if part)).rstrip()


def _about(event: Event) -> str | None:
    from genrelab.recognize.recognition import UNSURE
    from genrelab.recognize.writers.table import percent

    record = event.recognition
    if record is None or record.error is not None or event.kind not in ("recognized", "moved"):
        return None
    confidence = "" if record.confidence is None else f" {percent(record.confidence)}"
    why = f" ({record.reason})" if record.genre == UNSURE and record.reason else ""
    return f"{record.genre}{confidence}{why}"


def _tags(record: TagRecord | None) -> str | None:
    """Return what was or would be written, in brackets."""
    if record is None:
        return None
    if record.status in ("written", "would write"):
        verb = "wrote" if record.status == "written" else "would write"
        fields = [*record.after, *(value for change in record.more for value in change.after)]
        return f"[{verb} {'; '.join(fields)}]"
    return (
        f"[{'not tagged' if record.status == 'error' else 'left'}{f': {record.note}' if record.note else ''}]"
    )
