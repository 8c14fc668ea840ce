"""musicnn (Pons and Serra 2019): its `extractor`, with the network for the Million Song Dataset."""

from __future__ import annotations

from answering import Recognize, answer

MODEL = "MSD_musicnn"


def load() -> Recognize:
    """Import musicnn, which imports TensorFlow; each call builds the network and reads its weights again."""
    from musicnn.extractor import extractor

    def recognize(path: str) -> dict[str, float]:
        taggram, tags = extractor(path, model=MODEL, extract_features=False)
        return dict(zip(tags, taggram.mean(axis=0).tolist()))  # noqa: B905 - Python 3.7

    return recognize


def versions() -> dict[str, str]:
    """Return what decides speed and answers."""
    import librosa
    import tensorflow

    modules = {"tensorflow": tensorflow, "librosa": librosa}
    return {"musicnn": "0.1.0", **{name: vars(module)["__version__"] for name, module in modules.items()}}


if __name__ == "__main__":
    answer(load, versions)
