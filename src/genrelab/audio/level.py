"""Usable samples: finite and not so large that the network overflows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOUDEST = 1e6
"""The largest usable sample, 120 dB over full scale; larger values are damage, or not float samples."""


def usable(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Return which samples are finite and within +-`LOUDEST`.

    Parameters
    ----------
    samples : np.ndarray, floating point
        Full scale is -1..1.
    """
    fits: npt.NDArray[np.bool_] = np.abs(samples) <= LOUDEST  # False for NaN
    return fits


def describe(sample: float) -> str:
    """Return a description of an unusable sample."""
    if np.isfinite(sample):
        return f"values of {sample:.1e}, far beyond the full scale of -1 to 1"
    return "values that are not finite (NaN or infinity)"
