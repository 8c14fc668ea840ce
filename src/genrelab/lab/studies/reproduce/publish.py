"""Publication of a table in the documentation, with each figure traceable to the runs' metrics files.

A published folder contains `record.json`, `table.md` and `table.csv` as `reproduce` wrote them, and
`runs.json`. The latter holds, for each run, the values of `metrics.json` that the page shows, the SHA-256 of
that file, and the number of tested and correct items of each artist, from which figures and intervals follow.
It contains no names of artists. The HTML page is not published; it follows from the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from genrelab.errors import RunError
from genrelab.files import replace_text
from genrelab.lab.metrics.predictions import read_predictions
from genrelab.lab.recipes import load_recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.record import TestRecord, load_record
from genrelab.lab.studies.reproduce.figures import (
    Tally,
    accuracy_when_chosen,
    by_seed,
    digest,
    plain,
    pool_tallies,
    share,
    tally,
)
from genrelab.lab.studies.reproduce.page import RECORD, comma_separated, markdown

RUNS = "runs.json"
TABLES = {"table.md": markdown, "table.csv": comma_separated}
_RUN_KEYS = (
    "recipe",
    "recipe_sha256",
    "seed",
    "epoch",
    "parameters",
    "training_seconds",
    "device",
    "precision",
)
_NEAR = 1e-12


def publish(base: Path, to: Path) -> Path:
    """Copy a reproduced table, with the data behind its figures.

    Parameters
    ----------
    base : Path
        The folder of `reproduce`, with `record.json` and the run folders.
    to : Path
        Parent folder of published tables; files of an existing folder with the same name are replaced.

    Returns
    -------
    Path
        The published folder.

    Raises
    ------
    RunError
        If a run of the record is missing or has changed.
    """
    record = json.loads((base / RECORD).read_text(encoding="utf-8"))
    tallies: dict[str, dict[str, Tally]] = {}
    extracts: dict[str, dict[str, Any]] = {}
    for line in record["lines"]:
        for listed in line["runs"]:
            name = listed["tested"]
            if digest(base / name / folders.METRICS) != listed["metrics_sha256"]:
                message = f"{base / name} is newer than the record. Reproduce the table again first"
                raise RunError(message, code="reproduce-run-changed")
            run = folders.Run.load(base / listed["folder"])
            answers = read_predictions(base / name / folders.PREDICTIONS)
            wanted = [metric for metric in line["figures"] if metric != "valid_accuracy"]
            tallies[name] = {metric: tally(answers, metric, run.recipe.voting) for metric in wanted}
            extracts[name] = _extract(run, base / name)
    groups = sorted({key for each in tallies.values() for counted in each.values() for key in counted})
    number = {key: at for at, key in enumerate(groups)}
    for name, each in tallies.items():
        extracts[name]["tallies"] = {metric: _packed(counted, number) for metric, counted in each.items()}
    folder = to / base.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RECORD, *TABLES):
        replace_text(folder / name, (base / name).read_text(encoding="utf-8"))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in extracts.items())
    replace_text(folder / RUNS, f'{{"groups": {json.dumps(groups)},\n"runs": {{\n{lines}\n}}}}\n')
    return folder


def differences(folder: Path) -> list[str]:
    """Return the values of a published folder that do not follow from its runs.

    Parameters
    ----------
    folder : Path
        Written by `publish`.
    """
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    kept = json.loads((folder / RUNS).read_text(encoding="utf-8"))
    found = [
        f"{name} is not what record.json gives"
        for name, make in TABLES.items()
        if (folder / name).read_text(encoding="utf-8") != make(record)
    ]
    for line in record["lines"]:
        where = f"{line['recipe']}, {line['split']}"
        found += [f"{where}: {text}" for text in _line_differences(line, kept["runs"], kept["groups"])]
    return found


def _extract(run: folders.Run, answers: Path) -> dict[str, Any]:
    record = run.record
    metrics = record.model_dump(mode="json")
    tested = load_record(TestRecord, answers / folders.METRICS)
    corpus, split, figures = metrics["corpus"], metrics["split"], tested.evaluation.model_dump(mode="json")
    return {
        "metrics_sha256": digest(answers / folders.METRICS),
        **{key: metrics[key] for key in _RUN_KEYS},
        "voting": run.recipe.voting,
        "corpus": {key: corpus.get(key) for key in ("name", "changes", "sound_sha256", "recordings_sha256")},
        "split": {key: split[key] for key in ("name", "made", "clips")},
        "epoch_accuracy": None if record.epoch.chosen_on == "none" else accuracy_when_chosen(run),
        "verdict": tested.verdict.state,
        "intervals": figures["intervals"],
        "versions": {key: record.versions[key] for key in ("genrelab", "torch")},
        "segment": {key: figures["segment"][key] for key in ("n", "accuracy")},
        "track": {
            rule: {key: scores[key] for key in ("n", "accuracy", "top2_accuracy")}
            for rule, scores in figures["track"].items()
        },
    }


def _packed(counted: Tally, number: Mapping[str, int]) -> str:
    return " ".join(f"{number[key]}:{items}/{right}" for key, (items, right) in sorted(counted.items()))


def _unpacked(text: str, groups: Sequence[str]) -> dict[str, tuple[int, int]]:
    found = {}
    for part in text.split():
        number, _, counts = part.partition(":")
        items, _, right = counts.partition("/")
        found[groups[int(number)]] = int(items), int(right)
    return found


def _line_differences(
    line: Mapping[str, Any], runs: Mapping[str, Any], groups: Sequence[str]
) -> Iterator[str]:
    absent = [listed["tested"] for listed in line["runs"] if listed["tested"] not in runs]
    if absent:
        yield f"{RUNS} lacks {', '.join(absent)}"
        return
    own = [runs[listed["tested"]] for listed in line["runs"]]
    for listed, run in zip(line["runs"], own, strict=True):
        same = {key: run[key] for key in ("metrics_sha256", "seed", "epoch", "verdict")}
        same |= {"split": run["split"]["name"], "made": run["split"]["made"], "clips": run["split"]["clips"]}
        yield from (f"{key} of {listed['tested']}" for key, value in same.items() if listed[key] != value)
    expected = {
        "epochs": sorted({run["epoch"]["trained"] for run in own}),
        "training_seconds": round(sum(run["training_seconds"] for run in own), 1),
        "devices": sorted({f"{run['device']}, {run['precision']}" for run in own}),
        "parameters": own[0]["parameters"] if own else None,
    }
    yield from (f"{key} is {line[key]}, not {value}" for key, value in expected.items() if line[key] != value)
    reported = {(each.corpus, each.metric): each.value for each in load_recipe(line["recipe"]).reported}
    for metric, figure in line["figures"].items():
        paper = figure["paper"]
        if paper is not None and reported.get((paper["corpus"], metric)) != paper["value"]:
            yield f"{metric}: the recipe does not report {paper}"
        yield from (f"{metric}: {text}" for text in _figure_differences(metric, figure, own, groups))


def _figure_differences(
    metric: str, figure: Mapping[str, Any], own: Sequence[Mapping[str, Any]], groups: Sequence[str]
) -> Iterator[str]:
    if not own:
        if figure["ours"] is not None or figure["runs"]:
            yield "there is a figure without runs"
        return
    if metric == "valid_accuracy":
        of_runs = [(1, run["epoch_accuracy"]) for run in own]
        mean = sum(value for _, value in of_runs) / len(own)
        ours: Mapping[str, float | None] = {"value": mean, "low": None, "high": None}
    else:
        tallies = [_unpacked(run["tallies"][metric], groups) for run in own]
        of_runs = [share(each) for each in tallies]
        ours = plain(pool_tallies(tallies))
        for run, (items, value) in zip(own, of_runs, strict=True):
            listed = _in_metrics(metric, run)
            if items != listed[0] or not _near(value, listed[1]):
                yield f"a run's metrics file says {listed}, its predictions give {(items, value)}"
    pairs = [
        *(("a run", each, value) for each, value in zip(_values(figure["runs"]), of_runs, strict=True)),
        *((key, (0, figure["ours"][key]), (0, ours[key])) for key in ("value", "low", "high")),
    ]
    seeds = by_seed([str(run["seed"]) for run in own], of_runs)
    if figure["by_seed"].keys() != seeds.keys():
        yield "the seeds differ"
        return
    pairs += [(f"seed {seed}", (0, figure["by_seed"][seed]), (0, value)) for seed, value in seeds.items()]
    for what, (items, value), (counted, follows) in pairs:
        if items != counted or not _near(value, follows):
            yield f"{what} is {value}, but {follows} follows from the runs"


def _values(listed: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    return [(each["items"], each["value"]) for each in listed]


def _in_metrics(metric: str, run: Mapping[str, Any]) -> tuple[int, float]:
    if metric == "segment_accuracy":
        return run["segment"]["n"], run["segment"]["accuracy"]["value"]
    scores = run["track"][run["voting"]]
    which = "top2_accuracy" if metric == "track_top2_accuracy" else "accuracy"
    return scores["n"], scores[which]["value"]


def _near(one: float | None, other: float | None) -> bool:
    return one is other if None in (one, other) else abs((one or 0.0) - (other or 0.0)) < _NEAR
