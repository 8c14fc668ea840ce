"""Patterns of names to skip, with the rules of `.gitignore`.

The patterns may come from an untrusted folder. `fnmatch` translates them to expressions that never backtrack
over a star, which bounds the time to match. Libraries for `.gitignore` create expressions that take years for
a name such as `aaaa...` and a pattern such as `*a*a*a*b`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Names = tuple[str, ...]
"""A path as the names of its folders and its own name."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One line: an expression per name of a path; None stands for `**`."""

    negated: bool
    folders_only: bool
    anywhere: bool
    expressions: tuple[re.Pattern[str] | None, ...]

    def matches(self, names: Names, *, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        return self._fits(names[-1:] if self.anywhere else names)

    def _fits(self, names: Names) -> bool:
        count = len(self.expressions)
        reached = self._skip_stars({0})  # how many expressions may have matched so far
        for name in names:
            now: set[int] = set()
            for place in reached:
                if place == count:
                    continue
                expression = self.expressions[place]
                if expression is None:
                    now |= {place, place + 1}
                elif expression.match(name):
                    now.add(place + 1)
            reached = self._skip_stars(now)
        return count in reached

    def _skip_stars(self, places: set[int]) -> set[int]:
        """Add the places reached if `**` matches no name; at the end it matches at least one."""
        for place in sorted(places):
            while place < len(self.expressions) - 1 and self.expressions[place] is None:
                place += 1
                places.add(place)
        return places


class Patterns:
    """Patterns of entries to skip; the last matching pattern decides.

    A pattern without a slash matches names at any depth. A pattern with a slash at the start or inside
    matches whole paths relative to the folder of the pattern. `*` and `?` match no slash; `**` matches any
    number of folders. A pattern with a slash at the end matches folders only. `!` at the start reverses an
    earlier match. A backslash escapes the next character. Blank lines and lines that start with `#` are
    ignored. Matching is case-sensitive.

    Parameters
    ----------
    lines : iterable of str

    Examples
    --------
    >>> patterns = Patterns(["*.wav", "!keep.wav", "/live/"])
    >>> patterns.decide([("a", "b.wav")], is_folder=False), patterns.decide([("live",)], is_folder=True)
    (True, True)
    >>> patterns.decide([("keep.wav",)], is_folder=False), patterns.decide([("b.mp3",)], is_folder=False)
    (False, None)
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._patterns = [pattern for line in lines if (pattern := _parse(line)) is not None]

    def __bool__(self) -> bool:
        """Whether there is a pattern."""
        return bool(self._patterns)

    def decide(self, paths: Sequence[Names], *, is_folder: bool) -> bool | None:
        """Return whether to skip an entry.

        Parameters
        ----------
        paths : sequence of tuple of str
            The path of the entry as names; several if it can be written in several ways.
        is_folder : bool

        Returns
        -------
        bool or None
            False if a pattern with `!` decides, None if no pattern matches.
        """
        for pattern in reversed(self._patterns):
            if any(pattern.matches(names, is_folder=is_folder) for names in paths):
                return not pattern.negated
        return None


def _parse(line: str) -> _Pattern | None:
    line = re.sub(r"(?<!\\)\s+$", "", line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    line = line.removeprefix("!")
    body = line.strip("/")
    names = [name for name in body.split("/") if name not in ("", ".")]
    if not names:
        return None
    return _Pattern(
        negated,
        folders_only=line.endswith("/"),
        anywhere="/" not in line.rstrip("/"),
        expressions=tuple(None if name == "**" else _expression(name) for name in names),
    )


def _expression(glob: str) -> re.Pattern[str]:
    glob = re.sub(r"(?<!\\)\[\^", "[!", glob)
    glob = re.sub(r"\\(.)", lambda match: f"[{match[1]}]" if match[1] in "*?[" else match[1], glob)
    return re.compile(fnmatch.translate(glob))
