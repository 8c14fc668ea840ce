"""Classical: no drums; piano, strings or winds in counterpoint, with rubato and dynamics."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import instruments
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.theory import Span
from genrelab.lab.corpora.synthetic.tones import Tone
from genrelab.lab.corpora.synthetic.writing import arpeggio, comp, line, melody, swelling

_MAJOR_FORMS = ("I | IV | V7 | I", "I | vi | ii | V7", "I V | vi iii | IV I | ii V7", "I | V7 | V7 | I")
_MINOR_FORMS = ("i | iv | V7 | i", "i | bVI | iv | V7", "i V | bVI bIII | iv i | iidim V7")
_SLOW: dict[int, tuple[str, ...]] = {
    3: ("x---x-", "x-x-x-", "x-----", "x--xx-"),
    4: ("x---x-x-", "x-x-x---", "x--xx-x-", "x-------"),
}
_FAST: dict[int, tuple[str, ...]] = {
    3: ("xxxxxx", "x-xxxx", "xxxxx-"),
    4: ("xxxxxxxx", "x-xxx-xx", "xxx-xxx-"),
}
_BROKEN = {3: ("132323", "123232", "123423"), 4: ("13231323", "12341234", "1324132413241324")}
_WALK = {3: ("1-3-5-", "1-----"), 4: ("1-3-5-3-", "1---5---", "1-2-3-5-")}


def _keyboard(sketch: Sketch, scale: str, spans: list[Span]) -> list[ScorePart]:
    tone = voiced(
        sketch.habit((instruments.PIANO, instruments.PIANO, instruments.HARPSICHORD)), sketch.artist
    )
    rhythms = sketch.habit((_SLOW, _FAST))[sketch.beats]
    broken = sketch.choose(_BROKEN[sketch.beats])
    tune = melody(spans, sketch, sketch.scale(scale, 67, 88), rhythms=rhythms)
    left = arpeggio(broken, spans, sketch, centre=54)
    depth = sketch.track.uniform(0.4, 0.7)
    return [
        ScorePart(tone, swelling(tune, beats=16, depth=depth), 0.5, pan=0.15, room=0.35),
        ScorePart(tone, swelling(left, beats=16, depth=depth), 0.22, pan=-0.15, room=0.35),
        ScorePart(tone, line(_WALK[sketch.beats][0], spans, sketch, centre=40), 0.2, pan=-0.2, room=0.35),
    ]


def _ensemble(sketch: Sketch, scale: str, spans: list[Span]) -> list[ScorePart]:
    palettes: tuple[tuple[Tone, Tone, Tone, Tone], ...] = (
        (instruments.VIOLIN, instruments.VIOLIN, instruments.CELLO, instruments.CELLO),
        (instruments.FLUTE, instruments.STRINGS, instruments.STRINGS, instruments.CELLO),
        (instruments.CLARINET, instruments.OBOE, instruments.STRINGS, instruments.STRINGS),
        (instruments.OBOE, instruments.FLUTE, instruments.CLARINET, instruments.CELLO),
    )
    top, second, inner, low = (voiced(tone, sketch.artist) for tone in sketch.habit(palettes))
    slow, fast = _SLOW[sketch.beats], _FAST[sketch.beats]
    running = sketch.chance(0.5)
    tune = melody(spans, sketch, sketch.scale(scale, 69, 88), rhythms=fast if running else slow)
    counter = melody(
        spans, sketch, sketch.scale(scale, 60, 76), rhythms=slow if running else fast, form="ABAC"
    )
    pad = comp("x" + "-" * (sketch.beats - 1), spans, sketch, centre=58, keep=1.0)
    ground = line(sketch.choose(_WALK[sketch.beats]), spans, sketch, centre=43)
    depth = sketch.track.uniform(0.4, 0.75)
    levels = (
        (top, tune, 0.4, -0.4),
        (second, counter, 0.28, 0.1),
        (inner, pad, 0.09, 0.3),
        (low, ground, 0.32, 0.5),
    )
    return [
        ScorePart(tone, swelling(notes, beats=16, depth=depth), level, pan=pan, room=0.45)
        for tone, notes, level, pan in levels
    ]


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a keyboard piece or a small ensemble, depending on the artist."""
    players = sketch.habit((_keyboard, _ensemble, _ensemble))
    minor = sketch.chance(0.45)
    spans = sketch.chart(sketch.choose(_MINOR_FORMS if minor else _MAJOR_FORMS))
    return players(sketch, "harmonic minor" if minor else "major", spans)


CLASSICAL = Style(
    (58, 120), compose, meters=(3, 4, 4), looseness=0.012, rubato=(0.1, 0.28), room_seconds=(1.2, 2.4)
)
