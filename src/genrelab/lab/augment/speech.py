"""Synthetic voices: sound with the pitch, formants and rhythm of speech, but without words.

For each syllable, a source (pulses of the vocal folds, breath, or both) is filtered by the resonances of a
vocal tract: the source-filter model of speech (Fant 1960).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float64]
Formants = tuple[float, float, float]

# First three formants of vowels, in Hz (Peterson and Barney 1952, men; formants of women and children are
# higher).
_VOWELS: tuple[Formants, ...] = (
    (270, 2290, 3010),
    (390, 1990, 2550),
    (530, 1840, 2480),
    (660, 1720, 2410),
    (730, 1090, 2440),
    (570, 840, 2410),
    (440, 1020, 2240),
    (300, 870, 2240),
    (640, 1190, 2390),
    (490, 1350, 1690),
)
_NASAL: Formants = (250.0, 1200.0, 2300.0)
_UPPER = (3500.0, 4500.0)  # fourth and fifth formant, of any vowel


@dataclass(frozen=True)
class Voice:
    """The properties of a voice.

    Attributes
    ----------
    pitch : float
        In Hz.
    throat : float
        Formants relative to those of men; a shorter vocal tract raises them.
    tilt : float
        Slope of the spectrum of the pulses, in dB per octave.
    breath : float
        Share of breath in the source, 0 to 1; 1 is a whisper.
    bright : float
        Gain of a formant relative to the next lower one.
    lilt : float
        Standard deviation of the pitch of syllables, in octaves.
    pace : float
        Length of syllables and pauses relative to normal speech.
    """

    pitch: float
    throat: float
    tilt: float
    breath: float
    bright: float
    lilt: float
    pace: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Voice:
        """Draw a man, a woman, a child, or somebody who whispers; high voices come from short throats."""
        octaves = rng.uniform(0.0, 2.0)  # above 80 Hz
        return cls(
            pitch=80.0 * 2.0**octaves,
            throat=float(np.clip(0.9 + 0.17 * octaves + rng.normal(0.0, 0.08), 0.8, 1.45)),
            tilt=rng.uniform(-10.0, 0.0),
            breath=1.0 if rng.uniform() < 0.1 else float(rng.uniform(0.0, 0.4) ** 2),
            bright=rng.uniform(0.4, 1.1),
            lilt=rng.uniform(0.03, 0.25),
            pace=rng.uniform(0.7, 1.4),
        )


def speech_like(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Make syllables of one voice: often a consonant, then a gliding vowel, at times a nasal; and pauses.

    Parameters
    ----------
    samples : int > 0
    rate : int > 0
        In Hz.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(samples,)], float64
    """
    voice = Voice.draw(rng)
    wave = np.zeros(samples)
    at = 0
    while at < samples:
        if rng.uniform() < 0.6:
            at += _add(wave, at, _consonant(rate, voice, rng))
        length = int(rng.uniform(0.06, 0.25) * voice.pace * rate)
        begin, end = rng.integers(len(_VOWELS), size=2)
        at += _add(wave, at, _voiced(length, rate, _VOWELS[begin], _VOWELS[end], voice, rng))
        if rng.uniform() < 0.25:
            length = int(rng.uniform(0.04, 0.1) * voice.pace * rate)
            at += _add(wave, at, 0.4 * _voiced(length, rate, _NASAL, _NASAL, voice, rng))
        at += int((rng.uniform() < 0.15) * rng.uniform(0.1, 0.7) * voice.pace * rate)
    return wave if rng.uniform() < 0.5 else _in_a_room(wave, rate, rng)


def _voiced(
    length: int, rate: int, begin: Formants, end: Formants, voice: Voice, rng: np.random.Generator
) -> Wave:
    """Make a voiced sound whose formants glide from `begin` to `end`."""
    pitch = voice.pitch * 2.0 ** (
        rng.normal(0.0, voice.lilt) + np.linspace(0.0, rng.normal(0.0, voice.lilt), length)
    )
    pulses = np.diff(np.floor(np.cumsum(pitch) / rate + rng.uniform()), prepend=0.0)
    pulses *= np.sqrt(rate / voice.pitch)  # same power as the breath
    hertz = np.fft.rfftfreq(2 * length, 1.0 / rate)
    tilt = np.maximum(1.0, hertz / 200.0) ** (voice.tilt / 6.02)
    spectrum = (1.0 - voice.breath) * tilt * np.fft.rfft(pulses, 2 * length)
    spectrum += voice.breath * np.fft.rfft(rng.normal(size=length), 2 * length)
    way = np.linspace(0.0, 1.0, length)
    sound = np.zeros(length)
    for formants, weight in ((begin, 1.0 - way), (end, way)):
        filtered = np.fft.irfft(spectrum * _throat(hertz, formants, voice), 2 * length)[:length]
        sound += weight * filtered / max(1e-9, float(filtered.std()))
    return sound * _swell(length) * rng.uniform(0.4, 1.0)


def _throat(hertz: npt.NDArray[np.floating[Any]], formants: Formants, voice: Voice) -> Wave:
    """Return the gain of a vocal tract at each frequency: a resonance at each formant."""
    gains = np.zeros_like(hertz)
    for rank, formant in enumerate((*formants, *_UPPER)):
        centre = formant * voice.throat
        gains += voice.bright**rank / (1.0 + ((hertz - centre) / (40.0 + 0.04 * centre)) ** 2)
    return gains


def _consonant(rate: int, voice: Voice, rng: np.random.Generator) -> Wave:
    """Make a hiss (s, sh, f) in a band of high frequencies, or the closure and burst of a stop (p, t, k)."""
    length = int(rng.uniform(0.03, 0.13) * voice.pace * rate)
    hertz = np.fft.rfftfreq(length, 1.0 / rate)
    centre = rng.uniform(1500.0, 7000.0) * voice.throat
    band = np.exp(-0.5 * ((hertz - centre) / rng.uniform(500.0, 2500.0)) ** 2)
    hiss = np.fft.irfft(np.fft.rfft(rng.normal(size=length)) * band, length)
    shape = _swell(length)
    if rng.uniform() < 0.4:
        shape = np.where(np.arange(length) < 0.7 * length, 0.0, np.exp(-np.linspace(-14.0, 6.0, length)))
    hiss = hiss * np.minimum(shape, 1.0)
    return hiss / max(1e-9, float(np.abs(hiss).max())) * rng.uniform(0.1, 1.5)


def _in_a_room(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """Add one echo, or reverberation: noise with exponential decay."""
    length = int(rng.uniform(0.03, 0.4) * rate)
    response = np.zeros(length)
    if rng.uniform() < 0.5:
        response[-1] = rng.uniform(0.05, 0.4)
    else:
        response = rng.normal(size=length) * np.exp(np.linspace(0.0, -6.9, length)) * rng.uniform(0.3, 3.0)
        response /= np.sqrt(length)
    response[0] = 1.0
    size = 1 << (len(wave) + length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(response, size), size)[: len(wave)]


def _swell(length: int) -> Wave:
    """Rise and fall within a sixth of the length at each end."""
    place = np.minimum(np.arange(length), np.arange(length)[::-1]) / max(1.0, length / 6.0)
    return 0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, place))


def _add(wave: Wave, at: int, piece: Wave) -> int:
    room = max(0, min(len(piece), len(wave) - at))
    wave[at : at + room] += piece[:room]
    return len(piece)
