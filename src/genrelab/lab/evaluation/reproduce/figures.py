"""What the runs of a table came to: the paper's figures and ours, each traceable to its runs."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genrelab.lab.evaluation import runs
from genrelab.lab.evaluation.intervals import ClusterBootstrap, Estimate
from genrelab.lab.evaluation.predictions import Predictions, read_predictions
from genrelab.lab.evaluation.record import warnings_of
from genrelab.lab.evaluation.reproduce.table import Row, Table
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.checkpoints import read_history
from genrelab.voting import VotingRule

FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """What was asked for, as the page says it.

    Attributes
    ----------
    source : str
        The corpus as it was named.
    corpus : str
        Its name before any change of its sound.
    splits : tuple of str
    seeds : int
    budget, changes : tuple of str
        In words; as `key=value`.
    elsewhere : str or None
        Name of the corpus on which all runs were tested, other than the one they learned.
    """

    source: str
    corpus: str
    splits: tuple[str, ...]
    seeds: int
    budget: tuple[str, ...]
    changes: tuple[str, ...]
    elsewhere: str | None


class Done(NamedTuple):
    """A finished run, and where its answers lie: its own folder, or that of a test elsewhere."""

    run: runs.Run
    answers: Path


def record_of(
    table: Table,
    settings: Settings,
    lines: Sequence[tuple[Row, Recipe, str, Sequence[Done], Sequence[str], int]],
    base: Path,
) -> dict[str, Any]:
    """Return all that the page says, as a value that JSON can hold.

    Parameters
    ----------
    table : Table
    settings : Settings
    lines : sequence of tuple
        A line: row, recipe as used, kind of split, finished runs, reasons of failures, runs still open.
    base : Path
        What run folders are named from.
    """
    return {
        "format": FORMAT,
        "table": table.name,
        "title": table.title,
        "paper": table.paper,
        "protocol": table.protocol,
        "corpora_of_the_paper": [table.corpus, *([table.elsewhere] if table.elsewhere else [])],
        "asked": {
            "corpus": settings.corpus,
            "splits": list(settings.splits),
            "seeds": settings.seeds,
            "budget": list(settings.budget),
            "changes": list(settings.changes),
            "tested_elsewhere_on": settings.elsewhere,
        },
        "lines": [_line(table, settings, *line, base=base) for line in lines],
    }


def _line(
    table: Table,
    settings: Settings,
    row: Row,
    recipe: Recipe,
    split: str,
    done: Sequence[Done],
    failures: Sequence[str],
    still_open: int,
    *,
    base: Path,
) -> dict[str, Any]:
    answers = [read_predictions(each.answers / runs.PREDICTIONS) for each in done]
    kept = [next(each for each in read_history(d.run.folder) if each["best"] == 1) for d in done]
    figures = {}
    for metric in table.figures:
        if metric == "valid_accuracy":
            of_runs = [(1, each["valid_accuracy"]) for each in kept]
            pooled = Estimate(statistics.fmean(v for _, v in of_runs), math.nan, math.nan) if done else None
        else:
            of_runs = [_share(each, metric, recipe.voting) for each in answers]
            pooled = _pooled(answers, metric, recipe.voting) if done else None
        figures[metric] = {
            "paper": _reported(recipe, metric, settings, table),
            "ours": None if pooled is None else _plain(pooled),
            "by_seed": _by_seed(done, of_runs),
            "runs": [{"items": n, "value": value} for n, value in of_runs],
        }
    return {
        "recipe": recipe.name,
        "row": recipe.row or recipe.title,
        "sound": row.sound,
        "other_start": _other_start(row, recipe),
        "split": split,
        "figures": figures,
        "parameters": done[0].run.metrics["parameters"] if done else None,
        "epochs": sorted({each.run.metrics["epoch"]["trained"] for each in done}),
        "training_seconds": round(sum(each.run.metrics["training_seconds"] for each in done), 1),
        "devices": sorted({f"{d.run.metrics['device']}, {d.run.metrics['precision']}" for d in done}),
        "runs": [
            {
                "folder": each.run.folder.relative_to(base).as_posix(),
                "tested": each.answers.relative_to(base).as_posix(),
                "metrics_sha256": _digest(each.answers / runs.METRICS),
                "seed": each.run.metrics["seed"],
                "split": each.run.metrics["split"]["name"],
                "made": each.run.metrics["split"]["made"],
                "clips": each.run.metrics["split"]["clips"],
                "checks": each.run.metrics["split"]["checks"],
                "epoch": each.run.metrics["epoch"],
            }
            for each in done
        ],
        "warnings": list(dict.fromkeys(text for each in done for text in warnings_of(each.run.metrics))),
        "failures": list(dict.fromkeys(failures)),
        "open": still_open,
    }


def _reported(recipe: Recipe, metric: str, settings: Settings, table: Table) -> dict[str, Any] | None:
    """Return the paper's figure: for the corpus that was tested on if it has one, else for its own."""
    tested = settings.elsewhere or settings.corpus
    found = {each.corpus: each.value for each in recipe.reported if each.metric == metric}
    for corpus in (tested, table.elsewhere or table.corpus, *found):
        if corpus in found:
            return {"corpus": corpus, "value": found[corpus]}
    return None


def _other_start(row: Row, recipe: Recipe) -> str | None:
    """Say where a row started if not where the paper did; `recipe` is as used."""
    used, papers = Path(recipe.training.weights), load_recipe(row.recipe).training.weights
    if row.start is not None:
        corpus = used.parts[-3]  # a run folder is <recipe>/<corpus>/<split>
        return None if corpus == row.start.corpus else f"a training on {corpus}, not on {row.start.corpus}"
    if recipe.training.weights == papers:
        return None
    start = "random weights" if recipe.training.weights == "none" else used.name
    return f"{start}, not {'ImageNet weights of timm' if papers == 'imagenet' else papers}"


def _hits(predictions: Predictions, metric: str, rule: VotingRule) -> tuple[np.ndarray, tuple[str, ...]]:
    answers = predictions.segments() if metric == "segment_accuracy" else predictions.tracks(rule)
    first = 2 if metric == "track_top2_accuracy" else 1
    return (answers.orders[:, :first] == answers.truth[:, None]).any(axis=1), answers.groups


def _share(predictions: Predictions, metric: str, rule: VotingRule) -> tuple[int, float]:
    hits, _ = _hits(predictions, metric, rule)
    return len(hits), float(hits.mean())


def _pooled(answers: Sequence[Predictions], metric: str, rule: VotingRule) -> Estimate:
    """Pool folds and seeds: an artist is drawn with all that any run said of it."""
    hits, groups = zip(*(_hits(each, metric, rule) for each in answers), strict=True)
    right = np.concatenate(hits).astype(np.float64)
    names, group = np.unique(np.concatenate([np.array(each) for each in groups]), return_inverse=True)
    bootstrap = ClusterBootstrap(len(names), rng=np.random.default_rng(0))
    shares = bootstrap.sums(right, group) / bootstrap.sums(np.ones(len(right)), group)
    return bootstrap.estimate(float(right.mean()), shares, trials=len(names))


def _by_seed(done: Sequence[Done], figures: Sequence[tuple[int, float]]) -> dict[str, float]:
    """Return each seed's figure, its folds pooled."""
    found: dict[str, list[tuple[int, float]]] = {}
    for each, figure in zip(done, figures, strict=True):
        found.setdefault(str(each.run.metrics["seed"]), []).append(figure)
    return {
        seed: sum(n * value for n, value in parts) / sum(n for n, _ in parts) for seed, parts in found.items()
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(estimate: Estimate) -> Mapping[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in estimate._asdict().items()}
