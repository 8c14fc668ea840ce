"""The synthetic collection's music: theory, instruments, and what the ten styles are made of."""

from __future__ import annotations

from dataclasses import replace

import librosa
import numpy as np
import pytest

from genrelab.lab.corpora.synthetic import drums, instruments, load
from genrelab.lab.corpora.synthetic.composition import compose
from genrelab.lab.corpora.synthetic.drums import render_drum
from genrelab.lab.corpora.synthetic.noise import generator, noise
from genrelab.lab.corpora.synthetic.production import fast_length
from genrelab.lab.corpora.synthetic.score import Piece, Pulse, Sketch
from genrelab.lab.corpora.synthetic.styles import STYLES
from genrelab.lab.corpora.synthetic.theory import chart, chord, chord_at, near
from genrelab.lab.corpora.synthetic.tones import Tone, render_tone
from genrelab.lab.corpora.synthetic.writing import melody, steps, walking

TONES = {name: tone for name, tone in vars(instruments).items() if isinstance(tone, Tone)}
DRUMS = {name: drum for name, drum in vars(drums).items() if isinstance(drum, drums.Drum)}


def made(genre: str, track: int) -> Piece:
    return compose(genre, track, seconds=10, seed=0)[0]


def page(beats: int = 4, bars: int = 4) -> Sketch:
    return Sketch(generator("artist"), generator("track"), tonic=0, beats=beats, bars=bars)


@pytest.mark.parametrize(
    ("numeral", "notes"),
    [
        ("I", "C E G"),
        ("V7", "G B D F"),
        ("ii9", "D F A C E"),
        ("bVImaj7", "G# C D# G"),
        ("vii7b5", "B D F A"),
    ],
)
def test_chords_have_their_notes(numeral: str, notes: str) -> None:
    pitches = chord(numeral, tonic=0).voicing(60)
    assert {librosa.midi_to_note(p, octave=False, unicode=False) for p in pitches} == set(notes.split())
    assert all(abs(pitch - 60) <= 6 for pitch in pitches)


@pytest.mark.parametrize("wrong", ["H", "Iv", "V77", "", "iiii"])
def test_a_chord_written_wrongly_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        chord(wrong, tonic=0)


def test_chart_fills_the_bars_without_gaps() -> None:
    spans = chart("ii7 V9 | Imaj7", tonic=5, beats=3, bars=5, first_bar=1)
    assert [span.start for span in spans] == [0, 3, 4.5, 6, 9, 10.5, 12]
    assert sum(span.length for span in spans) == 15
    assert chord_at(spans, 4.6).root == 0
    with pytest.raises(ValueError, match="15"):
        chord_at(spans, 15)


def test_rhythms_are_read_with_rests_and_held_notes() -> None:
    read = steps("x-.o ...X", page(bars=3))
    assert read == [
        (0, 0.0, 2.0, "x"),
        (0, 3.0, 1.0, "o"),
        (1, 7.0, 1.0, "X"),
        (2, 8.0, 2.0, "x"),
        (2, 11.0, 1.0, "o"),
    ]


def test_swing_and_straight_time() -> None:
    shuffle = Pulse(60, swing=2 / 3)
    assert [shuffle.seconds(b) for b in (0, 0.5, 1, 1.5, 2)] == pytest.approx([0, 2 / 3, 1, 5 / 3, 2])
    assert [Pulse(120).seconds(b) for b in (0.5, 1, 7.25)] == pytest.approx([0.25, 0.5, 3.625])
    wandering = Pulse(90, rubato=0.28)
    assert (np.diff([wandering.seconds(b / 8) for b in range(200)]) > 0).all()


def test_walking_bass_begins_on_the_root_and_steps_into_the_next() -> None:
    spans = chart("ii7 | V7 | Imaj7 | vi7", tonic=0, beats=4, bars=4)
    notes = walking(spans, page(), centre=38)
    assert [note.start for note in notes] == list(range(16))
    assert [note.pitch % 12 for note in notes[::4]] == [2, 7, 0, 9]
    for last, first in zip(notes[3::4], notes[4::4], strict=False):
        assert abs(last.pitch - first.pitch) == 1


