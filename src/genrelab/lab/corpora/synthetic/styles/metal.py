"""Metal: fast, palm-muted distorted power chords, double kick, a screamed or shredded lead."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import doubled, hits, melody, only_bars, roots

_FORMS = (
    "i | i | bVI | bVII",
    "i | bII | i | bIII",
    "i | i | bIII | bII",
    "i bVI | bVII i",
    "i | bV | iv | bII",
)
_CHUGS = ("xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx", "xxx.xxx.xxx.x.x.", "x.xxxxxxx.xxxxxx", "xx.xx.xx.xx.xxxx")
_CHORDS = ("........x-------", "x---....x-......", "x-------x---x---", "..........x-x---")
_KICKS = ("xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx", "xxx.xxx.xxx.xxx.", "x.x.x.x.x.x.x.x.")
_SHRED = ("xxxxxxxxxxxxxxxx", "x-xxxxxxx-xxxxxx", "x---xxxxx---xxxx")
_SHOUT = ("x-x-x---x-x-x-..", "x---x---x-x-....", "x--x--x-x---....")


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a metal band; the two guitars play the same left and right."""
    chord, mute = voiced(instruments.METAL_CHORD, sketch.artist), voiced(instruments.PALM_MUTE, sketch.artist)
    bass = voiced(sketch.habit((instruments.DIRTY_BASS, instruments.PICK_BASS)), sketch.artist)
    front = voiced(
        sketch.habit((instruments.SCREAM, instruments.LEAD_GUITAR, instruments.VOICE)), sketch.artist
    )
    kick, snare = tuned(drums.CLICK_KICK, sketch.artist), tuned(drums.SNARE, sketch.artist)
    cymbal, crash = (
        tuned(sketch.habit((drums.CRASH, drums.RIDE, drums.OPEN_HAT)), sketch.artist),
        tuned(drums.CRASH, sketch.artist),
    )
    tuning = sketch.habit((36, 38, 40))
    scale = sketch.habit(("phrygian", "minor", "harmonic minor"))

    spans = sketch.chart(sketch.choose(_FORMS))
    chug = roots(sketch.choose(_CHUGS), spans, sketch, centre=tuning, keep=0.8)
    held = roots(f"{sketch.choose(_CHORDS)} {sketch.choose(_CHORDS)}", spans, sketch, centre=tuning)
    shredding = front.stack == (1,) and front.breath == 0
    rhythms, low, high = (_SHRED, 64, 88) if shredding else (_SHOUT, 52, 67)
    tune = melody(spans, sketch, sketch.scale(scale, low, high), rhythms=rhythms, leap=2)
    backbeat = sketch.choose(("....X.......X...", "....X.......X...", "..X...X...X...X."))
    parts = [
        hits(kick, f"{sketch.choose(_KICKS)} {sketch.choose(_KICKS)}", sketch, level=0.8, room=0.02),
        hits(snare, f"{backbeat} {backbeat} {backbeat} ....X...X.XXXXXX", sketch, level=0.75, room=0.15),
        hits(cymbal, sketch.choose(("x...x...x...x...", "x.o.x.o.x.o.x.o.")), sketch, level=0.22, pan=0.3),
        hits(crash, "x............... ................", sketch, level=0.3, pan=-0.3),
        ScorePart(bass, doubled(chug, -12, velocity=1.0), 0.35, room=0.0),
        ScorePart(front, only_bars(tune, sketch, "xx.." if sketch.chance(0.5) else "xxx."), 0.25, room=0.3),
    ]
    for pan in (-0.8, 0.8):
        parts.append(ScorePart(voiced(mute, sketch.artist), chug, 0.4, pan=pan, room=0.03))
        parts.append(ScorePart(voiced(chord, sketch.artist), held, 0.3, pan=pan, room=0.05))
    return parts


METAL = Style((130, 200), compose, looseness=0.003, room_seconds=(0.4, 1.2))
