"""Jazz: ii-V-I in sevenths and ninths, walking bass, swinging ride, a horn or piano that improvises."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import comp, hits, melody, only_bars, walking

_FORMS = (
    "ii7 | V9 | Imaj9 | Imaj7",
    "ii7 V13 | Imaj9 vi7 | ii7 V9 | iii7 VI7",
    "Imaj7 vi7 | ii7 V13 | iii7 VI9 | ii7 V9",
    "ii7b5 | V9 | i9 | i7",
    "Imaj7 | IV9 | iii7 VI7 | ii9 V13",
)
_LINES = ("xxxxxxxx", ".xxxxxx-", "xxx-.xxx", "..xxxxxx", "x--xx-xx", "xxxxx-..")
_COMPS = ("...x-...", "x..x....", "..x-...x", ".x-...x-", "...x..x-")


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a small group: bass, drums, a chord instrument and a soloist."""
    solo = voiced(
        sketch.habit(
            (
                instruments.SAXOPHONE,
                instruments.TRUMPET,
                instruments.MUTED_TRUMPET,
                instruments.PIANO,
                instruments.CLEAN_GUITAR,
            )
        ),
        sketch.artist,
    )
    chords = voiced(
        sketch.habit((instruments.PIANO, instruments.PIANO, instruments.CLEAN_GUITAR)), sketch.artist
    )
    bass = voiced(instruments.UPRIGHT_BASS, sketch.artist)
    ride, foot = tuned(drums.RIDE, sketch.artist), tuned(drums.HAT, sketch.artist)
    snare, kick = (
        tuned(sketch.habit((drums.BRUSH, drums.SNARE)), sketch.artist),
        tuned(drums.KICK, sketch.artist),
    )
    range_low = sketch.habit((58, 62, 65))

    form = sketch.choose(_FORMS)
    spans = sketch.chart(form)
    scale = "dorian" if "i9" in form.split() else "major"
    pitches = sketch.scale(scale, range_low, range_low + 22)
    tune = melody(spans, sketch, pitches, rhythms=_LINES, form="ABCD", leap=3)
    comping = " ".join(sketch.choose(_COMPS) for _ in range(4))
    chatter = " ".join(sketch.choose(("...g....", ".....g.o", "..g....g", "........")) for _ in range(4))
    return [
        ScorePart(bass, walking(spans, sketch, centre=38), 0.65, room=0.1),
        ScorePart(chords, comp(comping, spans, sketch, centre=62, keep=0.8), 0.12, pan=-0.35),
        ScorePart(
            solo, only_bars(tune, sketch, "xxx." if sketch.chance(0.5) else "xxxx"), 0.34, pan=0.15, room=0.3
        ),
        hits(ride, "x.xxx.xx", sketch, level=0.26, pan=0.35),
        hits(foot, "..x...x.", sketch, level=0.12, pan=-0.2),
        hits(snare, chatter, sketch, level=0.5),
        hits(kick, "o...o...", sketch, level=0.25),
    ]


JAZZ = Style((110, 220), compose, swing=(0.6, 0.67), looseness=0.008)
