"""The figures of a table: the paper's and ours, each traceable to its runs."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genrelab.lab.findings import combined
from genrelab.lab.findings.wording import checked, published, warnings
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.lab.metrics.predictions import Predictions, read_predictions
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.record import TestRecord, load_record
from genrelab.lab.studies.reproduce.table import Row, Table
from genrelab.lab.training.checkpoints import read_history
from genrelab.voting import VotingRule

FORMAT = 3


@dataclass(frozen=True)
class Settings:
    """The request, as the page shows it.

    Attributes
    ----------
    source : str
        Spec of the corpus.
    corpus : str
        Its name before any change of its sound.
    splits : tuple of str
    seeds : int
    budget, changes : tuple of str
        In words; as `key=value`.
    elsewhere : str or None
        Name of another corpus on which all runs are tested; None is the training corpus.
    """

    source: str
    corpus: str
    splits: tuple[str, ...]
    seeds: int
    budget: tuple[str, ...]
    changes: tuple[str, ...]
    elsewhere: str | None


class Done(NamedTuple):
    """A finished run, and the folder of its predictions: its own, or that of a test on another corpus."""

    run: folders.Run
    tested: Path


class Line(NamedTuple):
    """One row of the table on one split, with its runs.

    Attributes
    ----------
    row : Row
    recipe : Recipe
        As the runs used it.
    split : str
        Kind of split.
    done : sequence of Done
    failures : sequence of str
        Why runs failed.
    still_open : int
        Number of runs that have not started.
    """

    row: Row
    recipe: Recipe
    split: str
    done: Sequence[Done]
    failures: Sequence[str]
    still_open: int


def record_of(table: Table, settings: Settings, lines: Sequence[Line], base: Path) -> dict[str, Any]:
    """Return the content of the page, ready for JSON.

    Parameters
    ----------
    table : Table
    settings : Settings
    lines : sequence of Line
    base : Path
        Folder to which the paths of run folders are relative.
    """
    trained_on = settings.corpus if settings.corpus in table.corpora else table.corpora[0]
    return {
        "format": FORMAT,
        "table": table.name,
        "title": table.title,
        "paper": table.paper,
        "protocol": table.protocol,
        "corpora_of_the_paper": [trained_on, *([table.elsewhere] if table.elsewhere else [])],
        "asked": {
            "corpus": settings.corpus,
            "splits": list(settings.splits),
            "seeds": settings.seeds,
            "budget": list(settings.budget),
            "changes": list(settings.changes),
            "tested_elsewhere_on": settings.elsewhere,
        },
        "lines": [_line(table, settings, line, base) for line in lines],
    }


def _line(table: Table, settings: Settings, line: Line, base: Path) -> dict[str, Any]:
    row, recipe, split, done, failures, still_open = line
    predictions = [read_predictions(each.tested / folders.PREDICTIONS) for each in done]
    tested = [load_record(TestRecord, each.tested / folders.METRICS) for each in done]
    verdicts = [each.verdict for each in tested]
    records = [each.run.record for each in done]
    figures = {}
    for metric in table.figures:
        if metric == "valid_accuracy":
            of_runs = [(1, accuracy_when_chosen(each.run)) for each in done]
            pooled = Estimate(statistics.fmean(v for _, v in of_runs), math.nan, math.nan) if done else None
        else:
            tallies = [tally(each, metric, recipe.voting) for each in predictions]
            of_runs = [share(each) for each in tallies]
            pooled = pool_tallies(tallies) if done else None
        figures[metric] = {
            "of": measured_on(metric, recipe, done),
            "paper": _reported(recipe, metric, settings, table),
            "ours": None if pooled is None else plain(pooled),
            "by_seed": by_seed([str(each.seed) for each in records], of_runs),
            "runs": [{"items": n, "value": value} for n, value in of_runs],
        }
    return {
        "recipe": recipe.name,
        "row": recipe.row or recipe.title,
        "sound": row.sound,
        "other_start": _other_start(row, recipe),
        "split": split,
        "figures": figures,
        "confusion": _confusion(tested, recipe.voting),
        "parameters": records[0].parameters if records else None,
        "epochs": sorted({each.epoch.trained for each in records}),
        "training_seconds": round(sum(each.training_seconds for each in records), 1),
        "devices": sorted({f"{each.device}, {each.precision}" for each in records}),
        "runs": [
            {
                "folder": each.run.folder.relative_to(base).as_posix(),
                "tested": each.tested.relative_to(base).as_posix(),
                "metrics_sha256": digest(each.tested / folders.METRICS),
                "seed": record.seed,
                "split": record.split.name,
                "made": record.split.made,
                "clips": record.split.clips,
                "checks": checked(record.split.findings),
                "epoch": record.epoch.model_dump(),
                "verdict": verdict.state,
            }
            for each, record, verdict in zip(done, records, verdicts, strict=True)
        ],
        "verdict": published(combined(verdicts)) if verdicts else None,
        "warnings": list(dict.fromkeys(text for each in records for text in warnings(each.doubts()))),
        "failures": list(dict.fromkeys(failures)),
        "open": still_open,
    }


def _confusion(tested: Sequence[TestRecord], rule: VotingRule) -> dict[str, Any] | None:
    """Return the confusion matrices of tracks of all runs, added up; None if their genres differ."""
    genres = {each.evaluation.genres for each in tested}
    if len(genres) != 1:
        return None
    counts = np.sum([each.evaluation.track[rule].confusion["counts"] for each in tested], axis=0)
    return {"genres": list(genres.pop()), "counts": counts.tolist()}


def _reported(recipe: Recipe, metric: str, settings: Settings, table: Table) -> dict[str, Any] | None:
    """Return the paper's figure for the corpus of the test, or else for a corpus of the paper."""
    tested = settings.elsewhere or settings.corpus
    found = {each.corpus: each.value for each in recipe.reported if each.metric == metric}
    whole = [name for name in table.corpora if tested.startswith(f"{name}-")]  # ismir2004-evaluation
    for corpus in (tested, *whole, table.elsewhere or table.corpora[0], *found):
        if corpus in found:
            return {"corpus": corpus, "value": found[corpus]}
    return None


