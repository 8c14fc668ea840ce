"""Drums and noises: a few decaying partials plus a burst of shaped noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.synthetic.noise import Sound, band, generator, noise


@dataclass(frozen=True, slots=True)
class Drum:
    """How an unpitched instrument sounds.

    Parameters
    ----------
    partials : tuple of (hz, level)
        Its tones.
    bend, bend_seconds : float
        Initial rise of the tones, as a share of their frequency, and its decay time in seconds.
    ring : float
        Seconds in which the tones decay to 1/e.
    noise_level, noise_ring : float
        Level of the noise, and seconds in which it decays to 1/e.
    low_hz, high_hz : float
        Band of the noise.
    bursts : int
        Number of noise onsets, 11 ms apart; above 1 for hand claps.
    attack : float
        Seconds to full level.
    seed : int
        Seed of the noise.
    """

    partials: tuple[tuple[float, float], ...] = ()
    bend: float = 0.0
    bend_seconds: float = 0.02
    ring: float = 0.1
    noise_level: float = 0.0
    noise_ring: float = 0.05
    low_hz: float = 500.0
    high_hz: float = 8_000.0
    bursts: int = 1
    attack: float = 0.001
    seed: int = 0


_METAL = tuple((2_900.0 * 1.117**i * (1 + 0.03 * (i * i % 5)), 0.32) for i in range(13))
_BELL = tuple((2_300.0 * 1.131**i * (1 + 0.04 * (i * i % 7)), 0.2) for i in range(12))

KICK = Drum(((52.0, 1.0),), 2.5, 0.03, 0.16, 0.12, 0.008, 800, 5_000)
BOOM = Drum(((46.0, 1.0),), 3.0, 0.035, 0.30, 0.10, 0.01, 500, 4_000)
CLICK_KICK = Drum(((58.0, 1.0),), 3.5, 0.015, 0.08, 0.5, 0.006, 2_500, 7_000)
SNARE = Drum(((185.0, 0.6), (331.0, 0.4)), 0.3, 0.02, 0.08, 0.9, 0.10, 900, 8_000)
BRUSH = Drum(noise_level=1.0, noise_ring=0.07, low_hz=1_500, high_hz=7_000, attack=0.012)
RIM = Drum(((430.0, 0.6), (1_720.0, 0.8)), ring=0.02, noise_level=0.4, noise_ring=0.01, low_hz=1_500)
CLAP = Drum(noise_level=1.0, noise_ring=0.07, low_hz=900, high_hz=4_500, bursts=3)
HAT = Drum(_METAL, ring=0.02, noise_level=1.5, noise_ring=0.025, low_hz=6_500, high_hz=14_000)
OPEN_HAT = Drum(_METAL, ring=0.12, noise_level=1.6, noise_ring=0.16, low_hz=6_000, high_hz=14_000)
RIDE = Drum(_BELL, ring=0.22, noise_level=0.9, noise_ring=0.16, low_hz=5_000, high_hz=12_000)
CRASH = Drum(_METAL, ring=0.4, noise_level=1.8, noise_ring=0.55, low_hz=3_000, high_hz=13_000)
TOM = Drum(((105.0, 1.0), (168.0, 0.3)), 0.5, 0.05, 0.2, 0.2, 0.03, 600, 4_000)
CONGA = Drum(((240.0, 1.0), (365.0, 0.3)), 0.15, 0.02, 0.12, 0.15, 0.01, 800, 5_000)
SHAKER = Drum(noise_level=1.0, noise_ring=0.03, low_hz=5_000, high_hz=11_000, attack=0.015)
TAMBOURINE = Drum(_METAL, ring=0.06, noise_level=0.7, noise_ring=0.06, low_hz=7_000, high_hz=13_000)
CONSONANT = Drum(noise_level=1.0, noise_ring=0.025, low_hz=2_500, high_hz=7_000, attack=0.006)
SCRATCH = Drum(((420.0, 0.4),), 1.5, 0.06, 0.05, 1.0, 0.06, 700, 3_500, attack=0.03)


def tuned(drum: Drum, rng: np.random.Generator) -> Drum:
    """Return the drum of one artist's kit: individually tuned and damped, with its own noise."""
    tune, damp, colour = rng.uniform(0.85, 1.15), rng.uniform(0.75, 1.3), rng.uniform(0.8, 1.25)
    return replace(
        drum,
        partials=tuple((hz * tune, level) for hz, level in drum.partials),
        ring=drum.ring * damp,
        noise_ring=drum.noise_ring * damp,
        low_hz=drum.low_hz * colour,
        high_hz=drum.high_hz * colour,
        seed=int(rng.integers(1 << 30)),
    )


def render_drum(drum: Drum, sample_rate: int) -> Sound:
    """Render one stroke.

    Parameters
    ----------
    drum : Drum
        The instrument.
    sample_rate : int > 0
        In Hz.

    Returns
    -------
    np.ndarray [shape=(samples,)], float32
        With a peak of 1 at 44,100 Hz; it lasts until the sound has decayed by 55 dB.
    """
    return np.asarray(_strike(drum, sample_rate) / _peak(drum), dtype=np.float32)


@lru_cache(maxsize=512)
def _peak(drum: Drum) -> float:
    """Return the peak at 44,100 Hz, so that lower rates lose treble and keep their level."""
    return float(np.abs(_strike(drum, 44_100)).max())


def _strike(drum: Drum, sample_rate: int) -> npt.NDArray[np.float64]:
    gap = 0.011
    seconds = 6.3 * max(drum.ring if drum.partials else 0.0, drum.noise_ring) + gap * (drum.bursts - 1)
    hiss = noise(generator("drum", drum.seed), seconds, sample_rate, band(drum.low_hz, drum.high_hz))
    time = np.arange(hiss.size) / sample_rate
    sound = np.zeros(time.size)
    warped = time + drum.bend * drum.bend_seconds * (1 - np.exp(-time / drum.bend_seconds))
    for hz, level in drum.partials:
        if hz * (1 + drum.bend) < 0.48 * sample_rate:
            sound += level * np.sin(2 * np.pi * hz * warped) * np.exp(-time / drum.ring)
    if drum.noise_level:
        latest = gap * np.minimum(time // gap, drum.bursts - 1)  # time of the last onset
        sound += drum.noise_level * hiss * np.exp(-(time - latest) / drum.noise_ring)
    sound *= np.minimum(1.0, time / drum.attack) * np.minimum(1.0, (time[-1] - time) / 0.005)
    return sound
