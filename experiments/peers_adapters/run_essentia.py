"""Essentia with TensorFlow: its algorithm for MusiCNN, with the graph that `freeze_musicnn.py` writes.

The graph is found through the environment variable `ESSENTIA_GRAPH`.
"""

from __future__ import annotations

import os

from answering import Recognize, answer

TAGS = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s"),
    *("alternative rock", "jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul"),
    *("indie rock", "Mellow", "electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies"),
    *("blues", "hard rock", "ambient", "acoustic", "experimental", "female vocalist", "guitar", "Hip-Hop"),
    *("70s", "party", "country", "easy listening", "sexy", "catchy", "funk", "electro", "heavy metal"),
    *("Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy"),
)
"""Those of the Million Song Dataset, in the order of the network."""


def load() -> Recognize:
    """Load the graph once; each file is read at 16 kHz, mono."""
    graph = os.environ.get("ESSENTIA_GRAPH", "")
    if not os.path.isfile(graph):
        raise SystemExit("set ESSENTIA_GRAPH to the file that freeze_musicnn.py wrote")
    import essentia.standard as standard

    predict = standard.TensorflowPredictMusiCNN(graphFilename=graph)

    def recognize(path: str) -> dict[str, float]:
        sound = standard.MonoLoader(filename=path, sampleRate=16000, resampleQuality=4)()
        scores = predict(sound).mean(axis=0).tolist()
        if len(scores) != len(TAGS):
            raise ValueError(f"{len(scores)} scores for {len(TAGS)} tags")
        return dict(zip(TAGS, scores))  # noqa: B905 - Python 3.7

    return recognize


def versions() -> dict[str, str]:
    """Return what decides speed and answers."""
    from importlib.metadata import version

    return {name: version(name) for name in ("essentia-tensorflow", "numpy")}


if __name__ == "__main__":
    answer(load, versions)
