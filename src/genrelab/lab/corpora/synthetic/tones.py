"""One engine for every pitched instrument: harmonics computed period by period.

A note is a sequence of periods of its waveform, each the inverse Fourier transform of its harmonics. There
are no harmonics above the Nyquist frequency, and therefore no aliasing. Distortion and frequency modulation
also act within a period, with their new harmonics limited in the same way. Decaying strings as in Karplus and
Strong ("Digital synthesis of plucked-string and drum timbres", 1983), with the higher harmonics first, are
one setting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.synthetic.noise import Sound, band, generator, noise

_Array = npt.NDArray[np.float64]
_NYQUIST_SHARE = 0.46  # of the sample rate; leaves room for vibrato and the last slope


@dataclass(frozen=True, slots=True)
class Tone:
    """How a pitched instrument sounds.

    Parameters
    ----------
    slope : float
        Harmonic k has amplitude `k ** -slope`.
    even : float
        Gain of even harmonics; near 0 for a clarinet.
    pluck : float
        Position of the pluck as a share of the string's length; 0 for no string.
    formants : tuple of (hz, width_hz, gain)
        Resonances, independent of the pitch.
    attack, release : float
        Seconds to full level, and to silence after the note's end.
    decay : float
        Seconds in which the level of a held note falls to 1/e.
    damping : float
        Extra decay, 1/s for each kHz of a harmonic's frequency.
    opening, opening_seconds : float
        Added to the slope at the onset, gone after some `opening_seconds`: positive opens like brass,
        negative closes like a filtered synthesizer.
    vibrato_hz, vibrato_cents : float
        Rate and depth.
    unison, detune_cents : int, float
        Number of players, and their distance in pitch.
    drive : float
        Distortion; 0 for none, above 5 for metal.
    stack : tuple of int
        Frequency ratios of simultaneous strings before the distortion: (2, 3, 4) is a power chord.
    fm : (ratio, index, seconds) or None
        Modulator's frequency ratio, modulation index and the seconds in which it decays to 1/e.
    breath : float
        Level of added noise.
    top_hz : float
        Upper limit of harmonics.
    """

    slope: float = 1.0
    even: float = 1.0
    pluck: float = 0.0
    formants: tuple[tuple[float, float, float], ...] = ()
    attack: float = 0.005
    release: float = 0.06
    decay: float = math.inf
    damping: float = 0.0
    opening: float = 0.0
    opening_seconds: float = 0.1
    vibrato_hz: float = 5.5
    vibrato_cents: float = 0.0
    unison: int = 1
    detune_cents: float = 8.0
    drive: float = 0.0
    stack: tuple[int, ...] = (1,)
    fm: tuple[int, float, float] | None = None
    breath: float = 0.0
    top_hz: float = 8_000.0


def render_tone(tone: Tone, pitch: float, seconds: float, sample_rate: int) -> Sound:
    """Render one note.

    Parameters
    ----------
    tone : Tone
        The instrument.
    pitch : float
        MIDI number; 69 is 440 Hz.
    seconds : float > 0
        Length without the release.
    sample_rate : int > 0
        In Hz.

    Returns
    -------
    np.ndarray [shape=(samples,)], float32
        With a peak of 1.
    """
    base_hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0) / tone.stack[0]
    samples = max(8, round((seconds + tone.release) * sample_rate))
    periods = _periods(tone, base_hz, samples / sample_rate, sample_rate)
    sound = _read(tone, periods, base_hz, samples, sample_rate)
    if tone.breath:
        loop = _breath(sample_rate)
        sound += np.resize(loop, samples) * np.float32(tone.breath * float(np.abs(sound).max()))
    sound *= _envelope(tone, seconds, samples, sample_rate)
    peak = float(np.abs(sound).max())
    return sound / np.float32(peak) if peak > 0 else sound


def _periods(tone: Tone, base_hz: float, seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Return the waveform of each period, `[periods, points]`."""
    count = max(1, int(min(tone.top_hz, _NYQUIST_SHARE * sample_rate) / base_hz))
    points = 1 << (8 * count - 1).bit_length()  # oversampled, for linear interpolation and distortion
    still = math.isinf(tone.decay) and not tone.damping and not tone.opening and tone.fm is None
    rows = 1 if still else int(seconds * base_hz * 1.02) + 3
    time = np.arange(rows)[:, None] / base_hz
    k = np.arange(1, count + 1, dtype=np.float64)
    if tone.fm is not None:
        ratio, index, index_seconds = tone.fm
        angle = 2 * np.pi * np.arange(points) / points
        depth = index * np.exp(-time / index_seconds)
        frames = np.sin(angle + depth * np.sin(ratio * angle)) * np.exp(-time / tone.decay)
        return _limit(frames, np.ones(count), points)
    levels = _harmonics(tone, k, base_hz) * np.exp(
        -time * (1 / tone.decay + tone.damping * k * base_hz / 1000)
    )
    if tone.opening:
        levels = levels * k ** (-tone.opening * np.exp(-time / tone.opening_seconds))
    spectrum = np.zeros((rows, count + 1), dtype=np.complex64)
    spectrum[:, 1:] = levels * np.exp(0.74j * k * k)  # spread phases for a low crest factor
    frames = np.fft.irfft(spectrum, points, axis=1)
    if tone.drive:
        frames = np.tanh(frames * (tone.drive / np.abs(frames[0]).max()))
        hz = k * base_hz
        cabinet = 1 / (1 + (hz / 4_200) ** 4) / (1 + (70 / hz) ** 2)
        return _limit(frames, cabinet, points)
    return np.asarray(frames, dtype=np.float32)


