"""One recipe, one corpus, one split, one seed: train, test, report, export."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import genrelab
from genrelab.bundle.metadata import BundleMetadata
from genrelab.errors import RunError
from genrelab.files import replace_text
from genrelab.lab.corpora.split_file import write_split
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.evaluation import runs
from genrelab.lab.evaluation.metrics import Evaluation, evaluate
from genrelab.lab.evaluation.predict import predict
from genrelab.lab.evaluation.predictions import write_predictions
from genrelab.lab.evaluation.report import write_report
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.export import export
from genrelab.lab.training.store import AudioStore, Report, open_store
from genrelab.lab.training.train import Trained, train

_FORMAT = 1


def run_experiment(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    *,
    base: Path,
    seed: int,
    device: str = "auto",
    restart: bool = False,
    report: Report | None = None,
) -> runs.Run:
    """Train a recipe and measure it on the test part of a split.

    A run that was stopped goes on from its last epoch; a finished one is returned as it is.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    split : Split
    base : Path
        The run folder is made below it.
    seed : int >= 0
    device : {"auto", "cpu", "gpu"}
    restart : bool
        Throw away what an earlier run left.
    report : callable or None
        Called with clips decoded and clips in all, while the corpus is decoded.

    Returns
    -------
    Run

    Raises
    ------
    RunError
        If the folder holds a run of other values of the recipe or of other clips.
    """
    folder = runs.run_folder(base, recipe=recipe.name, corpus=corpus.name, split=split.name, seed=seed)
    if restart and folder.is_dir():
        shutil.rmtree(folder)
    text = dump_recipe(recipe)
    _claim(folder, text, corpus, split)
    if (folder / runs.METRICS).is_file():
        return runs.Run.load(folder)
    store = open_store(
        corpus, sample_rate=recipe.audio.sample_rate, channels=recipe.audio.channels, report=report
    )
    started = time.monotonic()
    trained = train(recipe, corpus, split, store, folder=folder, seed=seed, device=device)
    seconds = time.monotonic() - started
    predictions = predict(trained.network, store, corpus, split.test, recipe.audio, device=device)
    evaluation = evaluate(predictions, seed=seed)
    write_predictions(folder / runs.PREDICTIONS, predictions)
    metrics = _metrics(recipe, text, corpus, split, store, trained, evaluation, seed=seed, seconds=seconds)
    facts = _facts(metrics)
    write_report(
        folder / runs.REPORT,
        title=f"{recipe.title}, {corpus.name}",
        facts=facts,
        warnings=warnings_of(metrics),
        history=read_history(folder),
        evaluation=evaluation,
        predictions=predictions,
        recipe_yaml=text,
        rule=recipe.voting,
        segment_seconds=recipe.audio.segment_seconds,
    )
    bundle = bundle_metadata(recipe, corpus.genres, metrics)
    metrics["export_difference"] = export(trained.network, bundle, folder / runs.MODEL)
    # Last, because this file says that the run is finished.
    replace_text(folder / runs.METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return runs.Run.load(folder)


def _claim(folder: Path, text: str, corpus: Corpus, split: Split) -> None:
    """Write what the run is about; refuse a folder that is about something else."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{runs.SPLIT}"
    write_split(draft, corpus, split)
    clips = draft.read_text(encoding="utf-8")
    draft.unlink()
    for name, mine in ((runs.RECIPE, text), (runs.SPLIT, clips)):
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") != mine:
            what = "values of the recipe" if name == runs.RECIPE else "clips"
            raise RunError(
                f"{folder} holds a run with other {what}; choose another --out, or --restart to replace it"
            )
        replace_text(path, mine)


