"""Patterns of names to pass over, with the rules of `.gitignore`.

The patterns may come with a stranger's folder. `fnmatch` translates them to expressions that never go back
over a star, so that the time to match is bounded; the libraries for `.gitignore` make expressions that take
years for a name such as `aaaa...` and a pattern such as `*a*a*a*b`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Names = tuple[str, ...]
"""A path as the names of its folders, and its own."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A line: one expression per name of a path; None stands for `**`."""

    takes_back: bool
    folders_only: bool
    anywhere: bool
    parts: tuple[re.Pattern[str] | None, ...]

    def matches(self, names: Names, *, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        return self._fits(names[-1:] if self.anywhere else names)

    def _fits(self, names: Names) -> bool:
        count = len(self.parts)
        reached = self._skip_stars({0})  # how many parts may have been used up
        for name in names:
            now: set[int] = set()
            for place in reached:
                if place == count:
                    continue
                part = self.parts[place]
                if part is None:
                    now |= {place, place + 1}
                elif part.match(name):
                    now.add(place + 1)
            reached = self._skip_stars(now)
        return count in reached

    def _skip_stars(self, places: set[int]) -> set[int]:
        """Add what is reached where a `**` stands for no name; at the end it stands for one at least."""
        for place in sorted(places):
            while place < len(self.parts) - 1 and self.parts[place] is None:
                place += 1
                places.add(place)
        return places


class Patterns:
    """Patterns of what to pass over; of those that match, the last one counts.

    A pattern without a slash is compared with each name, at any depth. One with a slash at the beginning or
    inside is compared with the whole path, as seen from the folder that it is for. `*` and `?` match no
    slash, `**` is any number of folders. With a slash at its end a pattern matches folders only. `!` at its
    beginning takes back what a pattern before it matches. A backslash makes the next character an ordinary
    one. Blank lines, and lines that begin with `#`, are no patterns. Upper and lower case count.

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
        """Return whether to pass over an entry.

        Parameters
        ----------
        paths : sequence of tuple of str
            The path of the entry, as names; several are several ways to say it.
        is_folder : bool

        Returns
        -------
        bool or None
            False if a pattern with `!` says so, None if no pattern matches.
        """
        for pattern in reversed(self._patterns):
            if any(pattern.matches(names, is_folder=is_folder) for names in paths):
                return not pattern.takes_back
        return None


def _parse(line: str) -> _Pattern | None:
    line = re.sub(r"(?<!\\)\s+$", "", line)
    if not line or line.startswith("#"):
        return None
    takes_back = line.startswith("!")
    line = line.removeprefix("!")
    body = line.strip("/")
    names = [name for name in body.split("/") if name not in ("", ".")]
    if not names:
        return None
    return _Pattern(
        takes_back,
        folders_only=line.endswith("/"),
        anywhere="/" not in line.rstrip("/"),
        parts=tuple(None if name == "**" else _expression(name) for name in names),
    )


def _expression(glob: str) -> re.Pattern[str]:
    glob = re.sub(r"(?<!\\)\[\^", "[!", glob)
    glob = re.sub(r"\\(.)", lambda match: f"[{match[1]}]" if match[1] in "*?[" else match[1], glob)
    return re.compile(fnmatch.translate(glob))
