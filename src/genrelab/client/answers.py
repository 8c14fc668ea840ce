"""What a server returns, as typed objects. Keys that a newer server adds are ignored, or kept in `data`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Generic, Literal, Self, TypeVar

_Item = TypeVar("_Item")
State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class _FromJson:
    """Made from a JSON object: by the names of its fields; `data` is the object itself."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """Return the object for a JSON object."""
        names = {each.name for each in fields(cls)}
        known = {name: value for name, value in data.items() if name in names - {"data"}}
        return cls(**known, **({"data": data} if "data" in names else {}))


@dataclass(frozen=True)
class Health(_FromJson):
    """State of a server.

    Attributes
    ----------
    status : str
        `ok`.
    version : str
        Of genrelab there.
    writes : bool
        Whether requests may change files.
    data : dict
        The JSON object.
    """

    status: str
    version: str = ""
    writes: bool = False
    data: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Recognition(_FromJson):
    """The result for one file.

    Attributes
    ----------
    path : str
        The path on the server, or the name of an upload.
    id : str or None
        Of the track in the library.
    genre : str or None
        `unsure` if the model abstains; None after an error.
    confidence : float or None
    duration : float or None
        In seconds.
    reason : str or None
        Why it is unsure.
    error, warning : str or None
    data : dict
        The JSON object, as `genrelab recognize --format json` prints it: ranked genres, tags, timeline.
    """

    path: str
    id: str | None = None
    genre: str | None = None
    confidence: float | None = None
    duration: float | None = None
    reason: str | None = None
    error: str | None = None
    warning: str | None = None
    data: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes
    ----------
    id, kind : str
    state : {"queued", "running", "done", "failed", "cancelled"}
    done : int
        Number of results so far.
    total : int or None
        How many there will be; None while this is unknown.
    created, started, ended : str or None
        ISO 8601, UTC.
    results : tuple of Recognition
        Empty in lists and events.
    problem : dict or None
        Why it failed: `title`, `code`, perhaps `path`, `remedy`.
    """

    id: str
    kind: str
    state: State
    done: int = 0
    total: int | None = None
    created: str | None = None
    started: str | None = None
    ended: str | None = None
    results: tuple[Recognition, ...] = ()
    problem: dict[str, Any] | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in ("done", "failed", "cancelled")

    @classmethod
    def of(cls, data: dict[str, Any]) -> Job:
        """Return the job for a JSON object."""
        names = {each.name for each in fields(cls)} - {"results"}
        known = {name: value for name, value in data.items() if name in names}
        return cls(**known, results=tuple(map(Recognition.of, data.get("results") or ())))


@dataclass(frozen=True)
class Track(_FromJson):
    """A track of the library, as lists show it.

    Attributes
    ----------
    id, path, name : str
    title, artist, album : str or None
        From its tags.
    genre : str or None
        None if the model abstains.
    best, second : str or None
        The first and the second genre, also if the model abstains.
    confidence, duration : float or None
    model : str
    error : str or None
    data : dict
        The JSON object.
    """

    id: str
    path: str = ""
    name: str = ""
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: str | None = None
    best: str | None = None
    second: Any = None
    confidence: float | None = None
    duration: float | None = None
    model: str = ""
    error: str | None = None
    data: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class TagRecord(_FromJson):
    """What is, or would be, written to a file.

    Attributes
    ----------
    id, path, name : str
    status : str
        `would write`, `written`, `left`, `undone` or `error`.
    before, after : list of str
        Genres.
    confidence : float or None
    note, code : str or None
        Why the file is left, or what failed.
    data : dict
        The JSON object, with moods and groupings.
    """

    path: str
    id: str | None = None
    name: str = ""
    status: str = ""
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    confidence: float | None = None
    note: str | None = None
    code: str | None = None
    data: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class TagPlan:
    """What would be written to tags.

    Attributes
    ----------
    id : str
        Names the plan: exactly this is written, or nothing.
    records : tuple of TagRecord
    request : dict
        What was asked for.
    """

    id: str
    records: tuple[TagRecord, ...]
    request: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Page(Generic[_Item]):
    """A part of a list.

    Attributes
    ----------
    items : tuple
    total : int
        How many there are in all.
    offset : int
        How many precede these.
    """

    items: tuple[_Item, ...]
    total: int
    offset: int = 0

    def __iter__(self) -> Iterator[_Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Event:
    """What happened to a job.

    Attributes
    ----------
    name : {"progress", "result", "end"}
    id : str
        Of the event, to continue after it.
    job : Job or None
        With `progress` and `end`.
    result : Recognition or None
        With `result`.
    """

    name: str
    id: str
    job: Job | None = None
    result: Recognition | None = None
