"""Faults of single clips: silence, clipping, and wrong length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genrelab.lab.corpora.types import Waveform

FaultKind = Literal["unreadable", "cut off", "left out", "silent", "clipped", "short", "length", "odd length"]

#: Description of each kind, for the page and the documentation.
KINDS: Mapping[FaultKind, str] = {
    "unreadable": "the file is missing, damaged or not a sound file",
    "cut off": "the file ends earlier than its header says",
    "left out": "the loader of the corpus skipped the clip",
    "silent": "more than half of the clip is silence",
    "clipped": "more than one sample in a thousand is part of a flat top at full scale",
    "short": "the clip is shorter than the requested minimum",
    "length": "the length of the clip differs from the corpus",
    "odd length": "the length of the clip differs from nearly all others",
}

_FRAME_SECONDS = 0.05
_SILENCE = 10 ** (-60 / 20)  # root mean square; full scale is 1
_MOST_SILENCE = 0.5
_FULL_SCALE = 0.999
_STEP = 1 / 32_768  # of 16 bits
_FEWEST_TOGETHER = 3  # consecutive samples at full scale that form a flat top
_MOST_CLIPPED = 0.001
_LENGTH_SECONDS, _LENGTH_SHARE = 0.5, 0.01  # the length must differ by more than both
_USUAL_SHARE, _USUAL_SPREAD, _ODD = 0.9, 0.05, 0.1
_FEWEST_FOR_USUAL = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a clip.

    Parameters
    ----------
    clip_id : str
    kind : str
        One of `KINDS`.
    detail : str
        In words, with numbers.
    """

    clip_id: str
    kind: FaultKind
    detail: str


def silent_share(waveform: Waveform, sample_rate: int) -> float:
    """Return the share of frames of 50 ms whose root mean square is below -60 dB of full scale.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
        At least one sample. A frame is silent if all its channels are.
    sample_rate : int > 0, in Hz
    """
    size = min(max(1, round(_FRAME_SECONDS * sample_rate)), waveform.shape[1])
    whole = waveform[:, : waveform.shape[1] // size * size].reshape(len(waveform), -1, size)
    power = np.einsum("cfs,cfs->cf", whole, whole) / size
    return float((power.max(axis=0) < _SILENCE**2).mean())


def clipped_share(waveform: Waveform) -> float:
    """Return the share of samples in flat tops: at least three equal samples in a row at full scale.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
        Peaks beyond full scale, which lossy decoders produce, are not flat and do not count.
    """
    if not waveform.size or float(np.abs(waveform).max()) < _FULL_SCALE:
        return 0.0
    clipped = 0
    for channel in waveform:
        level = (np.abs(channel[1:]) >= _FULL_SCALE) & (np.abs(np.diff(channel)) <= _STEP)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], level, [False]]).astype(np.int8)))
        runs = edges[1::2] - edges[::2] + 1  # a run of n equal steps has n + 1 samples
        clipped += int(runs[runs >= _FEWEST_TOGETHER].sum())
    return clipped / waveform.size


def faults_of_sound(
    clip_id: str, waveform: Waveform, sample_rate: int, *, stated: float | None, shortest: float
) -> list[Fault]:
    """Find the faults in the sound of a clip.

    Parameters
    ----------
    clip_id : str
    waveform : np.ndarray [shape=(channels, samples)], float32
        At least one sample.
    sample_rate : int > 0, in Hz
    stated : float or None, in seconds
        Length according to the corpus.
    shortest : float, in seconds
        A shorter clip is a fault.

    Returns
    -------
    list of Fault
    """
    seconds = waveform.shape[1] / sample_rate
    found: list[Fault] = []
    silent, clipped = silent_share(waveform, sample_rate), clipped_share(waveform)
    if silent > _MOST_SILENCE:
        found.append(Fault(clip_id, "silent", f"{100 * silent:.0f} % of the time is below -60 dB"))
    if clipped > _MOST_CLIPPED:
        found.append(Fault(clip_id, "clipped", f"{100 * clipped:.2g} % of the samples lie in flat tops"))
    if seconds < shortest:
        found.append(Fault(clip_id, "short", f"{seconds:.2f} s, less than {shortest:g} s"))
    if stated is not None and abs(seconds - stated) > max(_LENGTH_SECONDS, _LENGTH_SHARE * stated):
        found.append(Fault(clip_id, "length", f"{seconds:.2f} s, the corpus says {stated:.2f} s"))
    return found


def odd_lengths(seconds: Mapping[str, float]) -> list[Fault]:
    """Find the clips whose length differs from the rest, if nearly all clips have the same length.

    Parameters
    ----------
    seconds : mapping of str to float
        Clip id -> length.

    Returns
    -------
    list of Fault
        Empty with fewer than ten clips, or if less than 90 % are within 5 % of the median.
    """
    if len(seconds) < _FEWEST_FOR_USUAL:
        return []
    lengths = np.array(list(seconds.values()))
    usual = float(np.median(lengths))
    if (np.abs(lengths - usual) <= _USUAL_SPREAD * usual).mean() < _USUAL_SHARE:
        return []
    return [
        Fault(clip_id, "odd length", f"{length:.2f} s, nearly all others {usual:.2f} s")
        for clip_id, length in seconds.items()
        if abs(length - usual) > _ODD * usual
    ]
