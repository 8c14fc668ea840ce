"""What each part of a recipe is worth: trainings that differ by one setting, against the whole.

    python experiments/ablation.py BASE OTHER...

Each argument is a folder given as `--out` to `genrelab train`: all folds (and seeds) of one training lie
in it. Rows say by themselves in which settings their recipe differs. Differences are paired, clip by clip and
seed by seed: a row is held against the whole recipe's runs of its own seeds. With several seeds a clip
counts by the share of them that are right, and McNemar's test, which wants one answer a clip, is left out.
p is not corrected for the number of rows.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrelab.errors import UsageError
from genrelab.lab.metrics.bootstrap import Estimate
from genrelab.lab.metrics.predictions import pool
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.metrics.summary import figure
from genrelab.lab.runs.folders import METRICS, Run
from genrelab.lab.studies.compare import compare

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

HEAD = (
    "| changed | seeds | balanced, of each seed | difference in points "
    "| right alone: whole, changed | McNemar p |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |"
)


def runs_in(folder: Path) -> list[Run]:
    """Load all finished runs below a folder."""
    found = [Run.load(path.parent) for path in sorted(folder.rglob(METRICS))]
    if not found:
        raise SystemExit(f"{folder} holds no finished run; give what `genrelab train --out` was given")
    return found


def changes(whole: Any, changed: Any, name: str = "") -> list[str]:
    """Return `name=value` of each setting in which one recipe differs from another."""
    if whole == changed:
        return []
    if isinstance(whole, Mapping) and isinstance(changed, Mapping):
        keys = [*whole, *(key for key in changed if key not in whole)]
        inner = [
            changes(whole.get(key), changed.get(key), f"{name}.{key}" if name else str(key)) for key in keys
        ]
        return [text for each in inner for text in each]
    return [f"{name}={json.dumps(changed)}"]


def settings(run: Run) -> dict[str, Any]:
    """Return what a recipe trains and how, without what it says about itself."""
    return run.recipe.model_dump(
        mode="json", include={"audio", "inputs", "augment", "model", "training", "distill"}
    )


def seed_of(run: Run) -> int:
    """Return a run's seed."""
    return run.record.seed


def balanced(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return each seed's balanced accuracy over all folds, with its interval."""
    found = []
    for seed in sorted({seed_of(run) for run in runs}):
        folds = [run.predictions() for run in runs if seed_of(run) == seed]
        scores = evaluate(pool(folds), seed=0).track[runs[0].recipe.voting].to_dict()
        found.append(scores["balanced_accuracy"])
    return found


def points(estimate: Estimate) -> str:
    """Return a difference and its interval in points."""
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.1f}" if math.isnan(low) else f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def row(whole: Sequence[Run], other: Sequence[Run]) -> dict[str, Any]:
    """Hold the folds of one changed recipe against those of the whole one, of the same seeds."""
    names = changes(settings(whole[0]), settings(other[0]))
    seeds = sorted({seed_of(run) for run in other})
    try:
        (pair,) = compare([*other, *(run for run in whole if seed_of(run) in seeds)]).pairs
    except (UsageError, ValueError) as error:
        raise SystemExit(f"{', '.join(names) or other[0].folder}: {error}") from error
    return {
        "changed": names,
        "seeds": seeds,
        "balanced": balanced(other),
        "difference": points(pair.balanced_difference),
        "alone": (pair.only_second, pair.only_first),
        "p": pair.p_value,
    }


def cells(seeds: Sequence[int], figures: Sequence[Any]) -> str:
    """Return the cells of the seeds and of their figures."""
    return f"{', '.join(map(str, seeds))} | {'; '.join(figure(each) for each in figures)}"


def main() -> None:
    """Print the table, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base", type=Path, help="runs of the whole recipe")
    parser.add_argument("others", type=Path, nargs="+", help="runs of recipes that differ")
    options = parser.parse_args()
    whole = runs_in(options.base)
    rows = [row(whole, runs_in(folder)) for folder in options.others]
    seeds = sorted({seed_of(run) for run in whole})
    print(f"{HEAD}\n| nothing | {cells(seeds, balanced(whole))} | | | |")
    for each in rows:
        alone = ", ".join("-" if count is None else str(count) for count in each["alone"])
        p = "-" if each["p"] is None else f"{each['p']:.3f}"
        what = "<br>".join(f"`{text}`" for text in each["changed"])
        print(f"| {what} | {cells(each['seeds'], each['balanced'])} | {each['difference']} | {alone} | {p} |")
    print("\n" + json.dumps({"benchmark": "ablation", "rows": rows} | machine("torch", "numpy")))


if __name__ == "__main__":
    main()
