"""How much each part of a recipe contributes: compare runs that differ in one setting with the whole recipe.

    python experiments/ablation.py BASE OTHER...

Each argument is a folder that `genrelab train` got as `--out`; it holds all folds and seeds of one recipe.
Each row names the settings in which its recipe differs. Differences are paired by clip and by seed: a row is
compared with the runs of the whole recipe that have the same seeds. With several seeds, a clip counts as the
share of seeds that predict it correctly; McNemar's test needs one prediction per clip, so it is omitted.
p-values are not corrected for the number of rows.
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
    "| changed | seeds | balanced accuracy, per seed | difference in points "
    "| correct only: whole, changed | McNemar p |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |"
)


def runs_in(folder: Path) -> list[Run]:
    """Load all finished runs in a folder and its subfolders."""
    found = [Run.load(path.parent) for path in sorted(folder.rglob(METRICS))]
    if not found:
        raise SystemExit(f"{folder} holds no finished run; give the --out folder of `genrelab train`")
    return found


def changes(whole: Any, changed: Any, name: str = "") -> list[str]:
    """Return `name=value` for each setting of `changed` that differs from `whole`."""
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
    """Return the settings of a run's recipe, without its title, sources and notes."""
    return run.recipe.model_dump(
        mode="json", include={"audio", "inputs", "augment", "model", "training", "distill"}
    )


def seed_of(run: Run) -> int:
    """Return the seed of a run."""
    return run.record.seed


def balanced(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the balanced accuracy of each seed over all folds, with its interval."""
    found = []
    for seed in sorted({seed_of(run) for run in runs}):
        folds = [run.predictions() for run in runs if seed_of(run) == seed]
        scores = evaluate(pool(folds), seed=0).track[runs[0].recipe.voting].to_dict()
        found.append(scores["balanced_accuracy"])
    return found


def points(estimate: Estimate) -> str:
    """Format a difference and its interval in percentage points."""
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.1f}" if math.isnan(low) else f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def row(whole: Sequence[Run], other: Sequence[Run]) -> dict[str, Any]:
    """Compare the runs of a changed recipe with those of the whole recipe that have the same seeds."""
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
    """Format the two cells with the seeds and their balanced accuracy."""
    return f"{', '.join(map(str, seeds))} | {'; '.join(figure(each) for each in figures)}"


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base", type=Path, help="folder with the runs of the whole recipe")
    parser.add_argument("others", type=Path, nargs="+", help="folders with the runs of changed recipes")
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
