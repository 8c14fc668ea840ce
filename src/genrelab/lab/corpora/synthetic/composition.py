"""Composition of a track, given its genre and number; artists have habits."""

from __future__ import annotations

import math

from genrelab.lab.corpora.synthetic.noise import generator
from genrelab.lab.corpora.synthetic.production import Production, draw_production
from genrelab.lab.corpora.synthetic.score import Piece, Pulse, Sketch
from genrelab.lab.corpora.synthetic.styles import STYLES

_BLOCK, _ARTISTS_PER_BLOCK = 20, 5


def artist_number(track: int) -> int:
    """Return the artist of a track, both counted from 0: five artists take turns in every twenty tracks.

    It depends on nothing else, so that a clip is the same in a larger corpus.
    """
    return track // _BLOCK * _ARTISTS_PER_BLOCK + track % _ARTISTS_PER_BLOCK


def compose(genre: str, track: int, *, seconds: float, seed: int) -> tuple[Piece, Production]:
    """Compose a piece and choose its production.

    Parameters
    ----------
    genre : str
        One of `STYLES`.
    track : int >= 0
        Number within the genre.
    seconds : float > 0
        Length of the clip.
    seed : int
        The seed of the corpus.

    Returns
    -------
    (Piece, Production)
    """
    style = STYLES[genre]
    artist = generator(seed, genre, "artist", artist_number(track))
    own = generator(seed, genre, "track", track)
    slow, fast = style.bpm
    centre = artist.uniform(slow, fast)
    bpm = min(fast, max(slow, centre * own.uniform(0.93, 1.07)))
    beats = style.meters[int(artist.integers(len(style.meters)))]
    pulse = Pulse(
        bpm,
        swing=artist.uniform(*style.swing),
        unit=style.unit,
        rubato=artist.uniform(*style.rubato),
        looseness=style.looseness,
    )
    room_seconds = artist.uniform(*style.room_seconds)
    production = draw_production(artist, own)
    bars = math.ceil(seconds * bpm / 60 / beats) + 2
    sketch = Sketch(artist, own, tonic=int(own.integers(12)), beats=beats, bars=bars)
    offset = own.uniform(0, beats)
    return Piece(pulse, beats, style.compose(sketch), offset, room_seconds), production
