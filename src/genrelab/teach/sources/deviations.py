"""How much the segments of a track differ, measured on some tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import Bundle, Prediction
from genrelab.recognize.recognizer import Recognizer

TRACKS = 24
"""Tracks that are processed."""


class Recording(Bundle):
    """A model that keeps what it predicts for segments.

    Attributes
    ----------
    embeddings, probabilities : list of np.ndarray [shape=(n, ...)], float32
    """

    def __init__(self, bundle: Bundle) -> None:
        self.__dict__.update(bundle.__dict__)
        self.embeddings: list[npt.NDArray[np.float32]] = []
        self.probabilities: list[npt.NDArray[np.float32]] = []

    def predict(self, waveforms: npt.NDArray[np.float32]) -> Prediction:
        """Run the network on segments; see `Bundle.predict`."""
        found = super().predict(waveforms)
        self.embeddings.append(found.embeddings)
        self.probabilities.append(found.probabilities)
        return found


def measure_deviations(
    files: Sequence[Path], bundle: Bundle, *, seed: int = 0, step: Callable[[int, int], None] | None = None
) -> npt.NDArray[np.float32]:
    """Process some tracks and compare their segments.

    Parameters
    ----------
    files : sequence of Path
        Some of them are chosen at random; those that cannot be read are skipped.
    bundle : Bundle
    seed : int
    step : callable or None
        Called with the number of processed tracks and that of all.

    Returns
    -------
    np.ndarray [shape=(m, d)], float32
        Embeddings of segments minus the mean of their track, made larger by what the mean takes away. Empty
        if no track has several segments.
    """
    chosen = np.random.default_rng(seed).permutation(len(files))[:TRACKS]
    found = []
    for done, number in enumerate(chosen, start=1):
        recording = Recording(bundle)
        record = Recognizer(recording)(files[number])
        if record.error is None and recording.embeddings:
            segments = np.concatenate(recording.embeddings)
            if len(segments) > 1:
                size = np.sqrt(len(segments) / (len(segments) - 1))
                found.append(((segments - segments.mean(axis=0)) * size).astype(np.float32))
        if step is not None:
            step(done, len(chosen))
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)
