"""Rock: distorted guitar riffs over a straight backbeat, bass on the roots, a shout or a lead."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import arpeggio, hits, melody, only_bars, roots

_FORMS = (
    "I5 | bVII5 | IV5 | I5",
    "I5 | IV5 | V5 | IV5",
    "i | bVI | bVII | i",
    "i bIII | IV i",
    "I | V | vi | IV",
)
_RIFFS = ("x-x-x-x-x-x-x-x-", "x--x--x-....x-x-", "x---x-x-..x-x---", "x-..x-x-x--x--x-", "x-------x-----x-")
_KICKS = ("x.......x.x.....", "x.....x.x.......", "x..x....x.x.....", "x.x.......x..x..")
_SONGS = ("x---x-x-x---....", "x-x-x-x-x-------", "..x-x---x-x-x---", "x--x--x-x-------")


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a rock band."""
    chord = voiced(instruments.ROCK_CHORD, sketch.artist)
    front = voiced(
        sketch.habit((instruments.VOICE, instruments.VOICE, instruments.LEAD_GUITAR)), sketch.artist
    )
    second = voiced(
        sketch.habit((instruments.CRUNCH_GUITAR, instruments.CLEAN_GUITAR, instruments.ORGAN)), sketch.artist
    )
    bass = voiced(sketch.habit((instruments.PICK_BASS, instruments.FINGER_BASS)), sketch.artist)
    kick, snare, tom = (tuned(drum, sketch.artist) for drum in (drums.KICK, drums.SNARE, drums.TOM))
    time = tuned(sketch.habit((drums.HAT, drums.OPEN_HAT, drums.RIDE)), sketch.artist)
    crash = tuned(drums.CRASH, sketch.artist)

    spans = sketch.chart(sketch.choose(_FORMS))
    riff = roots(f"{sketch.choose(_RIFFS)} {sketch.choose(_RIFFS)}", spans, sketch, centre=45)
    bass_line = roots(sketch.choose(("x-x-x-x-x-x-x-x-", "x-x-x-x-x-x-x-xx")), spans, sketch, centre=33)
    tune = melody(spans, sketch, sketch.scale("minor pentatonic", 60, 78), rhythms=_SONGS, form="AABC")
    picked = arpeggio(sketch.choose(("1.2.3.2.1.2.3.2.", "1-----2-3-------")), spans, sketch, centre=60)
    beat = f"{sketch.choose(_KICKS)} {sketch.choose(_KICKS)}"
    return [
        hits(kick, beat, sketch, level=0.85, room=0.05),
        hits(
            snare, "....X.......X... ....X.......X... ....X.......X..g ....X.....o.X.XX", sketch, level=0.75
        ),
        hits(time, "x.o.x.o.x.o.x.o.", sketch, level=0.24, pan=0.3),
        hits(
            crash,
            "x............... ................ ................ ................",
            sketch,
            level=0.3,
            pan=-0.3,
        ),
        hits(
            tom,
            "................ ................ ................ ............xx.x",
            sketch,
            level=0.5,
            pan=-0.2,
        ),
        ScorePart(bass, bass_line, 0.45, room=0.02),
        ScorePart(chord, riff, 0.3, pan=-0.6, room=0.1),
        ScorePart(voiced(chord, sketch.artist), riff, 0.3, pan=0.6, room=0.1),
        ScorePart(second, picked, 0.12, pan=0.3, room=0.25),
        ScorePart(front, only_bars(tune, sketch, "xxx."), 0.32, room=0.25),
    ]


ROCK = Style((98, 148), compose, looseness=0.006)
