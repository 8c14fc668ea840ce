"""Mix a waveform to mono block by block, without the silence that channels of opposite phase would leave.

Where the mean of the channels is `CANCELLED_DB` or more below the channels themselves, the first (left)
channel replaces it, or the loudest channel if the first is clearly quieter. The choice is made for each
tenth of a second, on a grid that does not depend on which part of the file is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from genrelab.audio.channels import Waveform, match_channels

CANCELLED_DB = -40.0
"""A mix that is this far below its channels counts as cancelled."""

_WINDOWS_PER_SECOND = 10
_QUIETER = 0.25  # of the loudest channel's power, below which the first channel is not used
_SAMPLED = 8  # stride of a first, cheap check


def mix_window(sample_rate: int) -> int:
    """Return the samples of a window, for which one way to mix is chosen; windows begin at 0."""
    return max(1, sample_rate // _WINDOWS_PER_SECOND)


def mix(blocks: Iterable[Waveform], channels: int | None, sample_rate: int) -> Iterator[Waveform]:
    """Mix the blocks of a waveform to one or two channels.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(channels, samples)], float32
        Consecutive pieces of one waveform; the first begins at a multiple of `mix_window`.
    channels : {1, 2} or None
        Channels wanted, made by `match_channels`; None leaves them as they are.
    sample_rate : int > 0
        In Hz.

    Yields
    ------
    np.ndarray [shape=(channels, samples)], float32
    """
    window = mix_window(sample_rate)
    held: list[Waveform] = []
    n_held = 0
    for block in blocks:
        if channels != 1 or block.shape[0] == 1:
            yield block if channels is None else match_channels(block, channels)
            continue
        held.append(block)
        n_held += block.shape[1]
        if n_held < window:
            continue
        joined = np.concatenate(held, axis=1) if len(held) > 1 else block
        whole = n_held - n_held % window
        yield _to_mono(joined[:, :whole], window)
        held, n_held = [joined[:, whole:]], n_held - whole
    if n_held:
        yield _to_mono(np.concatenate(held, axis=1), n_held)


def _to_mono(samples: Waveform, window: int) -> Waveform:
    """Mix windows of samples."""
    mono = match_channels(samples, 1)
    some = max(1, min(_SAMPLED, window // _SAMPLED))
    windows = samples.reshape(samples.shape[0], -1, window)
    cancelled = _cancelled(windows[:, :, ::some], mono.reshape(1, -1, window)[:, :, ::some])
    if not cancelled.any():
        return mono
    cancelled &= _cancelled(windows, mono.reshape(1, -1, window))
    mixed = mono.reshape(-1, window).copy()
    for number in np.flatnonzero(cancelled):
        power = np.square(windows[:, number]).mean(axis=1)
        first_is_loud = power[0] >= _QUIETER * power.max()
        mixed[number] = windows[0 if first_is_loud else int(power.argmax()), number]
    return mixed.reshape(1, -1)


def _cancelled(windows: npt.NDArray[np.float32], mono: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Whether, in each window `[channels, windows, samples]`, the mean is far below the channels."""
    loud = np.square(windows, dtype=np.float32).mean(axis=(0, 2))
    mixed = np.square(mono, dtype=np.float32).mean(axis=(0, 2))
    lost: npt.NDArray[np.bool_] = mixed < loud * 10.0 ** (CANCELLED_DB / 10.0)
    return lost
