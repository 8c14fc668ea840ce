"""Synthetic non-music: noise, tones, sweeps, clicks, hum, and sound with the rhythm of speech.

A network that is trained on music only predicts a genre for tones and noise with high confidence. Trained on
such sound with all genres equally likely, it becomes uncertain about it (outlier exposure:
Hendrycks, Mazeika and Dietterich 2019, arXiv:1812.04606).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from genrelab.lab.augment.speech import speech_like

Wave = npt.NDArray[np.float64]
Maker = Callable[[int, int, np.random.Generator], Wave]

_QUIETEST, _LOUDEST = -50.0, -3.0  # dB below full scale, of the largest sample


def noise(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Make noise whose power falls (or rises) with frequency: white, pink, brown and between."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    hertz = np.maximum(20.0, np.fft.rfftfreq(samples, 1.0 / rate))
    return np.fft.irfft(spectrum * hertz ** rng.uniform(-1.2, 0.3), samples)


def band_noise(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Make noise in a band with a slow swell, like wind, surf or traffic."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    hertz = np.fft.rfftfreq(samples, 1.0 / rate)
    centre, width = np.exp(rng.uniform(np.log(80.0), np.log(0.4 * rate))), rng.uniform(0.2, 2.0)
    octaves = np.log2(np.maximum(hertz, 1.0) / centre)
    wave = np.fft.irfft(spectrum * np.exp(-0.5 * (octaves / width) ** 2), samples)
    time = np.arange(samples) / rate
    return wave * (1.0 + rng.uniform(0, 1) * np.sin(2 * np.pi * rng.uniform(0.05, 6.0) * time))


def tones(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Make one to three steady tones, pure or with overtones, like test tones, mains hum or a dial tone."""
    time = np.arange(samples) / rate
    wave = np.zeros(samples)
    for _ in range(rng.integers(1, 4)):
        pitch = np.exp(rng.uniform(np.log(30.0), np.log(0.3 * rate)))
        for overtone in range(1, 1 + int(rng.choice([1, 1, 8]))):
            if overtone * pitch < 0.45 * rate:
                phase = rng.uniform(0, 2 * np.pi)
                wave += np.sin(2 * np.pi * overtone * pitch * time + phase) / overtone
    if rng.uniform() < 0.3:  # beeps
        wave *= (time * rng.uniform(0.5, 4.0)) % 1.0 < rng.uniform(0.2, 0.8)
    return wave


def sweep(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Make a tone that glides up or down, once or repeatedly, like a siren."""
    time = np.arange(samples) / rate
    ends = np.log(np.array([rng.uniform(40, 400), rng.uniform(400, 0.4 * rate)]))
    place = (time * rng.uniform(0.1, 2.0)) % 1.0
    if rng.uniform() < 0.5:
        place = np.abs(2 * place - 1)
    pitch = np.exp(ends[0] + (ends[1] - ends[0]) * (place if rng.uniform() < 0.5 else 1 - place))
    return np.sin(2 * np.pi * np.cumsum(pitch) / rate)


def clicks(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Make clicks, regular or not, each a short decaying burst, like a clock, a keyboard or vinyl."""
    gap = rng.uniform(0.03, 1.0) * rate
    count = 1 + int(samples / gap)
    gaps = np.full(count, gap) if rng.uniform() < 0.5 else rng.exponential(gap, count)
    wave = np.zeros(samples)
    places = (np.cumsum(gaps) - gaps[0] * rng.uniform(0.1, 1.0)).astype(int) % samples
    wave[places] = rng.uniform(0.3, 1.0, len(places))
    length = int(rng.uniform(0.0005, 0.02) * rate) + 2
    burst = rng.normal(size=length) * np.exp(-5.0 * np.arange(length) / length)
    return np.convolve(wave, burst)[:samples]


MAKERS: tuple[Maker, ...] = (noise, band_noise, tones, sweep, clicks, speech_like, speech_like, speech_like)


def not_music(
    count: int, *, samples: int, channels: int, sample_rate: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Make items of sound that is no music, each of one kind, some with noise under it.

    Parameters
    ----------
    count, samples, channels : int > 0
    sample_rate : int > 0
        In Hz.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(count, channels, samples)], float32
        Largest sample between -50 and -3 dB below full scale; the same in all channels.
    """
    made = np.empty((count, channels, samples), np.float32)
    for item in made:
        wave = MAKERS[rng.integers(len(MAKERS))](samples, sample_rate, rng)
        wave = wave / max(1e-9, float(np.abs(wave).max()))
        if rng.uniform() < 0.5:
            under = noise(samples, sample_rate, rng)
            wave = wave + 10.0 ** rng.uniform(-3.0, -0.5) * under / np.abs(under).max()
        level = 10.0 ** (rng.uniform(_QUIETEST, _LOUDEST) / 20.0)
        item[:] = level * wave / max(1e-9, float(np.abs(wave).max()))
    return made
