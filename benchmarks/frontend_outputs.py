"""Epochs with kept outputs of front-ends, and without: the same training twice, on synthetic music.

The recipe `mfcc-cqt/descriptor-mlp` trains on clips of 30 s, with outputs computed in every epoch, then with
outputs that are computed once. Everything but the time must be equal: losses and accuracies of all epochs,
the weights, and the probabilities of the test. The script exits with 1 otherwise.

    python benchmarks/frontend_outputs.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from machine import machine

from genrelab.lab import Experiment, load_corpus, load_recipe, make_split
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.store.frontend_outputs import VARIABLE
from genrelab.lab.training.train import train

RECIPE = "mfcc-cqt/descriptor-mlp"


class Trained(NamedTuple):
    """A training: its figures, and how long each epoch and the whole took, in seconds."""

    figures: list[dict[str, float]]
    weights: dict[str, torch.Tensor]
    probabilities: Any
    epochs: list[float]
    whole: float


def trained(kept: str, folder: Path, *, clips: int, seconds: int, epochs: int) -> Trained:
    """Train with `GENRELAB_FRONTEND_CACHE` set to `kept`."""
    os.environ[VARIABLE] = kept
    corpus = load_corpus(f"synthetic:tracks={clips},seconds={seconds}")
    changes = [f"audio.segment_seconds={seconds - 0.1}", f"training.max_epochs={epochs}"]
    experiment = Experiment(
        load_recipe(RECIPE, changes=changes), corpus, make_split(corpus, "artist", seed=0), 0
    )
    _ = experiment.store  # decoded before the clock starts
    folder.mkdir()
    began = time.perf_counter()
    found = train(experiment, folder=folder, device="cpu")
    tested = TestSet(corpus, experiment.roles.tested, experiment.store, experiment.recipe.audio)
    probabilities = predict(found.network, tested, device="cpu").probabilities
    whole = time.perf_counter() - began
    history = read_history(folder)
    figures = [{key: value for key, value in row.items() if key != "seconds"} for row in history]
    took = [row["seconds"] for row in history]
    return Trained(figures, dict(found.network.state_dict()), probabilities, took, whole)


def main() -> None:
    """Print both trainings and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few clips of 10 s")
    quick = parser.parse_args().quick
    size = {"clips": 5, "seconds": 10, "epochs": 3} if quick else {"clips": 10, "seconds": 30, "epochs": 4}
    with tempfile.TemporaryDirectory() as place:
        os.environ["GENRELAB_CACHE"] = f"{place}/cache"
        runs = {name: trained(name, Path(place, name), **size) for name in ("off", "16")}
    plain, kept = runs["off"], runs["16"]
    equal = {
        "figures": plain.figures == kept.figures,
        "weights": all(torch.equal(kept.weights[key], value) for key, value in plain.weights.items()),
        "probabilities": bool(np.array_equal(plain.probabilities, kept.probabilities)),
    }
    later = [statistics.median(each.epochs[1:]) for each in (plain, kept)]
    print("outputs of front-ends   epochs (s)                         training and test (s)")
    for name, each in (("in every epoch", plain), ("kept", kept)):
        epochs = "  ".join(f"{seconds:.3f}" for seconds in each.epochs)
        print(f"{name:<24}{epochs:<35}{each.whole:.1f}")
    print(f"an epoch after the first is {later[0] / later[1]:.1f} times as fast")
    print("equal, bit for bit: " + ", ".join(f"{name} {'yes' if ok else 'NO'}" for name, ok in equal.items()))
    result = {"ratio": later[0] / later[1], "whole": plain.whole / kept.whole, "equal": equal}
    print(json.dumps({**result, **size, **machine()}))
    sys.exit(not all(equal.values()))


if __name__ == "__main__":
    main()