def _harmonics(tone: Tone, k: _Array, base_hz: float) -> _Array:
    """Return the amplitude of each harmonic of the base frequency, `[harmonics]`."""
    total = np.zeros_like(k)
    for ratio in tone.stack:
        order = k / ratio
        level = order**-tone.slope * np.where(order % 2 == 0, tone.even, 1.0)
        if tone.pluck:
            level = level * np.abs(np.sin(np.pi * order * tone.pluck))
        total += np.where(order % 1 == 0, level, 0.0)
    if tone.formants:
        hz = k * base_hz
        total = total * (0.02 + sum(g / (1 + ((hz - f) / w) ** 2) for f, w, g in tone.formants))
    return total


def _limit(frames: npt.NDArray[np.floating], gain: _Array, points: int) -> npt.NDArray[np.float32]:
    """Multiply the harmonics of periods by `gain [harmonics]` and remove higher ones."""
    spectrum = np.fft.rfft(frames.astype(np.float32), axis=1)[:, : gain.size + 1]
    spectrum[:, 0] = 0
    spectrum[:, 1:] *= gain
    return np.asarray(np.fft.irfft(spectrum, points, axis=1), dtype=np.float32)


def _read(
    tone: Tone, periods: npt.NDArray[np.float32], base_hz: float, samples: int, sample_rate: int
) -> Sound:
    """Read the periods at the pitch of the instrument, once for each player."""
    rows, points = periods.shape
    flat = np.append(periods.ravel(), periods[-1, 0])
    time = np.arange(samples) / sample_rate
    sound = np.zeros(samples, dtype=np.float32)
    for player in range(tone.unison):
        spread = 0.0 if tone.unison == 1 else 2 * player / (tone.unison - 1) - 1
        warped = time * 2.0 ** (spread * tone.detune_cents / 1200)
        if tone.vibrato_cents:
            angle = 2 * np.pi * tone.vibrato_hz * (1 + 0.13 * spread) * time
            depth = math.log(2) * tone.vibrato_cents / 1200 / (2 * np.pi * tone.vibrato_hz)
            warped += depth * (1 - np.cos(angle + player)) * np.minimum(1.0, time / 0.3)
        position = (warped * base_hz + 0.37 * player) * points
        index = position.astype(np.int32)
        part = (position - index).astype(np.float32)
        if rows == 1:
            index &= points - 1  # a power of two
        left = flat.take(index, mode="clip")
        right = flat.take(index + 1, mode="clip")
        sound += left + (right - left) * part
    return sound


def _envelope(tone: Tone, seconds: float, samples: int, sample_rate: int) -> Sound:
    envelope = np.ones(samples, dtype=np.float32)
    rise = min(samples, max(2, round(tone.attack * sample_rate)))
    envelope[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    fall = samples - min(samples - 2, round(seconds * sample_rate))
    envelope[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2
    return envelope


@lru_cache(maxsize=4)
def _breath(sample_rate: int) -> Sound:
    return noise(generator("breath"), 0.7, sample_rate, band(900, 5_000))
