"""genrelab itself, with the model that comes with it."""

from __future__ import annotations

from answering import Recognize, answer


def load() -> Recognize:
    """Load the packaged model, on one thread."""
    from genrelab import Recognizer

    recognizer = Recognizer.load(threads=1)

    def recognize(path: str) -> dict[str, float]:
        said = recognizer(path)
        if said.error is not None:
            raise ValueError(said.error)
        return {ranked.genre: ranked.probability for ranked in said.genres}

    return recognize


def versions() -> dict[str, str]:
    """Return what decides speed and answers."""
    from importlib.metadata import version

    return {name: version(name) for name in ("genrelab", "onnxruntime", "numpy")}


if __name__ == "__main__":
    answer(load, versions)
