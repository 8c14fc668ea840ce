"""Acoustic fingerprint of a clip: the peaks of its spectrogram.

A peak is a local maximum of the spectrogram. Peaks survive changes of level, cuts, noise and lossy encoders
(Wang, "An industrial-strength audio search algorithm", ISMIR 2003). A parabola through the neighbours of each
peak gives its time and frequency with sub-bin precision. A change of speed moves both, and can therefore be
undone on the peaks alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from genrelab.errors import UsageError

Float = npt.NDArray[np.float32]

SAMPLE_RATE = 8_000
_WINDOW, _HOP = 1_024, 256  # samples: 128 ms, 32 ms
_LOWEST, _HIGHEST = 250.0, 3_700.0  # Hz: every encoder and sample rate keeps this range
_REACH_FRAMES, _REACH_BINS = 9, 12  # no other peak within 0.29 s and 94 Hz: about 22 per second in music
_LEAST_CHANGE = 1.0  # dB within its reach in time: a steady tone has no peaks
_FLOOR = -80.0  # dB relative to a full-scale sine; below is silence
_FRAMES_TOGETHER = 4_096


@dataclass(frozen=True)
class Fingerprint:
    """The spectral peaks of a clip, sorted by time.

    Parameters
    ----------
    times : np.ndarray [shape=(peaks,)], float32, in seconds
        Non-decreasing.
    frequencies : np.ndarray [shape=(peaks,)], float32, in Hz
    levels : np.ndarray [shape=(peaks,)], float32, in dB
        0 is a full-scale sine.
    seconds : float
        Length of the clip.
    """

    times: Float
    frequencies: Float
    levels: Float
    seconds: float

    def __len__(self) -> int:
        return len(self.times)

    def played(self, speed: float) -> Fingerprint:
        """Return the fingerprint of the clip played `speed` times as fast, with the pitch changed too."""
        factor = np.float32(speed)
        return Fingerprint(self.times / factor, self.frequencies * factor, self.levels, self.seconds / speed)


def fingerprint(waveform: Float) -> Fingerprint:
    """Find the spectral peaks of a clip.

    Parameters
    ----------
    waveform : np.ndarray [shape=(samples,)], float32
        Mono at `SAMPLE_RATE`.

    Returns
    -------
    Fingerprint
        It has no peaks for silence and steady tones.

    Raises
    ------
    UsageError
        If the waveform is not one-dimensional.

    Examples
    --------
    >>> time = np.arange(2 * SAMPLE_RATE, dtype=np.float32) / SAMPLE_RATE
    >>> beep = np.sin(2 * np.pi * 1000 * time) * np.exp(-((time - 1) ** 2) / 0.01)
    >>> found = fingerprint(beep.astype(np.float32))
    >>> loudest = found.levels.argmax()
    >>> round(float(found.times[loudest]), 2), round(float(found.frequencies[loudest]))
    (1.0, 1000)
    """
    if waveform.ndim != 1:
        message = f"a fingerprint needs one channel [samples], not the shape {waveform.shape}"
        raise UsageError(message, code="fingerprint-channels")
    first = int(_LOWEST * _WINDOW / SAMPLE_RATE)
    level = _levels(waveform, slice(first - 1, int(_HIGHEST * _WINDOW / SAMPLE_RATE) + 1))
    highest = ndimage.maximum_filter1d(level, 2 * _REACH_FRAMES + 1, axis=0)
    highest = ndimage.maximum_filter1d(highest, 2 * _REACH_BINS + 1, axis=1)
    peak = (level == highest) & (level > _FLOOR)
    peak[:, [0, -1]] = False
    frame, bin_ = np.nonzero(peak)
    around = np.clip(frame[:, None] + np.arange(-_REACH_FRAMES, _REACH_FRAMES + 1), 0, len(level) - 1)
    events = level[frame, bin_] - level[around, bin_[:, None]].min(axis=1) >= _LEAST_CHANGE
    frame, bin_ = frame[events], bin_[events]
    height = level[frame, bin_]
    before, after = level[np.maximum(frame - 1, 0), bin_], level[np.minimum(frame + 1, len(level) - 1), bin_]
    # A frame starts half a window before its centre.
    times = (frame + _vertex(before, height, after)) * (_HOP / SAMPLE_RATE) + _WINDOW / 2 / SAMPLE_RATE
    below, above = level[frame, bin_ - 1], level[frame, bin_ + 1]
    frequencies = (first - 1 + bin_ + _vertex(below, height, above)) * (SAMPLE_RATE / _WINDOW)
    order = np.argsort(times, kind="stable")
    return Fingerprint(
        times[order].astype(np.float32),
        frequencies[order].astype(np.float32),
        height[order],
        len(waveform) / SAMPLE_RATE,
    )


def _levels(waveform: Float, bins: slice) -> Float:
    """Return the spectrogram in dB, `[frames, bins]`."""
    padded = np.pad(waveform, (0, max(0, _WINDOW - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    full_scale = float(window.sum()) / 2
    parts = []
    for start in range(0, len(frames), _FRAMES_TOGETHER):
        spectrum = fft.rfft(frames[start : start + _FRAMES_TOGETHER] * window, axis=1)[:, bins]
        parts.append(20 * np.log10(np.abs(spectrum) / full_scale + np.float32(1e-7)))
    return np.concatenate(parts)


def _vertex(left: Float, middle: Float, right: Float) -> npt.NDArray[np.float64]:
    """Return the vertex of the parabola through three neighbours, -0.5..0.5 from the middle one."""
    curvature = (left - 2 * middle + right).astype(np.float64)
    curvature[curvature > -1e-6] = -np.inf  # flat: keep the middle
    return np.clip((left - right) / (2 * curvature), -0.5, 0.5)
