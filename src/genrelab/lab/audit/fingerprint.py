"""What a clip is known by: the peaks of its spectrogram.

A peak is a point of the spectrogram that is louder than all around it. Peaks stay where they are when music
is made softer, cut, mixed with noise or passed through a lossy encoder (Wang, "An industrial-strength audio
search algorithm", ISMIR 2003). Here each has a time and a frequency finer than the grid, by a parabola
through its neighbours, so that a change of speed, which moves both, can be undone on the peaks alone.
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
_LOWEST, _HIGHEST = 250.0, 3_700.0  # Hz: what every encoder and every sample rate keeps
_REACH_FRAMES, _REACH_BINS = 9, 12  # a peak is alone within 0.29 s and 94 Hz: about 22 a second in music
_LEAST_CHANGE = 1.0  # dB within its reach in time: a steady tone has no events
_FLOOR = -80.0  # dB below a sine of full scale; softer is silence
_FRAMES_TOGETHER = 4_096


@dataclass(frozen=True)
class Fingerprint:
    """The spectral peaks of a clip, in the order of their times.

    Parameters
    ----------
    times : np.ndarray [shape=(peaks,)], float32, in seconds
        Not decreasing.
    frequencies : np.ndarray [shape=(peaks,)], float32, in Hz
    levels : np.ndarray [shape=(peaks,)], float32, in dB
        0 is a sine of full scale.
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
        """Return the fingerprint of the clip played `speed` times as fast, as by a tape or a resampler."""
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
        Without peaks for silence and steady tones.

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
        raise UsageError(
            f"a fingerprint is made of one channel [samples], not of {waveform.shape}",
            code="fingerprint-channels",
        )
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
    # The first sample of a frame is half a window before its middle.
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
    """Return where the parabola through three neighbours is highest, -0.5..0.5 from the middle one."""
    curvature = (left - 2 * middle + right).astype(np.float64)
    curvature[curvature > -1e-6] = -np.inf  # flat: stay in the middle
    return np.clip((left - right) / (2 * curvature), -0.5, 0.5)
