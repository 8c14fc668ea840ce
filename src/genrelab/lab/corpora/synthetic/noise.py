"""Randomness: generators that depend on names alone, and noise that sounds the same at every sample rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
Hertz = npt.NDArray[np.floating]
Curve = Callable[[Hertz], npt.NDArray[np.float64]]


def generator(*names: str | int) -> np.random.Generator:
    """Return the random generator of some names.

    Parameters
    ----------
    *names : str or int
        Such as the seed of the corpus, a genre, a track number. Their UTF-8 bytes are the seed, which is
        independent of Python's salted `hash`.

    Returns
    -------
    np.random.Generator

    Examples
    --------
    >>> int(generator(0, "blues", 7).integers(100)) == int(generator(0, "blues", 7).integers(100))
    True
    """
    return np.random.default_rng(np.random.SeedSequence(list("/".join(map(str, names)).encode())))


def band(low_hz: float, high_hz: float) -> Curve:
    """Return the gain over frequency of a gentle band-pass (12 dB an octave below, 18 above)."""

    def gain(hz: Hertz) -> npt.NDArray[np.float64]:
        below = (hz / low_hz) ** 2
        return np.asarray(below / (1 + below) / (1 + (hz / high_hz) ** 3), dtype=np.float64)

    return gain


def noise(rng: np.random.Generator, seconds: float, sample_rate: int, gain: Curve) -> Sound:
    """Draw Gaussian noise from its spectrum.

    The bins are drawn from 0 Hz upward: a lower rate gives the same noise without its highest frequencies,
    and without aliasing. The result is periodic and can be looped.

    Parameters
    ----------
    rng : np.random.Generator
        Use it for one noise only, because the number of values drawn depends on the rate.
    seconds : float > 0
        Length, rounded up to fiftieths, which are whole numbers of samples at all common rates.
    sample_rate : int > 0
        In Hz.
    gain : callable
        Frequencies in Hz -> linear gain.

    Returns
    -------
    np.ndarray [shape=(samples,)], float32
        With a root mean square near 1 for a `gain` of 1 up to 22,050 Hz.
    """
    seconds = math.ceil(seconds * 50) / 50
    samples = round(seconds * sample_rate)
    bins = samples // 2
    drawn = rng.standard_normal((bins, 2))
    hz = np.arange(bins) * (sample_rate / samples)
    spectrum = np.zeros(samples // 2 + 1, dtype=np.complex128)
    spectrum[:bins] = (drawn[:, 0] + 1j * drawn[:, 1]) * gain(hz)
    spectrum[0] = 0.0
    scale = samples / (2 * np.sqrt(22_050 * seconds))
    return np.asarray(np.fft.irfft(spectrum, samples) * scale, dtype=np.float32)
