"""Country: alternating bass, train beat, strummed and twangy plucked guitars, steel, fiddle."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import arpeggio, comp, hits, line, melody, only_bars

_FORMS = (
    "I | I | IV | I | I | I | V | V",
    "I | IV | I | V",
    "I | V | IV | I",
    "I | vi | IV | V7",
    "I | I | V7 | I",
)
_FOUR = {
    "bass": ("1-.-5-.-", "1-.-5-67"),
    "strum": ("..x-..x-", "..xo..xo", "x.xox.xo"),
    "roll": ("1324132413241324", "1.3.2.4.1.3.2.4.", "14321432", "5.3.4.2.5.3.4.2."),
    "tune": ("x-xxx-x-", "x---xxx-", "xxx-x---", "x-x-xxx-"),
    "train": ("oooXoooX", "goXogoXogoXogoXo", "..X...X."),
    "kick": ("x...x...",),
}
_THREE = {
    "bass": ("1-....", "1-.-5-"),
    "strum": ("..x-x-", "..xoxo"),
    "roll": ("123432", "132434"),
    "tune": ("x---x-", "x-x-x-", "x-----", "xxx-x-"),
    "train": ("..o.o.", "..x.x."),
    "kick": ("x.....",),
}


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a country band; some artists play in waltz time."""
    patterns = _FOUR if sketch.beats == 4 else _THREE
    picker = voiced(
        sketch.habit((instruments.BANJO, instruments.TWANG_GUITAR, instruments.ACOUSTIC_GUITAR)),
        sketch.artist,
    )
    singer = voiced(
        sketch.habit((instruments.VOICE, instruments.FIDDLE, instruments.TWANG_GUITAR)), sketch.artist
    )
    sweet = voiced(
        sketch.habit((instruments.PEDAL_STEEL, instruments.FIDDLE, instruments.PEDAL_STEEL)), sketch.artist
    )
    strummer = voiced(instruments.ACOUSTIC_GUITAR, sketch.artist)
    bass = voiced(sketch.habit((instruments.UPRIGHT_BASS, instruments.FINGER_BASS)), sketch.artist)
    snare = tuned(sketch.habit((drums.BRUSH, drums.SNARE)), sketch.artist)
    kick = tuned(drums.KICK, sketch.artist)
    train, roll = sketch.habit(patterns["train"]), sketch.habit(patterns["roll"])

    spans = sketch.chart(sketch.choose(_FORMS))
    tune = melody(spans, sketch, sketch.scale("pentatonic", 60, 79), rhythms=patterns["tune"], leap=2)
    pad = comp("x" + "-" * (sketch.beats - 1), spans, sketch, centre=67, keep=1.0)
    return [
        ScorePart(bass, line(sketch.choose(patterns["bass"]), spans, sketch, centre=38), 0.55),
        ScorePart(
            strummer, comp(sketch.choose(patterns["strum"]), spans, sketch, centre=57), 0.13, pan=-0.45
        ),
        ScorePart(picker, arpeggio(roll, spans, sketch, centre=60, ring=2.0), 0.3, pan=0.45),
        ScorePart(singer, only_bars(tune, sketch, "xxx."), 0.3, room=0.3),
        ScorePart(sweet, only_bars(pad, sketch, "..xx"), 0.1, pan=0.25, room=0.4),
        hits(snare, train, sketch, level=0.35, pan=0.1),
        hits(kick, patterns["kick"][0], sketch, level=0.6, room=0.05),
    ]


COUNTRY = Style((88, 140), compose, meters=(4, 4, 4, 3), swing=(0.5, 0.56), looseness=0.006)
