"""Do sinc filters that move help? MS-SincResNet with cut-offs that stay and with cut-offs that move.

Trains a small MS-SincResNet on real clips in conditions that differ only in how its filters start and are
learned: `hz` learns cut-offs in Hz, as SincNet's code does, where they stay; `mel` learns them in units of
300 mel, as the recipe does. `slow` takes 100 mel; `linear` and `octave` start with bands that are equally
wide in Hz and in octaves. All conditions have the same folds by artist, seeds, initial weights and order of
clips, and are compared on the same test clips, paired. Prints how far the cut-offs moved, the accuracies and
the differences, and draws the moves. Finished runs are not repeated; a stopped run resumes.

    python experiments/sinc_filters.py PATH/TO/clips.csv --weights resnet18.safetensors --out runs/sinc
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.metrics.bootstrap import Estimate
from genrelab.lab.models import build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.reports.filters import bands, draw_moves
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.compare import Pair, compare
from genrelab.lab.training.experiment import Experiment

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

RECIPE = "ms-sincresnet/ms-sincresnet-80-spp"
COLLECTIONS = "gtzan-short,allmusic-previews"
CONDITIONS: dict[str, tuple[str, ...]] = {
    "hz": ("inputs.picture.unit_mel=null", "inputs.picture.unit_hz=1"),
    "mel": ("inputs.picture.unit_mel=300",),
    "slow": ("inputs.picture.unit_mel=100",),
    "linear": ("inputs.picture.spacing=linear",),
    "octave": ("inputs.picture.spacing=octave",),
}
BUDGET = (  # of about five minutes of a core per training
    "inputs.picture.filters=32",
    "inputs.picture.frames=128",
    "audio.segment_seconds=2",
    "audio.overlap=0.75",
    "training.batch_size=16",
    "training.segments_per_clip=1",
    "training.valid_segments_per_clip=2",
    "training.schedule=cosine",
    "training.step_epochs=null",
    "training.step_factor=null",
    "training.warmup_epochs=0",
    "training.warmup_learning_rate=null",
    "voting=mean",
)
FOLDS = 3


def train(
    corpus: Corpus, conditions: list[str], options: argparse.Namespace, budget: tuple[str, ...]
) -> dict[str, list[Run]]:
    """Train what is not trained yet.

    All conditions of a fold and seed come before the next fold: what is finished can be compared.
    """
    runs: dict[str, list[Run]] = {name: [] for name in conditions}
    for seed in options.seeds:
        for fold in range(options.first or FOLDS):
            split = make_split(corpus, f"artist-kfold:{fold}/{FOLDS}", seed=0)
            for name in conditions:
                changes = [
                    *budget,
                    *CONDITIONS[name],
                    f"name=sinc-{name}",
                    f"training.weights={options.weights}",
                ]
                recipe = load_recipe(RECIPE, changes=changes)
                begun = time.process_time()
                run = run_experiment(
                    Experiment(recipe, corpus, split, seed),
                    base=options.out / ("quick" if options.quick else "runs"),
                    device="cpu",
                    model_file=False,
                )
                runs[name].append(run)
                seconds = time.process_time() - begun
                print(f"{name}, seed {seed}, fold {fold}: {seconds:.0f} s of processor time", file=sys.stderr)
    return runs


def banks(run: Run) -> list[tuple[SincFilters, SincFilters]]:
    """Return each bank before and after training."""
    start = build_network(run.recipe, genres=len(run.genres)).frontends
    pairs = []
    for before, after in zip(start.values(), run.network().frontends.values(), strict=True):
        both = zip(cast(Sinc, before).banks, cast(Sinc, after).banks, strict=True)
        pairs += [(cast(SincFilters, old), cast(SincFilters, new)) for old, new in both]
    return pairs


def moves(runs: list[Run]) -> list[dict[str, Any]]:
    """Return how far the cut-offs of each bank moved, over all runs of a condition."""
    by_length: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for run in runs:
        for before, after in banks(run):
            old, new = bands(before), bands(after)
            mel = hz_to_mel(new, scale="htk") - hz_to_mel(old, scale="htk")
            by_length.setdefault(after.length, []).append((np.abs(new - old), np.abs(mel)))
    found = []
    for length, parts in by_length.items():
        hertz, mel = (np.concatenate([each[at].ravel() for each in parts]) for at in (0, 1))
        found.append(
            {
                "taps": length,
                "median_hz": float(np.median(hertz)),
                "largest_hz": float(hertz.max()),
                "median_mel": float(np.median(mel)),
                "largest_mel": float(mel.max()),
            }
        )
    return found


def draw(run: Run, folder: Path) -> None:
    """Draw the moves of each bank of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    for before, after in banks(run):
        if np.abs(bands(before) - bands(after)).max() > 0:
            picture = draw_moves(f"{after.length:,} taps", before, after)
            (folder / f"moves-{after.length}.svg").write_text(picture.document(), encoding="utf-8")


