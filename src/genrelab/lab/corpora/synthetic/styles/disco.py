"""Disco: four on the floor, off-beat open hats, octave bass, scratching guitar, strings."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import comp, doubled, hits, line, melody, only_bars

_FORMS = (
    "i7 | IV7 | i7 | IV7",
    "i7 | bVII | bVI | V7",
    "ii7 | V9 | Imaj7 | vi7",
    "i7 | i7 | iv7 | V7",
    "IVmaj7 | iii7 | ii7 | V9",
)
_BASSES = ("1.8.1.8.1.8.1.8.", "1.8.1.8.1.8.5.8.", "1.8.18.81.8.5.7.", "..1.8.1...1.8.58")
_SCRATCHES = ("..x.oxo.x.oxx.ox", "x.oxx.oxx.oxx.ox", "..xo..xo..xo..xo", ".oxo.oxo.oxo.oxx")
_RUNS = ("x-------xxxxxxxx", "x---x---x-------", "x-------x-------", "....xxxxx-------")
_HOOKS = ("x-x-x---x-x-x---", "x--x--x-x-------", "....x-x-x-x-x---")


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a disco orchestra."""
    bass = voiced(
        sketch.habit((instruments.FINGER_BASS, instruments.SYNTH_BASS, instruments.PICK_BASS)), sketch.artist
    )
    keys = voiced(
        sketch.habit((instruments.ELECTRIC_PIANO, instruments.TINE_PIANO, instruments.PIANO)), sketch.artist
    )
    hook = voiced(sketch.habit((instruments.BRASS, instruments.VOICE, instruments.SAW_LEAD)), sketch.artist)
    strings = voiced(instruments.DISCO_STRINGS, sketch.artist)
    scratch = voiced(instruments.SCRATCH_GUITAR, sketch.artist)
    kick, clap = (
        tuned(drums.KICK, sketch.artist),
        tuned(sketch.habit((drums.CLAP, drums.SNARE)), sketch.artist),
    )
    hat, open_hat = tuned(drums.HAT, sketch.artist), tuned(drums.OPEN_HAT, sketch.artist)
    hand = tuned(sketch.habit((drums.CONGA, drums.TAMBOURINE)), sketch.artist)
    bass_line, scratching = sketch.habit(_BASSES), sketch.habit(_SCRATCHES)

    form = sketch.choose(_FORMS)
    spans = sketch.chart(form)
    scale = "dorian" if form.startswith("i7") else "major"
    run = melody(spans, sketch, sketch.scale(scale, 72, 91), rhythms=_RUNS, form="ABAC", leap=1)
    tune = melody(spans, sketch, sketch.scale(scale, 62, 79), rhythms=_HOOKS)
    return [
        hits(kick, "X...X...X...X...", sketch, level=0.9, room=0.03),
        hits(clap, "....X.......X...", sketch, level=0.5, room=0.25),
        hits(open_hat, "..x...x...x...x.", sketch, level=0.35, pan=0.2),
        hits(hat, "x..gx..gx..gx..g", sketch, level=0.18, pan=0.2),
        hits(hand, sketch.choose(("x..x..x.x..x..xo", "..x...x...x..xx.")), sketch, level=0.15, pan=-0.5),
        ScorePart(bass, line(bass_line, spans, sketch, centre=35), 0.5, room=0.03),
        ScorePart(scratch, comp(scratching, spans, sketch, centre=67), 0.12, pan=-0.4),
        ScorePart(
            keys,
            comp(sketch.choose(("x---..x-..x-....", "x-------x-------")), spans, sketch, centre=60),
            0.1,
            pan=0.3,
        ),
        ScorePart(strings, run + doubled(run, -12), 0.15, pan=0.35, room=0.45),
        ScorePart(hook, only_bars(tune, sketch, "xx.."), 0.24, room=0.3),
    ]


DISCO = Style((110, 130), compose, looseness=0.003)