def test_melody_keeps_range_and_repeats_its_rhythm() -> None:
    spans = chart("I", tonic=0, beats=4, bars=8)
    sketch = page(bars=8)
    pitches = sketch.scale("major", 60, 72)
    notes = melody(spans, sketch, pitches, rhythms=("xxxx", "x-x-", "x.xx"), form="AB")
    assert all(58 <= note.pitch <= 74 and note.pitch % 12 in (0, 2, 4, 5, 7, 9, 11) for note in notes)
    onsets = {bar: [n.start % 4 for n in notes if n.start // 4 == bar] for bar in range(8)}
    assert onsets[0] == onsets[2] == onsets[4] and onsets[1] == onsets[3]


@pytest.mark.parametrize("name", sorted(TONES.keys() - {"SCREAM"}))  # which is half noise
def test_instruments_are_in_tune(name: str) -> None:
    tone = TONES[name]
    pitch = 45 if tone.top_hz < 1_000 else 57
    sounding = pitch if tone.stack == (1,) else pitch - 12  # a power chord's period is its root's twice over
    heard = render_tone(tone, pitch, 0.5, 22_050)
    assert np.abs(heard).max() == pytest.approx(1)
    f0 = librosa.yin(
        heard[: 22_050 // 2], fmin=50, fmax=700, sr=22_050, frame_length=2048, trough_threshold=0.2
    )
    cents = 1200 * np.log2(np.median(f0[1:-1]) / librosa.midi_to_hz(sounding))
    assert abs(cents) < 25


@pytest.mark.parametrize("name", ["METAL_CHORD", "LEAD_GUITAR", "SAW_LEAD", "TINE_PIANO", "HARPSICHORD"])
def test_instruments_do_not_alias(name: str) -> None:
    """Between the harmonics of a high note there is nothing, though some of these are distorted."""
    tone = replace(TONES[name], vibrato_cents=0, unison=1)
    rate, pitch = 22_050, 80.37
    heard = render_tone(tone, pitch, 1.0, rate)[2_000:20_000]
    power = np.abs(np.fft.rfft(heard * np.blackman(heard.size))) ** 2
    base = librosa.midi_to_hz(pitch) / tone.stack[0]
    hz = np.fft.rfftfreq(heard.size, 1 / rate)
    off = np.abs(hz / base - np.round(hz / base)) * base > 25
    assert power[off].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("name", DRUMS)
def test_drums_start_immediately_and_decay(name: str) -> None:
    struck = render_drum(DRUMS[name], 44_100)
    assert np.abs(struck).max() == pytest.approx(1)
    assert np.abs(struck).argmax() < 0.06 * 44_100
    assert np.abs(struck[-200:]).max() < 0.02


def test_kick_is_low_and_hat_is_high() -> None:
    kick, hat = (
        librosa.feature.spectral_centroid(y=render_drum(d, 44_100), sr=44_100).mean()
        for d in (drums.KICK, drums.HAT)
    )
    assert kick < 800 and hat > 6_000


def test_noise_has_the_same_low_part_at_every_rate() -> None:
    low, high = (noise(generator("n"), 0.5, rate, lambda hz: (hz < 5_000) * 1.0) for rate in (22_050, 44_100))
    np.testing.assert_allclose(high[::2], low, atol=1e-4)


@pytest.mark.parametrize("length", [1, 7, 1_000, 441_001, 507_000])
def test_fast_length_is_long_enough_and_not_much_longer(length: int) -> None:
    assert length <= fast_length(length) <= 1.35 * length + 1


@pytest.mark.parametrize("genre", STYLES)
def test_pieces_keep_to_their_style(genre: str) -> None:
    slow, fast = STYLES[genre].bpm
    for track in range(8):
        piece = made(genre, track)
        assert slow <= piece.pulse.bpm <= fast
        has_drums = any(isinstance(part.instrument, drums.Drum) for part in piece.parts)
        assert has_drums == (genre != "classical")
        assert all(0 <= note.velocity <= 1 and note.length > 0 for part in piece.parts for note in part.notes)
        end = max(piece.pulse.seconds(n.start) for part in piece.parts for n in part.notes)
        assert end - piece.pulse.seconds(piece.offset) > 9


def test_artists_have_habits() -> None:
    """Tracks 1 and 6 are by one artist, 1 and 2 are not."""
    instruments_of = {
        track: {part.instrument for part in made("country", track).parts} for track in (1, 2, 6)
    }
    assert instruments_of[1] == instruments_of[6]
    assert not instruments_of[1] & instruments_of[2]
    assert made("disco", 1).parts != made("disco", 6).parts


def test_disco_has_four_on_the_floor() -> None:
    piece = made("disco", 0)
    kick = next(
        p
        for p in piece.parts
        if isinstance(p.instrument, drums.Drum) and p.instrument.bend == drums.KICK.bend
    )
    starts = [note.start for note in kick.notes]
    assert starts == list(range(len(starts)))


@pytest.mark.parametrize("track", range(3))
def test_disco_has_the_tempo_of_its_composition(track: int) -> None:
    corpus = load("seconds=8")
    assert corpus.renderer is not None
    heard = corpus.renderer(corpus.by_id()[f"disco/{track:04d}"], 22_050, 1)[0]
    tempo = float(librosa.feature.tempo(y=heard, sr=22_050, hop_length=128, start_bpm=120)[0])
    assert tempo == pytest.approx(made("disco", track).pulse.bpm, rel=0.04)


def test_blues_bass_begins_each_bar_on_a_chord() -> None:
    for track in range(6):
        piece = made("blues", track)
        bass = piece.parts[0]
        firsts = {int(note.pitch) % 12 for note in bass.notes if note.start % piece.beats == 0}
        roots = [{tonic, (tonic + 5) % 12, (tonic + 7) % 12, (tonic + 8) % 12} for tonic in range(12)]
        assert any(firsts <= degrees for degrees in roots)  # I, IV, V and the flat VI of the minor form
        assert max(note.pitch for note in bass.notes) < 60


def test_near_finds_the_closest_octave() -> None:
    assert [near(0, 60), near(11, 60), near(7, 60), near(5, 60)] == [60, 59, 55, 65]
