"""What a user should know and do after teaching, as typed facts; pages and notes make sentences of them."""

from __future__ import annotations

from dataclasses import dataclass

from genrelab.printing import counted
from genrelab.recognize.writers.table import percent as percent_of
from genrelab.statistics.bootstrap import percent
from genrelab.teach.sources.examples import LeftOut
from genrelab.teach.teaching import Taught

_LISTED = 8  # names in one line
FEW = 20
"""Examples of a genre below which more of them usually help."""


@dataclass(frozen=True)
class Outcome:
    """A result with what was left out of it.

    Attributes
    ----------
    taught : Taught
    left : LeftOut
    without : int
        Files without a usable genre.
    silent : int
    problems : tuple of str
        Messages about files that could not be read.
    """

    taught: Taught
    left: LeftOut
    without: int = 0
    silent: int = 0
    problems: tuple[str, ...] = ()


def warnings(outcome: Outcome) -> list[str]:
    """Return what limits the figures."""
    taught, figures = outcome.taught, outcome.taught.figures
    found = []
    if not taught.by_group:
        found.append(
            "The examples are of one artist or album per genre, so the figures are of tracks whose artist "
            "was learned: they are too high. Add examples by other artists."
        )
    if taught.unmeasured and taught.by_group:
        found.append(
            f"All examples are of one artist or album: {listed(taught.unmeasured)}. The figures leave "
            f"{'it' if len(taught.unmeasured) == 1 else 'them'} out. Add examples by other artists."
        )
    threshold = figures.threshold
    if not threshold.reached and threshold.confidence > 0:
        found.append(
            f"No threshold gives {100 * threshold.wanted:.0f} % right answers for sure. Above "
            f"{threshold.confidence:.2f}, {percent(threshold.precision)} are right. Add examples."
        )
    elif not threshold.reached:
        found.append(
            f"Too few examples to be sure of {100 * threshold.wanted:.0f} % right answers. Add examples."
        )
    return found


def left_out(outcome: Outcome) -> list[str]:
    """Return what was not used, and why."""
    left, found = outcome.left, []
    if left.small:
        names = sorted(left.small, key=lambda genre: (-left.small[genre], genre))
        found.append(f"too few examples: {listed([f'{name} ({left.small[name]})' for name in names])}")
    if left.united_by_genre:
        found[-1] += (
            f". `--level genre` counts {listed(left.united_by_genre)} as their genre, which has enough"
        )
    if left.contradictory:
        found.append(
            f"{counted(len(left.contradictory), 'file')} whose sound has several examples with different "
            f"genres, such as {left.contradictory[0]}"
        )
    if left.repeated:
        copies = "1 copy" if left.repeated == 1 else f"{left.repeated:,} copies"
        found.append(f"{copies} of the same sound")
    if outcome.without:
        found.append(f"{counted(outcome.without, 'file')} without a usable genre")
    if outcome.silent:
        found.append(f"{counted(outcome.silent, 'silent file')}")
    if outcome.problems:
        found.append(f"{counted(len(outcome.problems), 'path')} that could not be read")
    return found


def advice(outcome: Outcome) -> list[str]:
    """Return what would make the result better."""
    taught, figures = outcome.taught, outcome.taught.figures
    found = [
        f"{pair.first} and {pair.second} cannot be told apart ({percent_of(pair.accuracy)} right between the "
        "two; 50 % is chance). Unite them, or add examples of both."
        for pair in figures.alike[:3]
    ]
    last = taught.curve[-1].quality
    gain = last - taught.curve[-2].quality
    few = [each.genre for each in figures.genres if each.examples < FEW]
    if few and (gain > 0.01 or last == 1):
        found.append(f"Fewer than {FEW} examples: {listed(few)}. More of them help most.")
    rounded = round(100 * gain)
    if last == 1:  # nothing can rise
        if few:
            found.append("More examples also narrow the intervals, which are wide.")
    elif rounded >= 1:
        found.append(
            f"The last doubling of examples raised {quality_name(taught)} by {counted(rounded, 'point')}: "
            "twice as many again may bring about as much, or less."
        )
    else:
        found.append("The last doubling of examples brought almost nothing: more of the same may not help.")
    return found


def quality_name(taught: Taught) -> str:
    """Return the name of the figure of the learning curve."""
    return "mean average precision" if taught.multi else "balanced accuracy"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Return names as one text, the first few of many."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")
