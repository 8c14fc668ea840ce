"""The score: notes in beats, parts, and the pulse that maps beats to seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from genrelab.lab.corpora.synthetic.drums import Drum
from genrelab.lab.corpora.synthetic.theory import Span, chart, scale_pitches
from genrelab.lab.corpora.synthetic.tones import Tone

T = TypeVar("T")


class Note(NamedTuple):
    """A note: start and length in beats, MIDI pitch (unused by drums), velocity 0..1."""

    start: float
    length: float
    pitch: float
    velocity: float


@dataclass(frozen=True)
class Pulse:
    """Map from beats to seconds.

    Parameters
    ----------
    bpm : float
        Beats per minute.
    swing : float
        Share of the first `unit` in a pair: 0.5 is straight, 2/3 a triplet shuffle.
    unit : float
        Swung note value in beats: 0.5 for eighth notes, 0.25 for sixteenths.
    rubato : float
        Deviation of the pulse in beats, with a period of eight beats; below 0.3.
    looseness : float
        Standard deviation of the players' timing, in seconds.
    """

    bpm: float
    swing: float = 0.5
    unit: float = 0.5
    rubato: float = 0.0
    looseness: float = 0.004

    def seconds(self, beat: float) -> float:
        """Return the time of a beat in seconds."""
        pair = 2 * self.unit
        whole, rest = divmod(beat, pair)
        part = rest / pair
        swung = 2 * part * self.swing if part < 0.5 else self.swing + (2 * part - 1) * (1 - self.swing)
        wandering = self.rubato * math.sin(2 * math.pi * beat / 8)
        return ((whole + swung) * pair + wandering) * 60 / self.bpm


@dataclass(frozen=True)
class ScorePart:
    """One instrument's notes and its place in the mix.

    Parameters
    ----------
    instrument : Tone or Drum
    notes : sequence of Note
        In any order.
    level : float
        Linear gain of a note at full velocity.
    pan : float
        -1 left .. 1 right.
    room : float
        Level of the reverberation.
    """

    instrument: Tone | Drum
    notes: Sequence[Note]
    level: float
    pan: float = 0.0
    room: float = 0.2


@dataclass(frozen=True)
class Sketch:
    """The input of a style's composer.

    Parameters
    ----------
    artist : np.random.Generator
        The same for all tracks of an artist: draw habits from it, always in the same order and number.
    track : np.random.Generator
        Draw everything else from it.
    tonic : int
        Pitch class of the key.
    beats, bars : int
        Beats per bar, and bars to fill.
    """

    artist: np.random.Generator
    track: np.random.Generator
    tonic: int
    beats: int
    bars: int

    def habit(self, choices: Sequence[T]) -> T:
        """Choose a value for all tracks of the artist."""
        return choices[int(self.artist.integers(len(choices)))]

    def choose(self, choices: Sequence[T]) -> T:
        """Choose a value for this track."""
        return choices[int(self.track.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        """Return True with a probability, for this track."""
        return bool(self.track.random() < probability)

    def scale(self, name: str, low: int, high: int) -> list[int]:
        """Return the MIDI numbers from `low` to `high` in a scale of `SCALES` on the tonic."""
        return scale_pitches(self.tonic, name, low, high)

    def chart(self, text: str) -> list[Span]:
        """Apply a chord chart to the bars, starting at a random bar, because a clip starts anywhere."""
        first_bar = int(self.track.integers(text.count("|") + 1))
        return chart(text, tonic=self.tonic, beats=self.beats, bars=self.bars, first_bar=first_bar)


@dataclass(frozen=True)
class Style:
    """A genre as a way of composing.

    Parameters
    ----------
    bpm : (float, float)
        Slowest and fastest tempo.
    compose : callable
        `Sketch` -> parts.
    meters : sequence of int
        Beats per bar; each artist uses one of them.
    swing : (float, float)
        Range of `Pulse.swing`.
    unit, looseness : float
        As in `Pulse`.
    rubato : (float, float)
        Range of `Pulse.rubato`.
    room_seconds : (float, float)
        Range of the reverberation time.
    """

    bpm: tuple[float, float]
    compose: Callable[[Sketch], list[ScorePart]]
    meters: Sequence[int] = (4,)
    swing: tuple[float, float] = (0.5, 0.5)
    unit: float = 0.5
    looseness: float = 0.006
    rubato: tuple[float, float] = (0.0, 0.0)
    room_seconds: tuple[float, float] = (0.5, 1.6)


@dataclass(frozen=True)
class Piece:
    """A finished composition.

    Parameters
    ----------
    pulse : Pulse
    beats : int
        Beats per bar.
    parts : sequence of ScorePart
    offset : float
        Beat at which the clip starts.
    room_seconds : float
        Reverberation time.
    """

    pulse: Pulse
    beats: int
    parts: Sequence[ScorePart]
    offset: float
    room_seconds: float
