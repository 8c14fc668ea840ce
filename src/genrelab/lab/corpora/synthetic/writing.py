"""Tools for composing: rhythms as strings, bass lines, chords and melodies over a chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrelab.lab.corpora.synthetic.drums import Drum
from genrelab.lab.corpora.synthetic.score import Note, ScorePart, Sketch
from genrelab.lab.corpora.synthetic.theory import Span, chord_at, near

_VELOCITIES = {"X": 1.0, "x": 0.75, "o": 0.45, "g": 0.25}
Step = tuple[int, float, float, str]  # bar, start beat, length in beats, symbol


def steps(pattern: str, sketch: Sketch) -> list[Step]:
    """Parse a rhythm.

    Parameters
    ----------
    pattern : str
        Bars separated by spaces, repeated as needed. The characters of a bar have equal lengths: `.` is a
        rest, `-` extends the previous note, any other character starts a note.
    sketch : Sketch
        Defines the bars to fill.

    Returns
    -------
    list of (bar, start, length, symbol)
        Start and length in beats.
    """
    found = []
    cycle = pattern.split()
    for bar in range(sketch.bars):
        text = cycle[bar % len(cycle)]
        width = sketch.beats / len(text)
        for i, symbol in enumerate(text):
            if symbol not in ".-":
                held = len(text[i + 1 :]) - len(text[i + 1 :].lstrip("-"))
                found.append((bar, bar * sketch.beats + i * width, width * (1 + held), symbol))
    return found


def hits(
    drum: Drum, pattern: str, sketch: Sketch, *, level: float, pan: float = 0.0, room: float = 0.15
) -> ScorePart:
    """Return the part of a drum; `X` is an accent, `x` a stroke, `o` a soft stroke, `g` a ghost note."""
    notes = [Note(start, length, 0.0, _VELOCITIES[s]) for _, start, length, s in steps(pattern, sketch)]
    return ScorePart(drum, notes, level, pan, room)


def line(pattern: str, spans: Sequence[Span], sketch: Sketch, *, centre: int) -> list[Note]:
    """Return a line of chord degrees: digits 1..9 in the pattern count from the root near `centre`."""
    notes = []
    for _, start, length, symbol in steps(pattern, sketch):
        chord = chord_at(spans, start)
        notes.append(Note(start, length * 0.95, near(chord.root, centre) + chord.step(int(symbol)), 0.85))
    return notes


def comp(
    pattern: str, spans: Sequence[Span], sketch: Sketch, *, centre: int, keep: float = 0.9
) -> list[Note]:
    """Return chords in a rhythm; `keep` is the sounding share of a note's length."""
    notes = []
    for _, start, length, symbol in steps(pattern, sketch):
        velocity = _VELOCITIES[symbol]
        pitches = chord_at(spans, start).voicing(centre)
        notes += [Note(start, length * keep, pitch, velocity) for pitch in pitches]
    return notes


def roots(
    pattern: str, spans: Sequence[Span], sketch: Sketch, *, centre: int, keep: float = 0.9
) -> list[Note]:
    """Return the chords' roots in a rhythm, for power chords."""
    return [
        Note(start, length * keep, near(chord_at(spans, start).root, centre), _VELOCITIES[symbol])
        for _, start, length, symbol in steps(pattern, sketch)
    ]


def arpeggio(
    pattern: str, spans: Sequence[Span], sketch: Sketch, *, centre: int, ring: float = 1.5
) -> list[Note]:
    """Return broken chords: digits in the pattern number the chord tones, 1 is the lowest."""
    notes = []
    for _, start, length, symbol in steps(pattern, sketch):
        tones = chord_at(spans, start).voicing(centre)
        octave, tone = divmod(int(symbol) - 1, len(tones))
        notes.append(Note(start, length * ring, tones[tone] + 12 * octave, 0.7))
    return notes


def walking(spans: Sequence[Span], sketch: Sketch, *, centre: int) -> list[Note]:
    """Return a walking bass: the root on a chord's first beat, an approach by a semitone on its last."""
    notes = []
    for i, (start, length, chord) in enumerate(spans):
        following = spans[(i + 1) % len(spans)].chord
        root, target = near(chord.root, centre), near(following.root, centre)
        for beat in range(int(length)):
            if beat == 0:
                pitch = root
            elif beat == int(length) - 1:
                pitch = target + sketch.choose((-1, 1))
            else:
                pitch = root + chord.step(sketch.choose((2, 3, 5, 6)))
            notes.append(Note(start + beat, 0.9, pitch, 0.85))
    return notes


def melody(
    spans: Sequence[Span],
    sketch: Sketch,
    pitches: Sequence[int],
    *,
    rhythms: Sequence[str],
    form: str = "AABA",
    leap: int = 2,
) -> list[Note]:
    """Compose a melody from a few motifs.

    Parameters
    ----------
    spans : sequence of Span
        The chords: notes that start on a beat and last half a beat or more are moved to a chord tone.
    sketch : Sketch
        Source of bars and random numbers.
    pitches : sequence of int
        The MIDI numbers to choose from, ascending, as `Sketch.scale` gives them.
    rhythms : sequence of str
        One bar each, as in `steps`.
    form : str
        One letter per bar: bars with the same letter have the same rhythm and contour.
    leap : int
        Largest step, in steps of the scale.

    Returns
    -------
    list of Note
    """
    motifs = {}
    for letter in sorted(set(form)):
        rhythm = sketch.choose(rhythms)
        motifs[letter] = (rhythm, sketch.track.integers(-leap, leap + 1, len(rhythm)))
    centre = int(sketch.track.integers(len(pitches) // 3, len(pitches) - len(pitches) // 3))
    notes: list[Note] = []
    place, bar_before, contour = centre, -1, iter(())
    for bar, start, length, symbol in steps(" ".join(motifs[letter][0] for letter in form), sketch):
        if bar != bar_before:
            bar_before, contour = bar, iter(motifs[form[bar % len(form)]][1].tolist())
            place = (place + centre) // 2  # each bar returns towards the middle of the range
        place = min(max(place + next(contour), 0), len(pitches) - 1)
        pitch = pitches[place]
        if start % 1 == 0 and length >= 0.5:
            pitch = min(chord_at(spans, start).voicing(pitch), key=lambda tone: abs(tone - pitches[place]))
        notes.append(Note(start, length * 0.92, pitch, _VELOCITIES[symbol]))
    return notes


def only_bars(notes: Sequence[Note], sketch: Sketch, which: str) -> list[Note]:
    """Return the notes of the bars marked `x` in a repeating pattern such as `xx..`."""
    return [note for note in notes if which[int(note.start // sketch.beats) % len(which)] == "x"]


def doubled(notes: Sequence[Note], interval: float, *, velocity: float = 0.8) -> list[Note]:
    """Return the notes transposed by `interval` semitones, with `velocity` times the velocity."""
    return [Note(n.start, n.length, n.pitch + interval, n.velocity * velocity) for n in notes]


def swelling(notes: Sequence[Note], *, beats: float, depth: float) -> list[Note]:
    """Return the notes with dynamics that rise and fall by `depth` (0..1) every `beats` beats."""
    return [
        note._replace(
            velocity=note.velocity * (1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * note.start / beats)))
        )
        for note in notes
    ]
