"""Hip hop: boom-bap drums, sub bass, a sparse loop as if sampled, rhythmic speech."""

from __future__ import annotations

from genrelab.lab.corpora.synthetic import drums, instruments
from genrelab.lab.corpora.synthetic.drums import tuned
from genrelab.lab.corpora.synthetic.instruments import voiced
from genrelab.lab.corpora.synthetic.score import Note, ScorePart, Sketch, Style
from genrelab.lab.corpora.synthetic.writing import arpeggio, comp, hits, line, steps

_LOOPS = ("i7 | i7", "i9 | bVI", "i7 | iv7", "i | bVII | bVI | bVII", "ii7 | V9")
_KICKS = ("x......x..x.....", "x.....x...x..x..", "x..x......xx....", "x.x.......x.....")
_BASSES = ("1-----.1..1-....", "1---......1---5-", "1--1......7-1-..", "1-------....1-5-")
_SAMPLES = ("x-----..x---....", "x---------------", "..x---....x---..", "x--x--x---------")
_PICKS = ("1..3..2.4..3....", "1-3-2-..4-3-....", "5.4.3.1.....2.3.")
_FLOWS = ("x.xxx.xxx.xx.xx.", "xxx.xx.xx.xxx.x.", ".xxxx.xxxx.x.xxx", "x.x.xxx.x.xxxxx.")


def _speech(sketch: Sketch, flow: str, pitch: float) -> list[list[Note]]:
    """Return syllables: five vowels, followed by the consonants between them."""
    voices: list[list[Note]] = [[] for _ in range(6)]
    for _, start, length, _ in steps(flow, sketch):
        inflection = sketch.track.normal(0, 1.5)
        accent = 1.0 if start % 1 == 0 else 0.75
        vowel = int(sketch.track.integers(5))
        voices[vowel].append(Note(start, length * 0.75, round(pitch + inflection), accent))
        if sketch.chance(0.6):
            voices[5].append(Note(start, length, 0.0, accent))
    return voices


def compose(sketch: Sketch) -> list[ScorePart]:
    """Return a beat with rhythmic speech."""
    sample = voiced(
        sketch.habit(
            (instruments.ELECTRIC_PIANO, instruments.TINE_PIANO, instruments.STRINGS, instruments.PIANO)
        ),
        sketch.artist,
    )
    pick = voiced(
        sketch.habit((instruments.BELL, instruments.CLEAN_GUITAR, instruments.FLUTE)), sketch.artist
    )
    bass = voiced(
        sketch.habit((instruments.SUB_BASS, instruments.SUB_BASS, instruments.UPRIGHT_BASS)), sketch.artist
    )
    kick, snare = (
        tuned(drums.BOOM, sketch.artist),
        tuned(sketch.habit((drums.SNARE, drums.CLAP)), sketch.artist),
    )
    hat, scratch = tuned(drums.HAT, sketch.artist), tuned(drums.SCRATCH, sketch.artist)
    hats = sketch.habit(("x.x.x.x.x.x.x.x.", "x.xox.x.x.xox.xx", "xoxoxoxoxoxoxoxo", "x...x...x...x..."))
    throat = instruments.vowels(sketch.artist)
    pitch = sketch.artist.uniform(43, 55)

    spans = sketch.chart(sketch.choose(_LOOPS))
    beat = f"{sketch.choose(_KICKS)} {sketch.choose(_KICKS)}"
    flow = f"{sketch.choose(_FLOWS)} {sketch.choose(_FLOWS)}"
    speech = _speech(sketch, flow, pitch)
    parts = [
        hits(kick, beat, sketch, level=1.0, room=0.03),
        hits(snare, "....X.......X... ....X..g....X.go", sketch, level=0.75, room=0.12),
        hits(hat, hats, sketch, level=0.2, pan=0.2),
        ScorePart(bass, line(sketch.choose(_BASSES), spans, sketch, centre=31), 0.75, room=0.0),
        ScorePart(sample, comp(sketch.choose(_SAMPLES), spans, sketch, centre=60), 0.1, pan=-0.2),
        ScorePart(pick, arpeggio(sketch.choose(_PICKS), spans, sketch, centre=69), 0.13, pan=0.35, room=0.3),
        *(ScorePart(vowel, notes, 0.4, room=0.08) for vowel, notes in zip(throat, speech[:5], strict=True)),
        ScorePart(tuned(drums.CONSONANT, sketch.artist), speech[5], 0.14, room=0.08),
    ]
    if sketch.chance(0.5):
        parts.append(hits(scratch, "............x.xx ................", sketch, level=0.3, pan=-0.4))
    return parts


HIPHOP = Style((80, 104), compose, swing=(0.53, 0.6), unit=0.25, looseness=0.005, room_seconds=(0.3, 0.9))
