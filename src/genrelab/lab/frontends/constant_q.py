"""Constants of the constant-Q transform: a kernel for each bin, and the filter between octaves.

The kernels of `librosa.cqt`: a complex tone under a Hann window of Q periods, whose spectrum loses its
negative frequencies and its smallest values, up to a sum of 1 %. One octave lower, the same kernels are
applied to the signal at half the rate, made by librosa's `soxr_hq` resampler.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_SPARSITY = 0.01
_HANN_BANDWIDTH = 1.5  # of the window's main lobe, in bins: how far above its centre a kernel still responds

# soxr's high-quality filter for half the rate is a windowed sinc. Its impulse response, read from soxr,
# is this one to -96 dB: taps on each side, cut-off in units of the new Nyquist frequency, Kaiser's beta.
_HALF_TAPS = 194
_CUTOFF = 0.956872
_KAISER_BETA = 12.974


class Octave(NamedTuple):
    """One octave of the transform, or the rest of one at the bottom.

    Attributes
    ----------
    halvings : int
        How often the rate is halved between the octave above (or the input) and this one.
    hop_length : int, in samples of its rate
    kernels : np.ndarray [shape=(2, bins, n_fft)]
        Real and imaginary parts, lowest bin first. Their products with a frame give librosa's numbers,
        including its scaling by the root of the window's length.
    """

    halvings: int
    hop_length: int
    kernels: npt.NDArray[np.float32]


def halving_filter() -> Floats:
    """Return the low-pass taps, 389 with a sum of 1, that precede keeping every second sample."""
    place = np.arange(-_HALF_TAPS, _HALF_TAPS + 1)
    taps = np.sinc(place * _CUTOFF / 2.0) * np.kaiser(place.size, _KAISER_BETA)
    return np.asarray(taps / taps.sum())


def bin_frequencies(*, fmin: float, n_bins: int, bins_per_octave: int) -> Floats:
    """Return the centre frequencies in Hz (`librosa.cqt_frequencies`)."""
    return np.asarray(fmin * 2.0 ** (np.arange(n_bins) / bins_per_octave))


def relative_bandwidth(bins_per_octave: int) -> float:
    """Return 1 / Q: bandwidth over centre frequency where neighbours are evenly spaced."""
    ratio = 2.0 ** (2.0 / bins_per_octave)
    return float((ratio - 1.0) / (ratio + 1.0))


def highest_frequency(frequencies: Floats, *, bins_per_octave: int) -> float:
    """Return the highest frequency, in Hz, that the kernels of these bins cover."""
    return float(frequencies.max() * (1.0 + 0.5 * _HANN_BANDWIDTH * relative_bandwidth(bins_per_octave)))


def octaves(
    *, sample_rate: float, frequencies: Floats, bins_per_octave: int, hop_length: int
) -> list[Octave]:
    """Return the octaves from the highest down.

    The rate is halved from one octave to the next while the hop is even; before the first as often as its
    frequencies and the number of later halvings allow.

    Parameters
    ----------
    sample_rate : float > 0, in Hz
    frequencies : np.ndarray [shape=(n_bins,)], in Hz
        Rising; the highest reaches no further than half the sample rate.
    bins_per_octave : int > 0
    hop_length : int > 0, in samples
    """
    count = -(-frequencies.size // bins_per_octave)
    bandwidth = relative_bandwidth(bins_per_octave)
    lengths = sample_rate / (bandwidth * frequencies)
    room = sample_rate / 2.0 / highest_frequency(frequencies, bins_per_octave=bins_per_octave)
    twos = (hop_length & -hop_length).bit_length() - 1
    halvings = max(0, min(int(np.ceil(np.log2(room))) - 2, twos - count + 1))
    found, end = [], frequencies.size
    for _ in range(count):
        hop_length //= 2**halvings
        sample_rate /= 2**halvings
        bins = slice(max(0, end - bins_per_octave), end)
        kernels = _kernels(frequencies[bins], sample_rate=sample_rate, bandwidth=bandwidth)
        kernels *= np.sqrt(lengths[bins, None])
        parts = np.stack([kernels.real, kernels.imag]).astype(np.float32)
        found.append(Octave(halvings, hop_length, parts))
        halvings = 1 - hop_length % 2
        end -= bins_per_octave
    return found


def _kernels(frequencies: Floats, *, sample_rate: float, bandwidth: float) -> npt.NDArray[np.complex128]:
    """Return complex kernels `[bins, n_fft]` that give an amplitude of 1 half of 1."""
    lengths = sample_rate / (bandwidth * frequencies)
    n_fft = 2 ** int(np.ceil(np.log2(lengths.max())))
    tones = np.zeros((frequencies.size, n_fft), dtype=np.complex128)
    for tone, length, frequency in zip(tones, lengths, frequencies, strict=True):
        time = np.arange(-length // 2, length // 2)
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(time.size) / time.size)
        begin = (n_fft - time.size) // 2
        phase = 2.0 * np.pi * frequency / sample_rate * time
        tone[begin : begin + time.size] = window / window.sum() * np.exp(1j * phase)
    spectrum = np.fft.fft(tones)[:, : n_fft // 2 + 1]
    # librosa multiplies this spectrum with each frame's; transformed again, it applies to the frame itself.
    return np.asarray(np.fft.fft(_without_smallest(spectrum), n=n_fft) / n_fft)


def _without_smallest(spectrum: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """Set to zero the smallest values of each row that sum up to 1 % (`librosa.util.sparsify_rows`)."""
    size = np.abs(spectrum)
    order = np.sort(size, axis=1)
    share = np.cumsum(order / size.sum(axis=1, keepdims=True), axis=1)
    least = np.take_along_axis(order, np.argmax(share >= _SPARSITY, axis=1)[:, None], axis=1)
    return np.where(size >= least, spectrum, 0.0)
