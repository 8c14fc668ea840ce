"""Whether a result may be believed: clean, leaking, or not known.

- `leaks`: something was found that makes figures better than they are, such as an epoch chosen on the test
  part, or an artist who is learned and tested.
- `not known`: nothing was found, but who plays is not known of every clip, or nothing was looked for.
- `clean`: nothing was found of all that was looked for, and the artists of all clips are known.

Nobody can look for everything. What was not looked for (`not_checked`) stands beside every verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from genrelab.lab.runs.findings import findings_of, state_of

State = Literal["clean", "not known", "leaks"]
Kind = Literal["file", "sound", "artist", "copies", "epoch", "start", "teacher"]

_ORDER: tuple[State, ...] = ("clean", "not known", "leaks")
_WORDS: Mapping[Kind, tuple[str, str]] = {
    "file": ("file has", "files have"),
    "sound": ("recording is, under several names,", "recordings are, under several names,"),
    "artist": ("artist is", "artists are"),
    "copies": ("clip is, as a changed copy,", "clips are, as changed copies,"),
    "start": ("clip, learned by the run it starts from, is", "clips, learned by the run it starts from, are"),
    "teacher": (
        "clip, which the teacher learned, or whose artist, is",
        "clips, which the teacher learned, or whose artists, are",
    ),
}

#: What no run looks for.
NEVER_CHECKED = (
    "one recording in another cut, loudness or encoding (`genrelab corpora audit` looks for it)",
    "other performances of one piece",
)


@dataclass(frozen=True)
class Leak:
    """Something that makes figures better than they are.

    Attributes
    ----------
    kind : str
        `file`, `sound`, `artist`: what several parts share. `copies`: changed copies of clips were learned.
        `epoch`: it was chosen on the part that was tested. `start`: an earlier run had learned the clips.
        `teacher`: the model that made the targets had learned them, or others of their artists.
    parts : tuple of str
        Where it is: `train`, `valid`, `test`; of a test elsewhere `learned` and `tested`.
    number : int
        How many files, recordings, artists, clips; of several runs, in the one with most.
    examples : tuple of str
    """

    kind: Kind
    parts: tuple[str, ...]
    number: int = 1
    examples: tuple[str, ...] = ()

    def words(self) -> str:
        """Say it in a line."""
        if self.kind == "epoch":
            return "The epoch was picked by its figures on the part that was tested."
        where = " and in ".join(self.parts)
        names = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        spoilt = "tested" if {"test", "tested"} & set(self.parts) else "validation"
        what = f"{self.number} {_WORDS[self.kind][self.number != 1]}"
        clips = " clips" if self.kind == "file" else ""
        return f"{what}{clips} in {where}{names}: figures of {spoilt} clips are too high."


@dataclass(frozen=True)
class Verdict:
    """What was looked for, what was found, and what follows.

    Attributes
    ----------
    leaks : tuple of Leak
    unknown : tuple of str
        Why nobody can say that it is clean.
    checked : mapping of str to str
        Looked for -> found.
    not_checked : tuple of str
    """

    leaks: tuple[Leak, ...]
    unknown: tuple[str, ...]
    checked: Mapping[str, str]
    not_checked: tuple[str, ...]

    @property
    def state(self) -> State:
        """The word for it."""
        return "leaks" if self.leaks else "not known" if self.unknown else "clean"

    def because(self) -> list[str]:
        """Say why it is not clean; nothing if it is."""
        return list(dict.fromkeys([*(leak.words() for leak in self.leaks), *self.unknown]))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of `metrics.json`: `verdict`, `checked`, `not_checked`."""
        return {
            "verdict": {
                "clean": self.state == "clean",
                "state": self.state,
                "because": self.because(),
                "leaks": [{**asdict(leak), "parts": list(leak.parts), "examples": list(leak.examples)}
                          for leak in self.leaks],
                "unknown": list(self.unknown),
            },
            "checked": dict(self.checked),
            "not_checked": list(self.not_checked),
        }  # fmt: skip


def verdict_of(metrics: Mapping[str, Any]) -> Verdict:
    """Return the verdict that a `metrics.json` holds; of one that holds none, what else it says decides."""
    if "verdict" in metrics:
        told = metrics["verdict"]
        leaks = tuple(
            Leak(each["kind"], tuple(each["parts"]), each["number"], tuple(each["examples"]))
            for each in told["leaks"]
        )
        return Verdict(leaks, tuple(told["unknown"]), metrics["checked"], tuple(metrics["not_checked"]))
    found = []
    if metrics.get("epoch", {}).get("chosen_on") == "test":
        found.append(Leak("epoch", ("test",)))
    copies = metrics.get("copies", {})
    if copies.get("of") == "train+valid":
        found.append(Leak("copies", ("train", "valid")))
    old = "It was made by an earlier genrelab, which did not look for leaks as this one does."
    return Verdict(tuple(found), (old,), metrics.get("split", {}).get("checks", {}), NEVER_CHECKED)


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Return one verdict of several runs: as bad as the worst.

    Leaks of one kind between the same parts become one. What was found is told of the runs in which it is
    something else than in the first.
    """
    leaks: dict[tuple[Kind, tuple[str, ...]], Leak] = {}
    for leak in (leak for each in verdicts for leak in each.leaks):
        known = leaks.get((leak.kind, leak.parts))
        if known is None or leak.number > known.number:
            leaks[leak.kind, leak.parts] = leak
    checked: dict[str, list[str]] = {}
    for each in verdicts:
        for what, found in each.checked.items():
            checked.setdefault(what, []).append(found)
    return Verdict(
        tuple(leaks.values()),
        tuple(dict.fromkeys(reason for each in verdicts for reason in each.unknown)),
        {what: " | ".join(dict.fromkeys(found)) for what, found in checked.items()},
        tuple(dict.fromkeys(what for each in verdicts for what in each.not_checked)),
    )


def worst(states: Sequence[State]) -> State:
    """Return the worst of some states."""
    return max(states, key=_ORDER.index)


def lines_of(metrics: Mapping[str, Any]) -> list[str]:
    """Return a verdict as lines for a terminal: the word, what became of the network, then why."""
    verdict, findings = verdict_of(metrics), findings_of(metrics)
    network = f", network {state_of(findings)}" if findings else ""
    reasons = [*verdict.because(), *(each.words() for each in findings)]
    return [f"verdict {verdict.state}{network}", *(f"        {reason}" for reason in reasons)]
