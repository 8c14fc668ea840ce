"""Accuracy of each member of an ensemble, and of each smaller ensemble, compared with the whole.

    python experiments/members.py RUN... --corpus SPEC [--exclude FILE]

The runs are the folds of one recipe with the model `together`. The members are the networks that these runs
trained, tested on the same clips. Each row averages the probabilities of some members. Differences are paired
by clip.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from ablation import points
from model_card import row
from torch import Tensor

from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.exclusions import read_exclusions
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.metrics.predictions import Predictions, pool
from genrelab.lab.metrics.summary import figure
from genrelab.lab.models import Body, Scores
from genrelab.lab.models.ensemble import Ensemble
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.compare import compare
from genrelab.lab.training.distillation.unlabelled import leave_out_unlabelled
from genrelab.lab.training.store.audio_store import AudioStore, open_store

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine


class Alone(Body):
    """One member of an ensemble, in place of the ensemble."""

    def __init__(self, body: Ensemble, number: int) -> None:
        super().__init__()
        self.body, self.number = body, number
        self.shortest_frames = body.shortest_frames

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch with that member."""
        scores: Scores = self.body(inputs)
        return scores.members[self.number]


@dataclass(frozen=True)
class SomeRun(Run):
    """A run of an ensemble with the predictions of some members."""

    some: Predictions

    def predictions(self) -> Predictions:
        """Return the predictions of these members on the test part."""
        return self.some


def member_predictions(run: Run, corpus: Corpus, store: AudioStore) -> list[Predictions]:
    """Return the predictions of each member on the test clips of a run."""
    network, clips = run.network(), run.predictions().clips
    together = network.body
    assert isinstance(together, Ensemble)
    found = []
    for number in range(len(together.members)):
        network.body = Alone(together, number)
        found.append(predict(network, TestSet(corpus, clips, store, run.recipe.audio)))
    return found


def without_others(run: Run, members: Sequence[Predictions], numbers: Sequence[int]) -> SomeRun:
    """Return a run whose predictions are the mean probabilities of some members."""
    mean = np.mean([members[number].probabilities for number in numbers], axis=0)
    name = f"{run.record.recipe}, members {numbers}"
    record = run.record.model_copy(update={"recipe": name, "recipe_sha256": name})
    return SomeRun(run.folder / name, run.recipe, record, replace(members[0], probabilities=mean))


def pooled(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Return the accuracy of a system over all folds."""
    predictions = pool([run.predictions() for run in runs])
    return row(name, predictions, predictions)


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folds", nargs="+", type=Path)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--exclude", type=Path, help="list of clips that the folds left out")
    options = parser.parse_args()
    runs = [Run.load(folder) for folder in options.folds]
    corpus = load_corpus(options.corpus)
    corpus = leave_out_unlabelled(corpus, read_exclusions(options.exclude, corpus) if options.exclude else ())
    audio = runs[0].recipe.audio
    store = open_store(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    body = runs[0].network().body
    if not isinstance(body, Ensemble):
        raise SystemExit(f"{options.folds[0]} is not a run of the model `together`: it has no members")
    names = [
        f"{type(member).__name__} on {', '.join(inputs)}"
        for member, inputs in zip(body.members, body.names, strict=True)
    ]
    by_run = [member_predictions(run, corpus, store) for run in runs]
    rows = [{**pooled("together", runs), "difference": None, "alone": None, "p": None}]
    numbers = range(len(names))
    for some in [each for size in range(1, len(names)) for each in combinations(numbers, size)]:
        less = [without_others(run, each, some) for run, each in zip(runs, by_run, strict=True)]
        (pair,) = compare([*less, *runs]).pairs
        rows.append(
            {
                **pooled("; ".join(names[number] for number in some), less),
                "difference": points(pair.balanced_difference),
                "alone": (pair.only_first, pair.only_second),
                "p": pair.p_value,
            }
        )
    print(
        "| system | accuracy | balanced accuracy | top-2 accuracy | difference in points | correct only "
        "| McNemar p |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for each in rows:
        figures = " | ".join(figure(each[key]) for key in ("accuracy", "balanced_accuracy", "top2_accuracy"))
        rest = " | | |" if each["p"] is None else ""
        if each["p"] is not None:
            mine, others = each["alone"]
            rest = f" {each['difference']} | {mine}, together {others} | {each['p']:.3f} |"
        print(f"| {each['system']} | {figures} |{rest}")
    print("\n" + json.dumps({"benchmark": "members", "rows": rows} | machine("torch", "numpy")))


if __name__ == "__main__":
    main()
