"""pyAudioAnalysis (Giannakopoulos 2015): its support vector machine for six genres."""

from __future__ import annotations

import os

from answering import Recognize, answer

MODEL = "svm_rbf_musical_genre_6"


def load() -> Recognize:
    """Import pyAudioAnalysis; each call reads the model again."""
    import pyAudioAnalysis
    from pyAudioAnalysis.audioTrainTest import file_classification

    model = os.path.join(os.path.dirname(pyAudioAnalysis.__file__), "data", "models", MODEL)

    def recognize(path: str) -> dict[str, float]:
        _, probabilities, genres = file_classification(path, model, "svm_rbf")
        if len(probabilities) != len(genres):
            raise ValueError("no answer")
        return dict(zip(genres, probabilities))  # noqa: B905 - Python 3.7

    return recognize


def versions() -> dict[str, str]:
    """Return what decides speed and answers."""
    from importlib.metadata import version

    return {name: version(name) for name in ("pyAudioAnalysis", "scikit-learn", "numpy")}


if __name__ == "__main__":
    answer(load, versions)
