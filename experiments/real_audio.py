"""Accuracy of the recipes on real clips: the tables of docs/results/real-audio.md.

Trains every recipe on every fold of an artist-grouped cross-validation with a small budget, pools the test
parts and prints the tables. Finished runs are not repeated; a stopped run resumes.

    python experiments/real_audio.py PATH/TO/clips.csv --out runs/real
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.metrics.summary import figure
from genrelab.lab.recipes import load_recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.cross_corpus import evaluate_together
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

COLLECTIONS = ("gtzan-short", "emotify", "allmusic-previews")
SEGMENTS = (
    "audio.segment_seconds=3",
    "audio.overlap=0.25",
    "training.schedule=cosine",
    "training.batch_size=16",
    "training.patience=null",
    "training.monitor=valid_loss",
    "training.segments_per_clip=1",
    "training.valid_segments_per_clip=2",
)
SOUNDFUSION = (*SEGMENTS, "training.learning_rate=1e-3", "training.max_epochs=24")
LARGE = (*SEGMENTS, "training.learning_rate=5e-4", "training.max_epochs=6", "training.precision=mixed")
HEAVY = tuple(change for change in LARGE if "max_epochs" not in change) + ("training.max_epochs=3",)
MS_SINCRESNET = (
    *LARGE,
    "training.optimizer=adam",
    "training.nesterov=false",
    "training.step_epochs=null",
    "training.step_factor=null",
    "training.warmup_epochs=0",
    "training.warmup_learning_rate=null",
)
MEL_AUGMENTATION = (
    *LARGE,
    "augment.copies=[]",
    "inputs.picture.height=128",
    "inputs.picture.width=128",
)
PHASES = (  # half of the epochs with a frozen backbone, then the whole network at a tenth of the rate
    *MEL_AUGMENTATION,
    "training.schedule=step",
    "training.step_epochs=3",
    "training.step_factor=0.1",
    "training.frozen_epochs=3",
    "training.learning_rate=1e-3",
)
HEAVY_PHASES = (
    *(change for change in PHASES if "epochs" not in change),
    "training.step_epochs=2",
    "training.frozen_epochs=2",
    "training.max_epochs=4",
)
WHOLE_CLIPS = tuple(
    change for change in LARGE if not change.startswith(("audio.", "training.valid_segments_per_clip"))
)
BUDGETS = {
    "resnet1d-s": SOUNDFUSION,
    "resnet2d-s": SOUNDFUSION,
    "soundfusion-1": SOUNDFUSION,
    "simple-cnn": SOUNDFUSION,
    "simple-vgg": SOUNDFUSION,
    "nnet1": LARGE,
    "nnet2": HEAVY,
    "resnet18": LARGE,
    "resnet18-imagenet": LARGE,
    "resnet34": LARGE,
    "vgg16-gtzan": HEAVY,
    "fds/cnn-3s": LARGE,
    "fds/resnet18-3s": LARGE,
    "fds/late-fusion-3s": LARGE,
    "mel-augmentation/cnn": MEL_AUGMENTATION,
    "mel-augmentation/mobilenet-fine-tuned": PHASES,
    "mel-augmentation/vgg16-fine-tuned": HEAVY_PHASES,
    "mfcc-cqt/descriptor-mlp": SOUNDFUSION,
    "mfcc-cqt/cnn": WHOLE_CLIPS,
    "sincnet-80-251": MS_SINCRESNET,
    "resnet18-mel": MS_SINCRESNET,
    "sincresnet-80-251": MS_SINCRESNET,
    "ms-sincresnet-80-spp": MS_SINCRESNET,
}


def measure(
    recipe: str, corpus: Corpus, out: Path, *, folds: int, tested: int, budget: tuple[str, ...]
) -> dict[str, Any]:
    """Train and test one recipe on the first `tested` of `folds` folds; return its row."""
    runs: list[Run] = []
    for fold in range(tested):
        print(f"{recipe}, fold {fold + 1} of {folds}", file=sys.stderr)
        split = make_split(corpus, f"artist-kfold:{fold}/{folds}", seed=0)
        experiment = Experiment(load_recipe(recipe, changes=budget), corpus, split, 0)
        runs.append(run_experiment(experiment, base=out))
    evaluation = evaluate_together(runs, runs[0].folder.parent / "together").evaluation.model_dump()
    track = evaluation["track"]["majority"]
    return {
        "recipe": recipe,
        "parameters": runs[0].record.parameters,
        "training_minutes": round(sum(run.record.training_seconds for run in runs) / 60, 1),
        "tracks": track["n"],
        "artists": track["groups"],
        "segment_accuracy": evaluation["segment"]["accuracy"],
        "track_accuracy": track["accuracy"],
        "track_balanced_accuracy": track["balanced_accuracy"],
        "track_top2_accuracy": track["top2_accuracy"],
        "most_frequent_genre": max(scores["support"] for scores in track["by_genre"].values()) / track["n"],
        "last_train_accuracy": [read_history(run.folder)[-1]["train_accuracy"] for run in runs],
        "recall": {genre: scores["recall"] for genre, scores in track["by_genre"].items()},
        "collections": by_collection(runs, corpus),
    }


def start(recipe: str, weights: list[str]) -> list[str]:
    """Return the change of the recipe that sets its initial weights, from the options `[NETWORK=]FILE`."""
    network = str(load_recipe(recipe).model.options().get("architecture", "resnet18"))
    for each in weights:
        name, equals, source = each.rpartition("=")
        if not equals or network.startswith(name):
            return [f"training.weights={source}"]
    return []


def by_collection(runs: list[Run], corpus: Corpus) -> dict[str, dict[str, int]]:
    """Return the number of correct majority votes and of tracks in each collection."""
    parts = {clip.id: clip.path.parts if clip.path else () for clip in corpus.clips}
    found: Counter[tuple[str, bool]] = Counter()
    for run in runs:
        answers = run.predictions().tracks("majority")
        for clip_id, truth, order in zip(answers.clip_ids, answers.truth, answers.orders, strict=True):
            collection = next(name for name in COLLECTIONS if name in parts[clip_id])
            found[collection, bool(order[0] == truth)] += 1
    return {
        name: {"right": found[name, True], "tracks": found[name, True] + found[name, False]}
        for name in COLLECTIONS
    }


def print_tables(rows: list[dict[str, Any]]) -> None:
    """Print the tables as Markdown."""
    keys = ("segment_accuracy", "track_accuracy", "track_balanced_accuracy", "track_top2_accuracy")
    print("\n| recipe | parameters | segments | tracks | tracks, balanced | tracks, top 2 | minutes |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        figures = " | ".join(figure(row[key]) for key in keys)
        print(f"| {row['recipe']} | {row['parameters']:,} | {figures} | {row['training_minutes']:.0f} |")
    print(f"\n{rows[0]['tracks']} tracks, {rows[0]['artists']} artists or clips of unknown artist.")
    print(
        f"Always predicting the most frequent genre: {100 * rows[0]['most_frequent_genre']:.1f} % of tracks."
    )
    for row in rows:
        learned = ", ".join(f"{100 * share:.0f} %" for share in row["last_train_accuracy"])
        print(f"{row['recipe']}: training accuracy in the last epoch, on augmented segments: {learned}")
    print("\n| accuracy | " + " | ".join(COLLECTIONS) + " |")
    print("| --- |" + " ---: |" * len(COLLECTIONS))
    for row in rows:
        shares = (row["collections"][name] for name in COLLECTIONS)
        cells = " | ".join(f"{100 * s['right'] / max(1, s['tracks']):.0f} % of {s['tracks']}" for s in shares)
        print(f"| {row['recipe']} | {cells} |")
    genres = list(rows[0]["recall"])
    print("\n| recall | " + " | ".join(row["recipe"] for row in rows) + " |")
    print("| --- |" + " ---: |" * len(rows))
    for genre in genres:
        print(f"| {genre} | " + " | ".join(figure(row["recall"][genre]) for row in rows) + " |")


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="table of real clips (clips.csv)")
    parser.add_argument("--out", type=Path, default=Path("runs/real"), help="folder for the run folders")
    parser.add_argument("--recipes", nargs="+", default=list(BUDGETS), choices=list(BUDGETS), metavar="NAME")
    parser.add_argument(
        "--weights",
        nargs="*",
        default=[],
        metavar="[NETWORK=]FILE",
        help="initial weights in place of ImageNet's: a file or none, for all networks or one",
    )
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--first", type=int, metavar="N", help="train and test only the first N folds")
    parser.add_argument("--quick", action="store_true", help="one epoch: a smoke test")
    options = parser.parse_args()
    corpus = load_corpus(f"table:{options.clips}?corpus={','.join(COLLECTIONS)}")
    out = options.out / "quick" if options.quick else options.out
    rows = []
    for recipe in options.recipes:
        budget = BUDGETS[recipe]
        if load_recipe(recipe).training.weights == "imagenet":
            budget = (*budget, *start(recipe, options.weights))
        if options.quick:
            budget = (*budget, "training.max_epochs=1")
        tested = min(options.folds, options.first or options.folds)
        rows.append(measure(recipe, corpus, out, folds=options.folds, tested=tested, budget=budget))
    print_tables(rows)
    print(json.dumps({"benchmark": "real_audio", "budgets": BUDGETS, "rows": rows} | machine("torch")))


if __name__ == "__main__":
    main()
