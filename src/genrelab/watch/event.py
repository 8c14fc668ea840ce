"""What a watcher reports."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from genrelab.library.tagging.tag_record import TagRecord
from genrelab.recognize.recognition import Recognition

Kind = Literal[
    "watching", "polling", "recognized", "failed", "moved", "gone", "forgotten", "called", "problem",
    "folder-gone", "folder-back", "stopped",
]  # fmt: skip
"""
- watching, polling: a folder is watched, by notices of the system or by looking again and again.
- recognized, failed: a new or changed file was recognized, or could not be.
- moved: a known file has a new path and keeps its result.
- gone, forgotten: a known file no longer exists; forgotten: its result was removed too.
- called: a command or URL was called.
- problem: something is wrong and is tried again, or needs the user.
- folder-gone, folder-back: a watched folder does not exist (any more), or exists again.
- stopped: the watcher ends.
"""

OF_FILES: frozenset[Kind] = frozenset(("recognized", "failed", "moved", "gone", "forgotten"))
"""The kinds that are about one file."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a watcher did or noticed.

    Parameters
    ----------
    kind : Kind
    path : Path or None
        The file or folder.
    message : str or None
        What is wrong and what helps, or what was called.
    code : str or None
        Stable name of the problem.
    recognition : Recognition or None
    tags : TagRecord or None
        What was or would be written into the file.
    before : Path or None
        Where a moved file was.
    time : datetime
        In UTC.
    """

    kind: Kind
    path: Path | None = None
    message: str | None = None
    code: str | None = None
    recognition: Recognition | None = None
    tags: TagRecord | None = None
    before: Path | None = None
    time: datetime.datetime = field(default_factory=_now)

    def to_dict(self) -> dict[str, Any]:
        """Return the event as a JSON object; keys without a value are absent.

        Returns
        -------
        dict
            `time`, `event`, `path`, `from`, `message`, `code`; of a recognition `genre`, `confidence`,
            `reason`, `duration` and `model`; `tags` with the keys of `TagRecord.to_dict` except the path.
        """
        result: dict[str, Any] = {
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": self.kind,
        }
        if self.path is not None:
            result["path"] = os.fspath(self.path)
        if self.before is not None:
            result["from"] = os.fspath(self.before)
        if self.recognition is not None:
            record = self.recognition.to_dict(top=1, timeline=False)
            result |= {key: record[key] for key in ("genre", "confidence", "reason", "duration", "model")}
        if self.tags is not None:
            result["tags"] = {key: value for key, value in self.tags.to_dict().items() if key != "path"}
        if self.message is not None:
            result["message"] = self.message
        if self.code is not None:
            result["code"] = self.code
        return result
