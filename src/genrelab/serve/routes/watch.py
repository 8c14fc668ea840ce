"""What the watcher of the server does."""

from __future__ import annotations

import os
from typing import Any

from pydantic import Field

from genrelab.serve.endpoint import Answer, Call, Endpoint, Query


class WatchQuery(Query):
    """Which events to list.

    Attributes
    ----------
    after : int
        Only events with a larger number.
    """

    after: int = Field(0, ge=0)


class WatchEvent(Answer):
    """Something that the watcher did or noticed.

    Attributes
    ----------
    number : int
        Grows by one with each event.
    time : str
        In UTC, ISO 8601.
    event : str
        `watching`, `polling`, `recognized`, `failed`, `moved`, `gone`, `problem`, `folder-gone`,
        `folder-back` or `stopped`.
    path, before : str or None
        The file or folder; of a moved file also where it was.
    genre : str or None
    confidence : float or None
    message, code : str or None
        What is wrong and what helps, and the stable name of that problem.
    """

    number: int
    time: str
    event: str
    path: str | None = None
    before: str | None = None
    genre: str | None = None
    confidence: float | None = None
    message: str | None = None
    code: str | None = None


class WatchState(Answer):
    """The watcher of a server.

    Attributes
    ----------
    watching : bool
        Whether it works.
    folders : list of str
        The watched folders; none without `--watch`.
    events : list of WatchEvent
        The last ones, oldest first.
    """

    watching: bool
    folders: list[str] = []
    events: list[WatchEvent] = []


def watch(call: Call) -> WatchState:
    """Return the watched folders and what happened last."""
    watching = call.server.watching
    if watching is None:
        return WatchState(watching=False)
    events = [_event(number, event.to_dict()) for number, event in watching.events(call.query.after)]
    folders = [_text(os.fspath(folder)) for folder in watching.folders]
    return WatchState(watching=watching.is_running, folders=folders, events=events)


def _event(number: int, values: dict[str, Any]) -> WatchEvent:
    values["before"] = values.pop("from", None)
    known = {name: values.get(name) for name in WatchEvent.model_fields}
    known |= {name: _text(text) for name, text in known.items() if isinstance(text, str)}
    return WatchEvent(**{**known, "number": number})


def _text(text: str) -> str:
    """Return a text that JSON can carry: a file name need not be text."""
    return text.encode("utf-8", "backslashreplace").decode()


ENDPOINTS = [
    Endpoint(
        "GET",
        "/watch",
        watch,
        "Say which folders are watched, and what was recognized by itself.",
        "server",
        query=WatchQuery,
        answer=WatchState,
    )
]
