"""Mix any number of channels to mono or stereo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError

Waveform = npt.NDArray[np.float32]

# Number of channels -> the channels of the left side, the right side and both sides, in the order of WAV and
# FFmpeg (front left, front right, centre, low frequencies, back, side). Without the low-frequency channel,
# as in ITU-R BS.775.
_SIDES: dict[int, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    3: ((0,), (1,), (2,)),
    4: ((0, 2), (1, 3), ()),
    5: ((0, 3), (1, 4), (2,)),
    6: ((0, 4), (1, 5), (2,)),
    7: ((0, 5), (1, 6), (2, 4)),
    8: ((0, 4, 6), (1, 5, 7), (2,)),
}


def match_channels(waveform: Waveform, channels: int) -> Waveform:
    """Mix a waveform to one or two channels.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
    channels : {1, 2}
        Channels wanted.

    Returns
    -------
    np.ndarray [shape=(channels, samples)], float32
        Mono is the mean of all channels. Stereo is, from mono, the same twice; from 3 to 8 channels, for
        each side the mean of its speakers and of the centre ones, without the low-frequency channel;
        from more, the mean of the even-numbered and of the odd-numbered channels.

    Raises
    ------
    UsageError
        If the waveform has no channel or is not two-dimensional, or `channels` is not 1 or 2.

    Examples
    --------
    >>> match_channels(np.float32([[1, 0], [0, 1]]), 1).tolist()
    [[0.5, 0.5]]
    """
    if waveform.ndim != 2 or waveform.shape[0] == 0:
        raise UsageError(
            f"a waveform is [channels, samples] with at least one channel, not {waveform.shape}",
            code="waveform-shape",
        )
    if channels not in (1, 2):
        raise UsageError(f"a waveform can be mixed to 1 or 2 channels, not {channels}", code="channel-count")
    present = waveform.shape[0]
    if present == channels:
        return waveform.astype(np.float32, copy=False)
    if channels == 1:
        mono: Waveform = waveform.mean(axis=0, keepdims=True, dtype=np.float32)
        return mono
    if present == 1:
        return np.repeat(waveform, 2, axis=0).astype(np.float32, copy=False)
    left, right, both = _SIDES.get(present, (tuple(range(0, present, 2)), tuple(range(1, present, 2)), ()))
    sides = [waveform[list(side + both)].mean(axis=0, dtype=np.float32) for side in (left, right)]
    return np.stack(sides)
