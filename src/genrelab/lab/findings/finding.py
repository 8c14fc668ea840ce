"""Findings and verdicts as data. Their sentences are made in `genrelab.lab.findings.wording`, and only there.

A verdict is one of three:

- `leaks`: something makes the figures too high, such as an epoch chosen on the test part, or an artist who is
  in training and test.
- `not known`: nothing was found, but some artists are unknown, or the check was not made.
- `clean`: no check found anything, and the artists of all clips are known.

No run can check everything. `not_checked` stands beside every verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["clean", "not known", "leaks"]
_ORDER: tuple[State, ...] = ("clean", "not known", "leaks")


class Finding(BaseModel):
    """One thing that was looked for, and how often it was found.

    Attributes
    ----------
    kind : str
        What was looked for; `genrelab.lab.findings.wording` lists the kinds.
    parts : tuple of str
        Where it was found: `train`, `valid`, `test`; for a test on another corpus `learned` and `tested`.
    count : int or None
        How many files, artists, clips, epochs, ...; 0 if there is none, None if it cannot be known.
    examples : tuple of str
        The first few.
    values : mapping of str to float
        Further numbers, such as `of`, the number of clips that were looked at.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    parts: tuple[str, ...] = ()
    count: int | None = 1
    examples: tuple[str, ...] = ()
    values: Mapping[str, float] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.kind, self.parts, self.count, self.examples))

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold, with the earlier name of `count`, `number`, as well."""
        return {**self.model_dump(mode="json"), "number": self.count}


class Verdict(BaseModel):
    """What was looked for, what was found, and what follows.

    Attributes
    ----------
    leaks : tuple of Finding
        What makes the figures too high.
    unknown : tuple of Finding
        Why nothing can be said for sure.
    checked : tuple of Finding
        All that was looked for, found or not.
    not_checked : tuple of Finding
        What was not looked for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    leaks: tuple[Finding, ...] = ()
    unknown: tuple[Finding, ...] = ()
    checked: tuple[Finding, ...] = ()
    not_checked: tuple[Finding, ...] = ()

    @property
    def state(self) -> State:
        """The verdict in a word."""
        return "leaks" if self.leaks else "not known" if self.unknown else "clean"

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold; `state` is for readers and is computed again when it is read."""
        return {"state": self.state, **self.model_dump(mode="json")}


def worst(states: Iterable[State]) -> State:
    """Return the worst of some states."""
    return max(states, key=_ORDER.index)


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Return one verdict for several runs: as bad as the worst.

    Leaks of one kind between the same parts become one, that with the highest count. Those that count
    different things, clips or artists, remain two.
    """
    leaks: dict[tuple[str, tuple[str, ...], bool], Finding] = {}
    for leak in (leak for each in verdicts for leak in each.leaks):
        key = leak.kind, leak.parts, "artists" in leak.values
        known = leaks.get(key)
        if known is None or (leak.count or 0) > (known.count or 0):
            leaks[key] = leak

    def each_once(name: str) -> tuple[Finding, ...]:
        return tuple(dict.fromkeys(found for each in verdicts for found in getattr(each, name)))

    return Verdict(
        leaks=tuple(leaks.values()),
        unknown=each_once("unknown"),
        checked=each_once("checked"),
        not_checked=each_once("not_checked"),
    )
