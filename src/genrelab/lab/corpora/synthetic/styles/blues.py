"""Blues: twelve bars of dominant sevenths, shuffle, riffs, call and response on the blues scale."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import comp, hits, line, melody, only_bars

_FORMS = (
    "I7 | I7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | V7",
    "I7 | IV7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V9 | IV9 | I7 IV7 | I7 V7",
    "i7 | i7 | i7 | i7 | iv7 | iv7 | i7 | i7 | bVI7 | V7 | i7 | V7",
)
_BASSES = ("1.3.5.6.", "1.1.5.6. 8.8.6.5.", "1.3.5.6. 8.6.5.3.", "1.155.67")
_BOOGIE = ("11556655", "1155665577556655", "1.5.6.5.")
_PHRASES = ("..xxx-x-", ".xxx-xx-", "x-xxx---", "..x-xxx-", "xxx-....")


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a blues band: guitar, bass, shuffle drums, a lead and its answer, at times piano or organ."""
    lead = voiced(
        sketch.habit((instruments.LEAD_GUITAR, instruments.CRUNCH_GUITAR, instruments.HARMONICA)),
        sketch.artist,
    )
    answer = voiced(
        sketch.habit((instruments.HARMONICA, instruments.VOICE, instruments.CRUNCH_GUITAR)), sketch.artist
    )
    rhythm = voiced(sketch.habit((instruments.CRUNCH_GUITAR, instruments.TWANG_GUITAR)), sketch.artist)
    keys = sketch.habit((instruments.PIANO, instruments.ORGAN, None))
    bass = voiced(sketch.habit((instruments.FINGER_BASS, instruments.UPRIGHT_BASS)), sketch.artist)
    ride = tuned(sketch.habit((drums.RIDE, drums.HAT)), sketch.artist)
    kick, snare = tuned(drums.KICK, sketch.artist), tuned(drums.SNARE, sketch.artist)
    boogie = sketch.habit(_BOOGIE)
    walk = sketch.habit(_BASSES)

    spans = sketch.chart(sketch.choose(_FORMS))
    tune = melody(spans, sketch, sketch.scale("blues", 60, 80), rhythms=_PHRASES, form="AABC", leap=2)
    riff = line(boogie, spans, sketch, centre=48)
    parts = [
        ScorePart(bass, line(walk, spans, sketch, centre=36), 0.5),
        ScorePart(rhythm, [n._replace(length=n.length * 0.7) for n in riff], 0.22, pan=-0.4),
        ScorePart(lead, only_bars(tune, sketch, "xx.."), 0.3, pan=0.15, room=0.35),
        ScorePart(answer, only_bars(tune, sketch, "..xx"), 0.25, pan=0.3, room=0.35),
        hits(ride, "x.xxx.xx" if sketch.chance(0.5) else "xoxoxoxo", sketch, level=0.2, pan=0.3),
        hits(snare, "..X...X. ..X...X. ..X...X. ..X..gXo", sketch, level=0.55),
        hits(kick, "x...x..." if sketch.chance(0.5) else "x...x..o", sketch, level=0.8, room=0.05),
    ]
    if keys is not None:
        stabs = sketch.choose(("..x-..x-", "...x...x", "x--.x--."))
        parts.append(ScorePart(keys, comp(stabs, spans, sketch, centre=62), 0.1, pan=0.45))
    return parts


BLUES = Style((68, 118), compose, swing=(0.63, 0.68), looseness=0.008)
