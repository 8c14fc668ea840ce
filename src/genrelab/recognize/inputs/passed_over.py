"""Rules for skipping files and folders: patterns, and marks of other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from genrelab.recognize.inputs.patterns import Patterns
from genrelab.recognize.inputs.problem import Problem, why

SYSTEM_FOLDERS: frozenset[str] = frozenset(
    (
        *("@eadir", "#recycle", "#snapshot"),  # Synology
        *("@recycle", "@recently-snapshot"),  # QNAP
        *("__macosx", "$recycle.bin", "recycler", "system volume information", "lost+found"),
    )
)
"""Names of system folders in lower case: thumbnails, deleted files, snapshots."""

MARKS: tuple[str, ...] = (".nomedia", ".ndignore", ".plexignore")
"""Files that hide the folder they are in: from Android, Navidrome, Plex."""

_WITH_PATTERNS = frozenset((".ndignore", ".plexignore"))
_MOST_BYTES = 2**20

Reason = Literal["mark", "system folder", "pattern", "excluded"]


class PassedOver(NamedTuple):
    """A kind of skipped entry: file or folder, the reason, and a name.

    Reasons: the folder has a mark, it is a system folder, a pattern in a file such as `.ndignore` matches, or
    the user excluded it. The name is that of the mark, the folder or the file with the pattern.
    """

    what: Literal["file", "folder"]
    reason: Reason
    name: str = ""


@dataclass(slots=True)
class ScanLog:
    """What a scan skipped, and which lists it read.

    Parameters
    ----------
    passed_over : collections.Counter of PassedOver
        Number of skipped files and folders by kind. Names that start with a dot and files that are not
        audio are not counted.
    lists : list of Path
        The playlists and CUE sheets read.
    """

    passed_over: Counter[PassedOver] = field(default_factory=Counter)
    lists: list[Path] = field(default_factory=list)

    @property
    def ignored(self) -> bool:
        """Whether anything was skipped for another reason than the user's patterns."""
        return any(kind.reason != "excluded" for kind in self.passed_over)

    def summary(self) -> str:
        """Return a list of what was skipped, for people."""
        return ", ".join(_describe(kind, count) for kind, count in sorted(self.passed_over.items()))


def _describe(kind: PassedOver, count: int) -> str:
    things = f"{count} {kind.what}{'s' * (count > 1)}"
    match kind.reason:
        case "mark":
            return f"{things} with {kind.name}"
        case "system folder":
            return f"{things} named {kind.name}"
        case "pattern":
            return f"{things} by a pattern in {kind.name}"
        case "excluded":
            return f"{things} by --exclude"


def is_system_folder(name: str) -> bool:
    """Whether a folder with this name is a system folder."""
    return name.casefold() in SYSTEM_FOLDERS


def read_marks(
    folder: Path, names: Collection[str]
) -> tuple[PassedOver | None, dict[str, Patterns], list[Problem]]:
    """Read the files in a folder that hide the folder or a part of it.

    A `.nomedia` always hides the whole folder; `.ndignore` and `.plexignore` do if they contain no pattern.

    Parameters
    ----------
    folder : Path
    names : collection of str
        The entries of the folder.

    Returns
    -------
    hidden : PassedOver or None
        Set if the whole folder is skipped.
    patterns : dict of str to Patterns
        Patterns for the entries of the folder, by file.
    problems : list of Problem
        Files that cannot be read or are too large; they hide nothing.
    """
    patterns: dict[str, Patterns] = {}
    problems: list[Problem] = []
    for mark in MARKS:
        if mark not in names:
            continue
        hidden = PassedOver("folder", "mark", mark)
        if mark not in _WITH_PATTERNS:
            return hidden, {}, []
        found = _read(folder / mark)
        if isinstance(found, Problem):
            problems.append(found)
        elif not found:
            return hidden, {}, []
        else:
            patterns[mark] = found
    return None, patterns, problems


def _read(path: Path) -> Patterns | Problem:
    try:
        if not path.is_file():
            return Problem(
                path, f"{path} is not a regular file and hides nothing. Remove it, or use --no-ignore."
            )
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return Problem(
            path, f"{path} cannot be read and hides nothing: {why(error)}. Change its permissions."
        )
    if len(content) > _MOST_BYTES or b"\0" in content:
        return Problem(
            path, f"{path} is not a list of patterns and hides nothing. Remove it, or use --no-ignore."
        )
    return Patterns(content.decode("utf-8-sig", errors="surrogateescape").splitlines())
