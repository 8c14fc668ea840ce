"""The instruments: settings of the tone engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genrelab.lab.corpora.synthetic.tones import Tone

_OPEN = ((700.0, 110.0, 1.0), (1_150.0, 130.0, 0.7), (2_600.0, 220.0, 0.3))  # the vowel of "father"
_BODY = ((210.0, 130.0, 1.0), (430.0, 160.0, 0.6), (2_400.0, 1_500.0, 0.35))

# Plucked and struck strings.
ACOUSTIC_GUITAR = Tone(0.9, pluck=0.18, formants=_BODY, decay=0.9, damping=1.6, release=0.12)
BANJO = Tone(0.6, pluck=0.11, formants=((700.0, 500.0, 1.0), (3_000, 1_500, 0.7)), decay=0.25, damping=1.5)
CLEAN_GUITAR = Tone(1.0, pluck=0.22, decay=1.1, damping=1.2, release=0.05)
TWANG_GUITAR = Tone(0.7, pluck=0.09, decay=0.7, damping=1.2, release=0.08)
SCRATCH_GUITAR = Tone(0.6, pluck=0.14, decay=0.12, damping=0.8, release=0.02)
UPRIGHT_BASS = Tone(1.4, pluck=0.3, decay=0.5, damping=3.0, release=0.08, top_hz=2_500)
FINGER_BASS = Tone(1.2, pluck=0.25, decay=0.9, damping=2.0, release=0.05, top_hz=3_000)
PICK_BASS = Tone(0.9, pluck=0.12, decay=1.0, damping=1.5, release=0.04, top_hz=4_500)
PIANO = Tone(1.3, pluck=0.13, decay=1.3, damping=1.2, attack=0.002, release=0.15)
HARPSICHORD = Tone(0.5, pluck=0.1, decay=0.8, damping=0.5, attack=0.001, release=0.05)
ELECTRIC_PIANO = Tone(fm=(1, 1.3, 0.5), decay=1.2, attack=0.003, release=0.15)
TINE_PIANO = Tone(fm=(7, 0.35, 0.15), decay=1.4, attack=0.002, release=0.2)
BELL = Tone(fm=(3, 1.2, 0.4), decay=0.7, attack=0.001, release=0.3)

# Distorted guitars; the power chords are root, fifth and octave.
CRUNCH_GUITAR = Tone(0.9, pluck=0.2, decay=1.2, damping=0.8, drive=2.0, vibrato_cents=12)
LEAD_GUITAR = Tone(1.0, pluck=0.2, decay=2.5, damping=0.5, drive=4.0, vibrato_cents=30, release=0.08)
ROCK_CHORD = Tone(0.9, pluck=0.2, decay=1.5, damping=0.6, drive=3.0, stack=(2, 3, 4), release=0.05)
METAL_CHORD = Tone(0.7, pluck=0.16, decay=1.8, damping=0.4, drive=9.0, stack=(2, 3, 4), release=0.04)
PALM_MUTE = Tone(0.9, pluck=0.16, decay=0.09, damping=3.0, drive=8.0, stack=(2, 3), release=0.02)
DIRTY_BASS = Tone(0.9, pluck=0.15, decay=0.9, damping=1.0, drive=2.5, top_hz=4_000)

# Bowed, blown and sung.
STRINGS = Tone(1.1, attack=0.09, release=0.22, vibrato_cents=14, unison=3, detune_cents=9, opening=0.5)
DISCO_STRINGS = Tone(0.9, attack=0.04, release=0.15, vibrato_cents=12, unison=3, detune_cents=12)
VIOLIN = Tone(0.9, formants=_BODY, attack=0.06, release=0.12, vibrato_cents=22, opening=0.6)
CELLO = Tone(1.0, formants=_BODY, attack=0.08, release=0.15, vibrato_cents=16, opening=0.6, top_hz=5_000)
FIDDLE = Tone(0.7, formants=_BODY, attack=0.03, release=0.06, vibrato_cents=14)
FLUTE = Tone(2.2, attack=0.06, release=0.1, vibrato_cents=12, breath=0.05)
CLARINET = Tone(1.2, even=0.08, attack=0.04, release=0.08, vibrato_cents=5)
OBOE = Tone(0.6, formants=((1_100.0, 350.0, 1.0), (2_900.0, 500.0, 0.4)), attack=0.04, vibrato_cents=12)
SAXOPHONE = Tone(
    0.9,
    formants=((650.0, 350.0, 1.0), (1_500.0, 600.0, 0.6)),
    attack=0.03,
    opening=0.8,
    vibrato_cents=18,
    breath=0.04,
)
TRUMPET = Tone(0.8, formants=((1_300.0, 900.0, 1.0),), attack=0.025, opening=1.2, vibrato_cents=12)
MUTED_TRUMPET = Tone(0.5, formants=((1_800.0, 400.0, 1.0), (3_600, 900, 0.5)), attack=0.02, vibrato_cents=10)
BRASS = Tone(0.8, attack=0.03, opening=1.0, release=0.08, unison=2, detune_cents=8)
HARMONICA = Tone(
    0.5, even=0.7, formants=((900.0, 500.0, 1.0), (2_200.0, 800.0, 0.7)), attack=0.03, vibrato_cents=25
)
MELODICA = Tone(0.6, even=0.5, attack=0.03, release=0.06, unison=2, detune_cents=5, top_hz=5_000)
VOICE = Tone(0.9, formants=_OPEN, attack=0.04, release=0.08, vibrato_cents=28, breath=0.02, top_hz=6_000)
SCREAM = Tone(0.5, formants=_OPEN, attack=0.03, release=0.08, drive=6.0, breath=0.35, vibrato_cents=40)
ORGAN = Tone(
    1.3, even=0.8, attack=0.008, release=0.04, vibrato_hz=6.5, vibrato_cents=9, unison=2, detune_cents=3
)
PEDAL_STEEL = Tone(1.2, attack=0.10, release=0.25, decay=3.0, damping=0.3, vibrato_cents=25)

# Synthesizers.
SAW_PAD = Tone(1.0, attack=0.06, release=0.2, unison=3, detune_cents=14, top_hz=6_000)
SAW_LEAD = Tone(0.9, attack=0.01, release=0.08, unison=2, detune_cents=10, vibrato_cents=8)
SQUARE_LEAD = Tone(1.0, even=0.0, attack=0.005, release=0.05, vibrato_cents=12)
SYNTH_PLUCK = Tone(0.8, decay=0.3, damping=1.5, opening=-0.2, opening_seconds=0.08, release=0.1, unison=2)
SYNTH_BASS = Tone(1.2, decay=0.5, damping=2.5, release=0.03, top_hz=3_000)
SUB_BASS = Tone(2.6, decay=0.9, attack=0.006, release=0.06, top_hz=600)

_VOWELS = ((700, 1_150), (500, 1_800), (320, 2_200), (450, 850), (340, 700))


def vowels(rng: np.random.Generator) -> list[Tone]:
    """Return the five vowels of one speaker, short and nearly without vibrato."""
    size = rng.uniform(0.88, 1.15)
    return [
        replace(
            VOICE,
            formants=((f * size, 80.0, 1.0), (s * size, 110.0, 0.6), (2_700 * size, 200.0, 0.25)),
            attack=0.015,
            release=0.03,
            vibrato_cents=4,
        )
        for f, s in _VOWELS
    ]


def voiced(tone: Tone, rng: np.random.Generator) -> Tone:
    """Return one artist's version of an instrument: slightly brighter or duller, shorter or longer."""
    return replace(
        tone,
        slope=tone.slope + rng.uniform(-0.15, 0.15),
        decay=tone.decay * rng.uniform(0.8, 1.3),
        damping=tone.damping * rng.uniform(0.75, 1.3),
        attack=tone.attack * rng.uniform(0.8, 1.3),
        vibrato_hz=tone.vibrato_hz * rng.uniform(0.85, 1.15),
        vibrato_cents=tone.vibrato_cents * rng.uniform(0.6, 1.4),
        drive=tone.drive * rng.uniform(0.75, 1.35),
        formants=tuple((hz * rng.uniform(0.93, 1.07), width, gain) for hz, width, gain in tone.formants),
    )
