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
    """Return the generator that belongs to some names.

    Parameters
    ----------
    *names : str or int
        E.g. the corpus's seed, a genre, a track number. Their UTF-8 bytes seed it, so it does not
        depend on Python's salted `hash`.

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
    """Draw Gaussian noise by its spectrum.

    The bins are drawn from 0 Hz upward, so a lower rate gives the same noise with its top cut off,
    and nothing aliases. The result is periodic: it can be repeated without a seam.

    Parameters
    ----------
    rng : np.random.Generator
        Where it comes from; used up to a point that depends on the rate, so for one noise only.
    seconds : float > 0
        Its length, rounded up to fiftieths: whole numbers of samples at all usual rates.
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
