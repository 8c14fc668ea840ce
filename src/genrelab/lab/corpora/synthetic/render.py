"""Rendering of a composition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.synthetic.drums import Drum, render_drum
from genrelab.lab.corpora.synthetic.noise import Sound
from genrelab.lab.corpora.synthetic.production import Production, produce
from genrelab.lab.corpora.synthetic.score import Piece, ScorePart
from genrelab.lab.corpora.synthetic.tones import render_tone

_GRID_SECONDS = 0.02  # grid of note lengths, so that equal notes are rendered once


def render(
    piece: Piece, production: Production, rng: np.random.Generator, *, seconds: float, sample_rate: int
) -> npt.NDArray[np.float32]:
    """Render a composition.

    Parameters
    ----------
    piece : Piece
    production : Production
    rng : np.random.Generator
        For the players' small errors in time and force.
    seconds : float > 0
        Length of the result.
    sample_rate : int > 0
        In Hz; the composition does not depend on it.

    Returns
    -------
    np.ndarray [shape=(2, samples)], float32
        Left and right.
    """
    samples = round(seconds * sample_rate)
    dry = np.zeros((2, samples), dtype=np.float32)
    send = np.zeros(samples, dtype=np.float32)
    for part in piece.parts:
        track = play(part, piece, rng, samples=samples, sample_rate=sample_rate)
        angle = (part.pan + 1) * np.pi / 4
        dry[0] += track * np.float32(np.cos(angle))
        dry[1] += track * np.float32(np.sin(angle))
        send += track * np.float32(part.room)
    return produce(dry, send, production, piece.room_seconds, sample_rate)


def play(part: ScorePart, piece: Piece, rng: np.random.Generator, *, samples: int, sample_rate: int) -> Sound:
    """Render one part, `[samples]`; notes that start before the clip continue into it."""
    track = np.zeros(samples, dtype=np.float32)
    pulse = piece.pulse
    beginning = pulse.seconds(piece.offset)
    late = rng.normal(0, pulse.looseness, len(part.notes))
    force = part.level * rng.uniform(0.85, 1.0, len(part.notes))
    rendered: dict[tuple[float, int], Sound] = {}
    for i, note in enumerate(part.notes):
        start = pulse.seconds(note.start)
        length = max(1, round((pulse.seconds(note.start + note.length) - start) / _GRID_SECONDS))
        at = round((start + late[i] - beginning) * sample_rate)
        if at >= samples or at + (length * _GRID_SECONDS + 4) * sample_rate < 0:
            continue
        instrument = part.instrument
        key = (0.0, 0) if isinstance(instrument, Drum) else (note.pitch, length)
        if key not in rendered:
            rendered[key] = (
                render_drum(instrument, sample_rate)
                if isinstance(instrument, Drum)
                else render_tone(instrument, note.pitch, length * _GRID_SECONDS, sample_rate)
            )
        sound = rendered[key][max(0, -at) : samples - at]
        if sound.size:
            track[max(0, at) : max(0, at) + sound.size] += sound * np.float32(force[i] * note.velocity)
    return track