def interval(estimate: Estimate) -> str:
    """Return an estimate in points with its interval."""
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f})"


def compared(runs: dict[str, list[Run]]) -> list[dict[str, Any]]:
    """Compare each condition with the first, with all seeds and with each."""
    first, *others = runs
    seeds = sorted({run.record.seed for run in runs[first]})
    rows = []
    for name in others:
        for chosen in (seeds, *([seed] for seed in (seeds if len(seeds) > 1 else []))):
            some = [run for each in (name, first) for run in runs[each] if run.record.seed in chosen]
            pair: Pair = compare(some).pairs[0]
            rows.append(
                {
                    "condition": name,
                    "against": first,
                    "seeds": chosen,
                    "clips": pair.clips,
                    "accuracies": list(pair.accuracies),
                    "accuracy": pair.difference._asdict(),
                    "balanced_accuracy": pair.balanced_difference._asdict(),
                    "p_value": pair.p_value,
                    "sentence": pair.sentence(),
                    "line": f"{interval(pair.difference)} | {interval(pair.balanced_difference)}",
                }
            )
    return rows


def print_tables(moved: dict[str, list[dict[str, Any]]], rows: list[dict[str, Any]]) -> None:
    """Print the tables as Markdown."""
    print("\n| condition | taps | median move | largest move | median, mel | largest, mel |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, lengths in moved.items():
        for each in lengths:
            hertz = f"{each['median_hz']:.3g} Hz | {each['largest_hz']:.3g} Hz"
            mel = f"{each['median_mel']:.3g} | {each['largest_mel']:.3g}"
            print(f"| {name} | {each['taps']:,} | {hertz} | {mel} |")
    print("\n| condition | seeds | clips | accuracy | points better than the first | balanced |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        ours, theirs = (f"{100 * value:.1f} %" for value in row["accuracies"])
        seeds = " and ".join(map(str, row["seeds"]))
        print(f"| {row['condition']} | {seeds} | {row['clips']} | {ours}, {theirs} | {row['line']} |")
    print()
    for row in rows:
        print(f"seeds {' and '.join(map(str, row['seeds']))}: {row['sentence']}")


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="table of real clips (clips.csv)")
    parser.add_argument("--out", type=Path, default=Path("runs/sinc"), help="folder for runs and pictures")
    parser.add_argument("--conditions", nargs="+", default=["hz", "mel"], choices=list(CONDITIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--first", type=int, metavar="N", help="train and test only the first N of 3 folds")
    parser.add_argument("--weights", default="imagenet", help="of ResNet18: imagenet, none or a file")
    parser.add_argument("--corpus", default=COLLECTIONS, help="collections of the table")
    parser.add_argument("--quick", action="store_true", help="one epoch of one fold and seed: a smoke test")
    options = parser.parse_args()
    if len(set(options.conditions)) < 2:
        parser.error("name two conditions to compare")
    budget: tuple[str, ...] = (*BUDGET, f"training.max_epochs={options.epochs}")
    if options.quick:
        options.seeds, options.first = options.seeds[:1], 1
        small = ("inputs.picture.filters=8", "inputs.picture.lengths=[251]", "training.max_epochs=1")
        budget = (*BUDGET, *small)
    corpus = load_corpus(f"table:{options.clips}?corpus={options.corpus}")
    runs = train(corpus, list(dict.fromkeys(options.conditions)), options, budget)
    moved = {name: moves(made) for name, made in runs.items()}
    for name, made in runs.items():
        draw(made[0], options.out / "pictures" / name)
    rows = compared(runs)
    print_tables(moved, rows)
    result = {"benchmark": "sinc_filters", "budget": budget, "moves": moved, "rows": rows}
    print(json.dumps(result | machine("torch")))


if __name__ == "__main__":
    main()
