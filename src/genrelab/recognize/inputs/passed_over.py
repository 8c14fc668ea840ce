"""What is passed over in folders: by patterns, and because other programs hide it too."""

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
"""Folders that systems make for themselves, in small letters: thumbnails, what was deleted, snapshots."""

MARKS: tuple[str, ...] = (".nomedia", ".ndignore", ".plexignore")
"""Files that hide the folder in which they lie: from Android, Navidrome, Plex."""

_WITH_PATTERNS = frozenset((".ndignore", ".plexignore"))
_MOST_BYTES = 2**20

Reason = Literal["mark", "system folder", "pattern", "excluded"]


class PassedOver(NamedTuple):
    """A kind of thing that is passed over.

    What it is; why: the folder has a mark, belongs to the system, a pattern in a file such as `.ndignore`
    matches, or it is excluded by the user; and the name of the mark, the folder or the file.
    """

    what: Literal["file", "folder"]
    reason: Reason
    name: str = ""


@dataclass(slots=True)
class ScanLog:
    """What a scan met besides files.

    Parameters
    ----------
    passed_over : collections.Counter of PassedOver
        How many files and folders were passed over, by kind. What begins with a dot is not counted, nor
        what is no sound file.
    lists : list of Path
        The playlists and CUE sheets that were read.
    """

    passed_over: Counter[PassedOver] = field(default_factory=Counter)
    lists: list[Path] = field(default_factory=list)

    @property
    def ignored(self) -> bool:
        """Whether something was passed over that the user did not exclude."""
        return any(kind.reason != "excluded" for kind in self.passed_over)

    def summary(self) -> str:
        """Return what was passed over, as a list for people."""
        return ", ".join(_say(kind, count) for kind, count in sorted(self.passed_over.items()))


def _say(kind: PassedOver, count: int) -> str:
    things = f"{count} {kind.what}{'s' * (count > 1)}"
    match kind.reason:
        case "mark":
            return f"{things} with {kind.name}"
        case "system folder":
            return f"{things} called {kind.name}"
        case "pattern":
            return f"{things} by a pattern in {kind.name}"
        case "excluded":
            return f"{things} by --exclude"


def is_system_folder(name: str) -> bool:
    """Whether a folder of this name belongs to a system and not to the user."""
    return name.casefold() in SYSTEM_FOLDERS


def read_marks(
    folder: Path, names: Collection[str]
) -> tuple[PassedOver | None, dict[str, Patterns], list[Problem]]:
    """Look at the files in a folder that hide it or a part of it.

    A `.nomedia` hides the folder whatever is in it, `.ndignore` and `.plexignore` if they have no pattern.

    Parameters
    ----------
    folder : Path
    names : collection of str
        The entries of the folder.

    Returns
    -------
    hidden : PassedOver or None
        Why the whole folder is passed over.
    patterns : dict of str to Patterns
        What the files in it say about its entries.
    problems : list of Problem
        Files that cannot be read, or are too large; they hide nothing.
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
                path, f"{path} is no regular file and hides nothing. Remove it, or give --no-ignore."
            )
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return Problem(
            path, f"{path} cannot be read and hides nothing: {why(error)}. Change its permissions."
        )
    if len(content) > _MOST_BYTES or b"\0" in content:
        return Problem(
            path, f"{path} is no list of patterns and hides nothing. Remove it, or give --no-ignore."
        )
    return Patterns(content.decode("utf-8-sig", errors="surrogateescape").splitlines())
