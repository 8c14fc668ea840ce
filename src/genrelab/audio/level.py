"""Which samples are sound: numbers near full scale, and none that overflow on the way to an answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOUDEST = 1e6
"""The greatest level of a sample, 120 dB over full scale: what is above is damage, or of another type."""


def usable(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Return which samples are finite and at most `LOUDEST`, either way.

    Parameters
    ----------
    samples : np.ndarray, floating point
        Full scale is -1..1.
    """
    fits: npt.NDArray[np.bool_] = np.abs(samples) <= LOUDEST  # of NaN it is false
    return fits


def describe(sample: float) -> str:
    """Return words for a sample that is not usable."""
    if np.isfinite(sample):
        return f"values of {sample:.1e}, far beyond the full scale of -1 to 1"
    return "values that are not finite (NaN or infinity)"
