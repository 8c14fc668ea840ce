"""Scales, chords and chord charts in musical notation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
}

_NUMERALS = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_ACCIDENTALS = {"": 0, "b": -1, "#": 1}
_MAJOR = {
    "": (0, 4, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "9": (0, 4, 7, 10, 14),
    "13": (0, 4, 7, 10, 14, 21),
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 14),
    "add9": (0, 4, 7, 14),
    "sus4": (0, 5, 7),
}
_MINOR = {"": (0, 3, 7), "7": (0, 3, 7, 10), "9": (0, 3, 7, 10, 14), "dim": (0, 3, 6), "7b5": (0, 3, 6, 10)}
_CHORD = re.compile(r"([b#]?)([iv]+|[IV]+)(.*)")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord.

    Parameters
    ----------
    root : int
        Pitch class 0..11, C = 0.
    intervals : tuple of int
        Semitones above the root, the first 0.
    """

    root: int
    intervals: tuple[int, ...]

    def step(self, degree: int) -> int:
        """Return the semitones above the root of a degree 1..9, with the chord's own thirds to sevenths."""
        plain = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 8: 12, 9: 14}
        options = {3: (3, 4), 5: (7, 6), 7: (10, 11)}.get(degree, ())
        return next((i for i in options if i in self.intervals), plain[degree])

    def voicing(self, centre: float) -> tuple[int, ...]:
        """Return the chord's MIDI pitches, each in the octave around `centre`, ascending."""
        return tuple(sorted({near(self.root + i, centre) for i in self.intervals}))


class Span(NamedTuple):
    """A chord and when it sounds, in beats."""

    start: float
    length: float
    chord: Chord


def near(pitch_class: int, centre: float) -> int:
    """Return the MIDI pitch of a pitch class that lies nearest to `centre`."""
    return round((centre - pitch_class) / 12) * 12 + pitch_class


def scale_pitches(tonic: int, scale: str, low: int, high: int) -> list[int]:
    """Return the MIDI pitches from `low` to `high` that belong to a scale of `SCALES` on `tonic`."""
    steps = SCALES[scale]
    return [pitch for pitch in range(low, high + 1) if (pitch - tonic) % 12 in steps]


def chord(numeral: str, tonic: int) -> Chord:
    """Read one chord written as a roman numeral.

    Parameters
    ----------
    numeral : str
        Upper case is major, lower case minor; `b` or `#` before, a suffix after it: `V7`, `bVI`, `ii7b5`.
    tonic : int
        Pitch class of `I`.

    Returns
    -------
    Chord

    Raises
    ------
    ValueError
        If the numeral is invalid.

    Examples
    --------
    >>> chord("ii7", tonic=0)
    Chord(root=2, intervals=(0, 3, 7, 10))
    """
    found = _CHORD.fullmatch(numeral)
    if found is None or found[2].lower() not in _NUMERALS:
        raise ValueError(f"not a chord: {numeral!r}")
    suffixes = _MINOR if found[2].islower() else _MAJOR
    if found[3] not in suffixes:
        raise ValueError(f"{numeral!r} ends in {found[3]!r}; there are {', '.join(suffixes)}")
    root = (tonic + _ACCIDENTALS[found[1]] + _NUMERALS[found[2].lower()]) % 12
    return Chord(root, suffixes[found[3]])


def chart(text: str, *, tonic: int, beats: int, bars: int, first_bar: int = 0) -> list[Span]:
    """Apply a chord chart to some bars.

    Parameters
    ----------
    text : str
        Bars separated by `|`, chords of a bar by spaces (with equal lengths); it repeats.
    tonic : int
        Pitch class of the key.
    beats, bars : int
        Beats per bar, and number of bars to fill.
    first_bar : int
        First bar of the chart to use.

    Returns
    -------
    list of Span
        In order of time, without gaps.

    Examples
    --------
    >>> [(s.start, s.chord.root) for s in chart("I | IV V", tonic=0, beats=4, bars=2)]
    [(0.0, 0), (4.0, 5), (6.0, 7)]
    """
    form = [[chord(numeral, tonic) for numeral in bar.split()] for bar in text.split("|")]
    spans = []
    for bar in range(bars):
        chords = form[(first_bar + bar) % len(form)]
        length = beats / len(chords)
        spans += [Span(bar * beats + i * length, length, c) for i, c in enumerate(chords)]
    return spans


def chord_at(spans: Iterable[Span], beat: float) -> Chord:
    """Return the chord at a beat.

    Raises
    ------
    ValueError
        If there is none.
    """
    for span in spans:
        if span.start <= beat < span.start + span.length:
            return span.chord
    raise ValueError(f"no chord at beat {beat}")
