"""Reggae: one drop, skank on the off-beats, organ bubble, a heavy bass that sings and rests."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import comp, hits, line, melody, only_bars

_FORMS = ("I | IV", "i | iv", "I | ii | IV | I", "i7 | bVII", "I | V | vi | IV", "i | i | bVII | iv")
_BASSES = ("1-1-..3-5-..3-1-", "..1-1-5-....3-1-", "1---..1-3-5-....", "1-..5-8-..5-3-..", "....1-1-3-3-5-5-")
_DROPS = ("........X.......", "........X......g", "........X.....o.")
_STEPPERS = "X...X...X...X..."
_SKANKS = ("..x...x...x...x.", "....x.......x...", "....xo......xo..")
_BUBBLES = ("..x-..xx..x-..xx", ".xx-.xx-.xx-.xx-", "..xx..xx..xx..xx")
_SONGS = ("x-x-x---....x-x-", "....x-x-x-x-x---", "x---x-x-x-......", "..x-x---x-x-....")


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a reggae band."""
    skank = voiced(
        sketch.habit((instruments.SCRATCH_GUITAR, instruments.SCRATCH_GUITAR, instruments.PIANO)),
        sketch.artist,
    )
    front = voiced(sketch.habit((instruments.VOICE, instruments.MELODICA, instruments.BRASS)), sketch.artist)
    organ, bass = voiced(instruments.ORGAN, sketch.artist), voiced(instruments.SUB_BASS, sketch.artist)
    bass_top = voiced(instruments.FINGER_BASS, sketch.artist)
    kick, stick = (
        tuned(drums.KICK, sketch.artist),
        tuned(sketch.habit((drums.RIM, drums.SNARE)), sketch.artist),
    )
    hat, hand = (
        tuned(drums.HAT, sketch.artist),
        tuned(sketch.habit((drums.CONGA, drums.SHAKER)), sketch.artist),
    )
    drop = sketch.habit((*_DROPS, _STEPPERS))
    skanking = sketch.habit(_SKANKS)
    echo = sketch.artist.uniform(0.3, 0.8)

    form = sketch.choose(_FORMS)
    spans = sketch.chart(form)
    scale = "minor pentatonic" if form.startswith("i") else "pentatonic"
    low = line(f"{sketch.choose(_BASSES)} {sketch.choose(_BASSES)}", spans, sketch, centre=33)
    tune = melody(spans, sketch, sketch.scale(scale, 60, 76), rhythms=_SONGS, form="ABAC")
    return [
        ScorePart(bass, low, 0.75, room=0.0),
        ScorePart(bass_top, low, 0.3, room=0.0),
        ScorePart(skank, comp(skanking, spans, sketch, centre=65, keep=0.6), 0.2, pan=-0.35, room=0.25),
        ScorePart(organ, comp(sketch.choose(_BUBBLES), spans, sketch, centre=60, keep=0.6), 0.08, pan=0.4),
        ScorePart(front, only_bars(tune, sketch, "xxx."), 0.26, room=echo),
        hits(kick, drop, sketch, level=0.85, room=0.05),
        hits(stick, "........X....... ........X..o....", sketch, level=0.5, room=echo),
        hits(
            hat,
            sketch.choose(("x.x.x.x.x.x.x.x.", "o.x.o.x.o.x.o.x.", "x.xox.xox.xox.xo")),
            sketch,
            level=0.18,
            pan=0.2,
        ),
        hits(
            hand,
            sketch.choose(("......x...xx....", "x...x...x...x.xx")),
            sketch,
            level=0.15,
            pan=-0.5,
            room=0.3,
        ),
    ]


REGGAE = Style((66, 92), compose, swing=(0.52, 0.6), unit=0.25, looseness=0.006, room_seconds=(1.0, 2.2))
