"""Pop: bright synthesizer chords, pumping bass, a hook that is sung or played and repeated."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import Note, ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import arpeggio, comp, doubled, hits, melody, roots

_FORMS = (
    "I | V | vi | IV",
    "vi | IV | I | V",
    "I | vi | IV | V",
    "IV | I | V | vi",
    "Iadd9 | Iadd9 | IV | V",
)
_BASSES = ("x.x.x.x.x.x.x.x.", "..x...x...x...x.", "x..x..x.x..x..x.", "x-x-x-x-x-x-x-x-")
_HOOKS = ("x-x-x-x-x---....", "x--x--x-x-x-x---", "..x-x-x-x-x-x---", "x-xxx-x-x---x---", "x---x-x-x--x----")
_PLUCKS = ("1.2.3.2.1.2.3.4.", "1.3.2.3.1.3.2.3.", "1..2..3.1..2..3.", "4.3.2.1.4.3.2.1.")


def _pumping(notes: list[Note]) -> list[Note]:
    """Return the notes ducked on every beat, as by a compressor that the kick controls."""
    return [note._replace(velocity=note.velocity * (0.45 if note.start % 1 < 0.2 else 1.0)) for note in notes]


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a produced song: beat, bass, pads, plucks, hook."""
    hook = voiced(
        sketch.habit((instruments.VOICE, instruments.VOICE, instruments.SAW_LEAD, instruments.SQUARE_LEAD)),
        sketch.artist,
    )
    chords = voiced(
        sketch.habit((instruments.SAW_PAD, instruments.SAW_PAD, instruments.PIANO)), sketch.artist
    )
    pluck = voiced(
        sketch.habit((instruments.SYNTH_PLUCK, instruments.BELL, instruments.CLEAN_GUITAR)), sketch.artist
    )
    bass = voiced(instruments.SYNTH_BASS, sketch.artist)
    kick, clap = (
        tuned(drums.KICK, sketch.artist),
        tuned(sketch.habit((drums.CLAP, drums.SNARE)), sketch.artist),
    )
    hat = tuned(sketch.habit((drums.HAT, drums.SHAKER)), sketch.artist)
    beat = sketch.habit(("X...X...X...X...", "X.....X.X.......", "X.....X...X....."))
    hats = sketch.habit(("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "x.xox.xox.xox.xo"))

    spans = sketch.chart(sketch.choose(_FORMS))
    tune = melody(spans, sketch, sketch.scale("pentatonic", 62, 81), rhythms=_HOOKS, form="AAAB", leap=2)
    pad = comp(
        "x-x-x-x-x-x-x-x-" if sketch.chance(0.6) else "x--x--x-x--x--x-", spans, sketch, centre=65, keep=0.95
    )
    return [
        hits(kick, beat, sketch, level=0.9, room=0.02),
        hits(clap, "....X.......X...", sketch, level=0.5, room=0.25),
        hits(hat, hats, sketch, level=0.2, pan=0.15),
        ScorePart(bass, roots(sketch.choose(_BASSES), spans, sketch, centre=36), 0.5, room=0.0),
        ScorePart(chords, _pumping(pad), 0.13, pan=-0.15, room=0.25),
        ScorePart(
            pluck,
            arpeggio(sketch.choose(_PLUCKS), spans, sketch, centre=74, ring=1.2),
            0.14,
            pan=0.4,
            room=0.35,
        ),
        ScorePart(hook, tune, 0.32, room=0.3),
        ScorePart(hook, doubled(tune, 12, velocity=0.4), 0.2, pan=-0.3, room=0.4),
    ]


POP = Style((96, 128), compose, looseness=0.002)