def _other_start(row: Row, recipe: Recipe) -> str | None:
    """Describe the initial weights of a row if they differ from the paper's; `recipe` is as used."""
    used, papers = Path(recipe.training.weights), load_recipe(row.recipe).training.weights
    if row.start is not None:
        corpus = used.parts[-3]  # a run folder is <recipe>/<corpus>/<split>
        return None if corpus == row.start.corpus else f"a training on {corpus}, not on {row.start.corpus}"
    if recipe.training.weights == papers:
        return None
    start = "random weights" if recipe.training.weights == "none" else used.name
    return f"{start}, not {'ImageNet weights of timm' if papers == 'imagenet' else papers}"


def measured_on(metric: str, recipe: Recipe, done: Sequence[Done]) -> str:
    """Return the part of the split on which a figure was measured.

    The validation accuracy of a paper belongs to the part that chose the epoch; with `choose_epoch_on: test`
    this is the test part.
    """
    if metric != "valid_accuracy":
        return "test"
    found = {each.run.record.epoch.chosen_on for each in done}
    return found.pop() if len(found) == 1 else recipe.training.choose_epoch_on


def accuracy_when_chosen(run: folders.Run) -> float:
    """Return the segment accuracy of the chosen epoch on the part that chose it."""
    accuracy = run.record.epoch.accuracy
    if accuracy is not None:
        return accuracy
    return float(next(each for each in read_history(run.folder) if each["best"] == 1)["valid_accuracy"])


Tally = Mapping[str, tuple[int, int]]
"""Artist (or clip of an unknown artist), as 12 hexadecimal digits -> items tested, items correct."""


def tally(predictions: Predictions, metric: str, rule: VotingRule) -> Tally:
    """Count the tested and the correct items of each artist, from which figure and interval follow."""
    answers = predictions.segments() if metric == "segment_accuracy" else predictions.tracks(rule)
    first = 2 if metric == "track_top2_accuracy" else 1
    hits = (answers.orders[:, :first] == answers.truth[:, None]).any(axis=1)
    found: dict[str, tuple[int, int]] = {}
    for group, hit in zip(answers.groups, hits, strict=True):
        key = hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        items, right = found.get(key, (0, 0))
        found[key] = items + 1, right + int(hit)
    return found


def share(counted: Tally) -> tuple[int, float]:
    """Return the number of tested items and their accuracy."""
    items, right = (sum(column) for column in zip(*counted.values(), strict=True))
    return items, right / items


def pool_tallies(tallies: Sequence[Tally]) -> Estimate:
    """Pool folds and seeds; the bootstrap draws an artist together with its items in all runs."""
    names = sorted({name for each in tallies for name in each})
    counts = np.array([[each.get(name, (0, 0)) for each in tallies] for name in names]).sum(axis=1)
    items, right = counts[:, 0], counts[:, 1]
    group = np.arange(len(names))
    bootstrap = ClusterBootstrap(len(names), rng=np.random.default_rng(0))
    shares = bootstrap.sums(right, group) / bootstrap.sums(items, group)
    return bootstrap.estimate(float(right.sum() / items.sum()), shares, trials=len(names))


def by_seed(seeds: Sequence[str], figures: Sequence[tuple[int, float]]) -> dict[str, float]:
    """Return seed -> figure, with the folds of the seed pooled."""
    found: dict[str, list[tuple[int, float]]] = {}
    for seed, figure in zip(seeds, figures, strict=True):
        found.setdefault(seed, []).append(figure)
    return {
        seed: sum(n * value for n, value in parts) / sum(n for n, _ in parts) for seed, parts in found.items()
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plain(estimate: Estimate) -> Mapping[str, float | None]:
    """Return an estimate ready for JSON: NaN becomes None."""
    return {name: None if math.isnan(value) else value for name, value in estimate._asdict().items()}
