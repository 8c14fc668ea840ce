"""Tags: show what would be written, write it, undo it, list what was written."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field

from genrelab.library.tagging.tag_record import Status, TagRecord
from genrelab.serve.curate.tag_request import TagBody, TagWriteBody, UndoBody
from genrelab.serve.curate.tagging import Tagging, change_of, record_of
from genrelab.serve.endpoint import Answer, Call, Endpoint, Query

_Counts = dict[Literal["would write", "written", "left", "undone", "error"], int]


class TagRecordItem(Answer):
    """What is, or would be, written to a file.

    Attributes
    ----------
    id, path, name : str
    status : str
        `would write`, `written`, `left`, `undone` or `error`.
    before, after : list of str
        Genres.
    mood_before, mood_after, grouping_before, grouping_after : list of str or None
        None if these fields were not asked for.
    confidence : float or None
    note : str or None
        Why the file is left, what failed, or a remark.
    code : str or None
        Of an error.
    guess : bool
        Whether the genre is a guess.
    """

    id: str
    path: str
    name: str
    status: Status
    before: list[str]
    after: list[str]
    mood_before: list[str] | None = None
    mood_after: list[str] | None = None
    grouping_before: list[str] | None = None
    grouping_after: list[str] | None = None
    confidence: float | None
    note: str | None
    code: str | None
    guess: bool


class TagRecords(Answer):
    """What was written or undone.

    Attributes
    ----------
    items : list of TagRecordItem
    total : int
    offset : int
    counts : dict
        Number of items of each status.
    """

    items: list[TagRecordItem]
    total: int
    offset: int = 0
    counts: _Counts


class TagPlanAnswer(TagRecords):
    """What would be written.

    Attributes
    ----------
    plan_id : str
        Say it to write exactly this.
    """

    plan_id: str


class HistoryQuery(Query):
    """A page of the history."""

    limit: Annotated[int, Field(ge=0, le=100)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class HistoryItem(Answer):
    """A write that can be undone.

    Attributes
    ----------
    change : int
        Its number.
    id, path, name : str
    when : str or None
        ISO 8601, UTC; None for a write by an older version.
    undoable : bool
        Whether it is the last write to its file: an earlier one can be undone after the later ones.
    before, after : list of str or None
        Genres; None if the write did not change them, or the file cannot be read.
    mood_before, mood_after, grouping_before, grouping_after : list of str or None
    note : str or None
        Why there are no values.
    """

    change: int
    id: str
    path: str
    name: str
    when: str | None
    undoable: bool
    before: list[str] | None = None
    after: list[str] | None = None
    mood_before: list[str] | None = None
    mood_after: list[str] | None = None
    grouping_before: list[str] | None = None
    grouping_after: list[str] | None = None
    note: str | None = None


class History(Answer):
    """Writes that can be undone, the latest first; a write that was undone is not among them.

    Attributes
    ----------
    items : list of HistoryItem
    total, offset : int
    """

    items: list[HistoryItem]
    total: int
    offset: int


def plan(call: Call) -> TagPlanAnswer:
    """Show what would be written."""
    body: TagBody = call.body
    plan_id, records = call.server.part(Tagging).plan(body)
    return TagPlanAnswer(plan_id=plan_id, **_fields(call, records))


def write(call: Call) -> TagRecords:
    """Write what a plan showed."""
    body: TagWriteBody = call.body
    return TagRecords(**_fields(call, call.server.part(Tagging).write(body)))


def undo(call: Call) -> TagRecords:
    """Undo writes."""
    body: UndoBody = call.body
    return TagRecords(**_fields(call, call.server.part(Tagging).undo(body)))


def list_history(call: Call) -> History:
    """List the writes that can be undone."""
    query: HistoryQuery = call.query
    found, total = call.server.part(Tagging).history(limit=query.limit, offset=query.offset)
    return History(items=[HistoryItem(**change_of(each)) for each in found], total=total, offset=query.offset)


def _fields(call: Call, records: list[TagRecord]) -> dict[str, object]:
    items = [TagRecordItem(**record_of(record, call.server.roots)) for record in records]
    return {"items": items, "total": len(items), "counts": dict(Counter(each.status for each in items))}


_EXAMPLE = {"paths": ["album"], "fields": ["genre", "mood"], "mode": "only-empty", "min_confidence": 0.6}

ENDPOINTS = [
    Endpoint(
        "POST",
        "/tags/plan",
        plan,
        "Show what would be written into tags; nothing is written.",
        "tags",
        answer=TagPlanAnswer,
        body=TagBody,
        description="Files that the library does not know are errors in the list: recognize them first.",
        example=_EXAMPLE,
    ),
    Endpoint(
        "POST",
        "/tags/write",
        write,
        "Write exactly what a plan showed.",
        "tags",
        answer=TagRecords,
        body=TagWriteBody,
        writes=True,
        description=(
            "The body is that of the plan, with its `plan_id`. If a file, its tags or its answer has changed "
            "since, the status is 409 with the code `plan-outdated`, and nothing is written."
        ),
        example={**_EXAMPLE, "plan_id": "0123456789abcdef0123456789abcdef"},
    ),
    Endpoint(
        "POST",
        "/tags/undo",
        undo,
        "Undo writes, by tracks or by numbers from the history.",
        "tags",
        answer=TagRecords,
        body=UndoBody,
        writes=True,
        example={"changes": [12, 11]},
    ),
    Endpoint(
        "GET",
        "/tags/history",
        list_history,
        "List the writes that can be undone, the latest first.",
        "tags",
        answer=History,
        query=HistoryQuery,
    ),
]
