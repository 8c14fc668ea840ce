"""A sound in which every band of a picture moves."""

from __future__ import annotations

import numpy as np


def music(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """Return tones, a beat and noise, in double precision: (channels, samples)."""
    rng = np.random.default_rng(3)
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sign(np.sin(2 * np.pi * 110 * time))
    beat = (time % 0.5 < 0.05) * rng.normal(0, 0.3, time.size)
    sound: np.ndarray = tone + beat + rng.normal(0, 0.01, (channels, time.size))
    return sound