def _metrics(
    recipe: Recipe,
    text: str,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    trained: Trained,
    evaluation: Evaluation,
    *,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    """Return what `metrics.json` says."""
    used = {
        part: [key for key in getattr(split, part) if key in store] for part in ("train", "valid", "test")
    }
    return {
        "format": _FORMAT,
        "recipe": recipe.name,
        "recipe_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "parameters": trained.network.parameter_count(),
        "corpus": {
            "name": corpus.name,
            "genres": list(corpus.genres),
            "licence": corpus.licence,
            "citation": corpus.citation,
            "skipped": {**corpus.skipped, **store.skipped},
        },
        "split": {
            "name": split.name,
            "made": split.made,
            "clips": {part: len(ids) for part, ids in used.items()},
            "checks": dict(split.checks),
        },
        "seed": seed,
        "epoch": {
            "chosen": trained.best_epoch,
            "trained": trained.epochs,
            "chosen_by": recipe.training.monitor,
            "chosen_on": "valid",
        },
        "training_seconds": round(seconds, 1),
        "device": trained.device,
        "precision": trained.precision,
        "versions": runs.versions(),
        "reported": [figure.model_dump() for figure in recipe.reported],
        "evaluation": evaluation.to_dict(),
    }


def warnings_of(metrics: Mapping[str, Any]) -> list[str]:
    """Return what a reader of a run's figures must know first."""
    split, corpus = metrics["split"], metrics["corpus"]
    found = [
        f"Possible leak. {looked_for[0].upper()}{looked_for[1:]}: {what}."
        for looked_for, what in split["checks"].items()
        if looked_for.endswith("on both sides") and not what.startswith("none")
    ]
    missing = split["checks"].get("genres missing from a part", "none")
    if missing != "none":
        found.append(f"Genres missing from a part of the split: {missing}.")
    if corpus["skipped"]:
        shown = [f"{key} ({reason})" for key, reason in list(corpus["skipped"].items())[:3]]
        found.append(f"{len(corpus['skipped'])} clips could not be used: {'; '.join(shown)}.")
    if corpus["name"] == "synthetic":
        found.append(
            "The corpus is generated by rules, not real music: its figures say nothing of real music."
        )
    return found


def _facts(metrics: Mapping[str, Any]) -> dict[str, str]:
    corpus, split, epoch = metrics["corpus"], metrics["split"], metrics["epoch"]
    sizes = ", ".join(f"{count} {part}" for part, count in split["clips"].items())
    facts = {
        "Recipe": f"{metrics['recipe']} ({metrics['parameters']:,} parameters)",
        "Corpus": f"{corpus['name']}; licence: {corpus['licence']}; source: {corpus['citation']}",
        "Split": f"{split['name']}: {split['made']} ({sizes})",
        **{f"Looked for: {key}": value for key, value in split["checks"].items()},
        "Epoch": (
            f"{epoch['chosen'] + 1} of {epoch['trained']}, chosen by {epoch['chosen_by']} "
            f"on the {epoch['chosen_on']} part"
        ),
        "Seed": str(metrics["seed"]),
        "Training": f"{metrics['training_seconds']:.0f} s on {metrics['device']}, {metrics['precision']}",
        "Versions": ", ".join(f"{name} {number}" for name, number in metrics["versions"].items()),
    }
    for figure in metrics["reported"]:
        metric = figure["metric"].replace("_", " ")
        facts[f"Paper: {metric} on {figure['corpus']}"] = f"{100 * figure['value']:.1f} %"
    return facts


def bundle_metadata(recipe: Recipe, genres: Sequence[str], metrics: Mapping[str, Any]) -> BundleMetadata:
    """Return what the model file of a run says of itself."""
    corpus, split = metrics["corpus"], metrics["split"]
    track = metrics["evaluation"]["track"][recipe.voting]
    result = {
        "corpus": corpus["name"],
        "split": split["name"],
        "made": split["made"],
        "clips": split["clips"],
        "seed": metrics["seed"],
        "voting": recipe.voting,
        "track_accuracy": track["accuracy"],
        "track_balanced_accuracy": track["balanced_accuracy"],
        "warnings": warnings_of(metrics),
    }
    return BundleMetadata(
        format_version=1,
        genres=list(genres),
        sample_rate=recipe.audio.sample_rate,
        channels=recipe.audio.channels,
        segment_seconds=recipe.audio.segment_seconds,
        hop_seconds=recipe.audio.hop_seconds,
        padding=recipe.audio.padding,
        voting=recipe.voting,
        temperature=1.0,
        abstain_below=0.0,
        recipe=recipe.name,
        corpora=[{"name": corpus["name"], "licence": corpus["licence"], "citation": corpus["citation"]}],
        results=[result],
        created=datetime.date.today(),
        genrelab_version=genrelab.__version__,
    )
