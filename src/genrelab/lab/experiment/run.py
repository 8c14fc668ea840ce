"""One recipe, one corpus, one split, one seed: train, test, report, export."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from genrelab.errors import CorpusError, RunError
from genrelab.files import only_one, replace_text, text_bytes
from genrelab.lab.corpora.loaders.feature_table import TableRows
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.splits.split_file import split_text
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.record import (
    bundle_metadata,
    describe,
    facts_of,
    metrics_of,
    severe_warnings_of,
    warnings_of,
)
from genrelab.lab.frontends import FRONTENDS, Sinc
from genrelab.lab.frontends.table import reads_table
from genrelab.lab.inference.predict import predict
from genrelab.lab.leakage.checks import copy_versions
from genrelab.lab.leakage.record_checks import add_trust
from genrelab.lab.leakage.verdict import verdict_of
from genrelab.lab.metrics.predictions import write_predictions
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.plugins import check_plugins, plugins_used, record_plugins
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.reports.filters import responses
from genrelab.lab.reports.report import write_report
from genrelab.lab.reports.representations import middle_segment, representations
from genrelab.lab.runs import folders
from genrelab.lab.runs.findings import answer_findings, to_dicts, training_findings
from genrelab.lab.training.checkpoints import LAST, read_history
from genrelab.lab.training.distillation.distillation import distillation_of, learned_hash
from genrelab.lab.training.export import export, why_unwritable
from genrelab.lab.training.optimization.initial_weights import load_start, weights_hash
from genrelab.lab.training.store.audio_store import AudioStore, open_store, sound_key
from genrelab.lab.training.train import parts_used, resolve_device, train

Report = Callable[[str, int, int], None]


def run_experiment(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    *,
    base: Path,
    seed: int,
    device: str = "auto",
    restart: bool = False,
    source: str | None = None,
    model_file: bool = True,
    report: Report | None = None,
) -> folders.Run:
    """Train a recipe and measure it on the test part of a split.

    A run that was stopped goes on from its last epoch; a finished one is returned as it is.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    split : Split
        With the recipe's `training.choose_epoch_on: test` or `none`, its `train` and `valid` become one part.
    base : Path
        The run folder is made below it.
    seed : int, 0 to 2**32 - 1
    device : {"auto", "cpu", "gpu"}
    restart : bool
        Throw away what an earlier run left.
    source : str or None
        How the corpus was named, for the record.
    model_file : bool
        Write it, if the network can be written; else `genrelab export` does so later. It takes longer than a
        small training.
    report : callable or None
        Called with what is being done, how much of it is done, and of how much.

    Returns
    -------
    Run

    Raises
    ------
    RunError
        If the folder holds a run of other values of the recipe, other clips or other sound, or another
        process works in it.
    CorpusError, RecipeError
        If what was asked for cannot be trained; nothing was touched then.
    """
    resolve_device(device)
    folder = folders.run_folder(base, recipe=recipe.name, corpus=corpus.name, split=split.name, seed=seed)
    if not restart:
        check_plugins(folder, training=True)
    network = build_network(recipe, genres=len(corpus.genres))
    check_sound_or_table(recipe, network, corpus)
    if why_unwritable(network) is None:
        describe(recipe, corpus.genres, corpus.name, corpus.licence, corpus.citation)
    split = _split_used(recipe, corpus, split)
    for part in ("train", recipe.training.choose_epoch_on, "test"):
        if part != "none" and not getattr(split, part):
            raise CorpusError(f"the {part} part of the split {split.name!r} of {corpus.name!r} is empty")
    if printable(str(folder)) != str(folder):
        raise RunError(f"{folder}: the name is no UTF-8, which TensorBoard's log needs; choose another --out")
    if restart or not any((folder / name).is_file() for name in (LAST, folders.METRICS)):
        load_start(network, recipe.training)
        distillation_of(recipe, corpus, split)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with only_one(folder.with_name(f".{folder.name}.lock")):
            if restart and folder.is_dir():
                aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
                folder.rename(aside)  # at once: a half-removed run must not look like a run
                shutil.rmtree(aside)
            return _run(recipe, corpus, split, folder, seed, device, source, model_file, report)
    except BlockingIOError as error:
        raise RunError(
            f"another genrelab is working in {folder}; wait for it, or choose another --out"
        ) from error


def check_sound_or_table(recipe: Recipe, network: GenreNetwork, corpus: Corpus) -> None:
    """Refuse sound for a network that reads a table of descriptors, and a table for all others.

    Raises
    ------
    CorpusError
        If the corpus is of the wrong kind.
    """
    table = isinstance(corpus.renderer, TableRows)
    if reads_table(network) and not table:
        raise CorpusError(
            f"the recipe {recipe.name} learns from a table of descriptors, and {corpus.name} is sound. Give "
            "--corpus features:PATH/features_30_sec.csv, or take mfcc-cqt/descriptor-mlp, which learns from "
            "sound"
        )
    if table and not reads_table(network):
        raise CorpusError(
            f"the recipe {recipe.name} learns from sound, and {corpus.name} is a table of descriptors. Take "
            "mfcc-cqt/descriptor-table, or give a corpus of sound"
        )


def _split_used(recipe: Recipe, corpus: Corpus, split: Split) -> Split:
    """Return a split whose parts are what the recipe makes of them, checked anew if it changes them."""
    if recipe.training.choose_epoch_on == "valid":
        return split
    learned, _ = parts_used(recipe.training, split)
    chosen = (
        "the last epoch kept"
        if recipe.training.choose_epoch_on == "none"
        else "the epoch chosen on the test part"
    )
    made = f"{split.made}; all clips outside the test part trained on, {chosen}"
    used = dataclasses.replace(split, train=learned, valid=(), made=made)
    return dataclasses.replace(used, checks={**split.checks, **check_split(corpus, used)})


def _run(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    folder: Path,
    seed: int,
    device: str,
    source: str | None,
    model_file: bool,
    report: Report | None,
) -> folders.Run:
    audio = recipe.audio
    identity = identity_of(recipe, corpus, split)
    text, sound = identity[folders.RECIPE], identity[folders.SOUND].strip()
    claim(folder, identity)
    record_plugins(folder, plugins_used(recipe, source))
    if (folder / folders.METRICS).is_file():
        return folders.Run.load(folder)
    store = open_store(
        corpus,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        report=partial(report, "decoding") if report else None,
    )
    trained = train(recipe, corpus, split, store, folder=folder, seed=seed, device=device, report=report)
    predictions = predict(
        trained.network,
        store,
        corpus,
        split.test,
        audio,
        device=device,
        report=partial(report, "testing") if report else None,
    )
    evaluation = evaluate(predictions, seed=seed)
    write_predictions(folder / folders.PREDICTIONS, predictions)
    metrics = metrics_of(recipe, corpus, split, store, trained, evaluation, seed=seed)
    metrics["recipe_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    metrics["corpus"] |= {"source": source, "sound_sha256": sound}
    add_trust(metrics, recipe, corpus, split, store, folder)
    findings = [
        *training_findings(recipe, read_history(folder), genres=len(corpus.genres), moved=trained.moved),
        *answer_findings(predictions, recipe.voting, steps=trained.steps),
    ]
    metrics["findings"] = to_dicts(findings)
    if (folder / folders.WEIGHTS).is_file():
        metrics["start"]["sha256"] = (folder / folders.WEIGHTS).read_text(encoding="utf-8").strip()
    unwritable = why_unwritable(trained.network) or (None if model_file else _NOT_ASKED_FOR)
    if unwritable is not None:
        metrics["no_model_file"] = unwritable
    write_report(
        folder / folders.REPORT,
        title=f"{recipe.title}, {corpus.name}",
        facts=facts_of(metrics) | ({} if unwritable is None else {"Model file": f"none: {unwritable}"}),
        warnings=warnings_of(metrics),
        severe=severe_warnings_of(metrics),
        verdict=verdict_of(metrics),
        findings=findings,
        history=read_history(folder),
        chosen_on=recipe.training.choose_epoch_on,
        evaluation=evaluation,
        predictions=predictions,
        recipe_yaml=text,
        rule=recipe.voting,
        segment_seconds=audio.segment_seconds,
        extra=_learned_filters(recipe, trained.network, store, corpus, split.test),
    )
    if unwritable is None:
        about = bundle_metadata(recipe, corpus.genres, metrics, folder)
        metrics["export_difference"] = export(trained.network, about, folder / folders.MODEL)
    # Last, because this file says that the run is finished.
    replace_text(folder / folders.METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return folders.Run.load(folder)


def _learned_filters(
    recipe: Recipe, network: GenreNetwork, store: AudioStore, corpus: Corpus, ids: Sequence[str]
) -> list[tuple[str, str]]:
    """Make the report's sections on sinc filters, heading and HTML; none if the network has no such."""
    audio, sections = recipe.audio, []
    for (name, part), after in zip(recipe.inputs.items(), network.frontends.values(), strict=True):
        if not isinstance(after, Sinc):
            continue
        before = FRONTENDS.create(
            part.kind, part.options(), sample_rate=audio.sample_rate, channels=audio.channels
        )
        which = f" of the input {name}" if len(recipe.inputs) > 1 else ""
        segment = middle_segment(store, corpus, ids, audio)
        sections += [
            (f"One segment in pictures{which}", representations(segment, after)),
            (f"The learned filters{which}", responses(cast(Sinc, before), after)),
        ]
    return sections


_NOT_ASKED_FOR = "not asked for; `genrelab export` writes it"
_OTHER = {
    folders.RECIPE: "other values of the recipe",
    folders.SPLIT: "other clips",
    folders.SOUND: "other sound",
    folders.WEIGHTS: "other weights to start with",
    folders.LEARNED: "other targets, unlabelled clips or guessed labels",
    folders.COPIES: "copies that were made otherwise",
}


def identity_of(recipe: Recipe, corpus: Corpus, split: Split) -> dict[str, str]:
    """Return what a run is about, as the files of its folder that say so."""
    audio = recipe.audio
    sound = sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    identity = {
        folders.RECIPE: dump_recipe(recipe),
        folders.SPLIT: split_text(corpus, split),
        folders.SOUND: f"{sound}\n",
    }
    weights = weights_hash(recipe.training)
    if weights is not None:
        identity[folders.WEIGHTS] = f"{weights}\n"
    if learned := learned_hash(recipe, corpus, split):
        identity[folders.LEARNED] = f"{learned}\n"
    if versions := copy_versions(recipe):
        identity[folders.COPIES] = "".join(f"{version}\n" for version in versions)
    return identity


def claim(folder: Path, about: Mapping[str, str]) -> None:
    """Write what the run is about into its folder.

    Raises
    ------
    RunError
        If the folder is about something else; nothing was touched then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claimed = [name for name in about if (folder / name).is_file()]
    if not claimed and (folder / LAST).exists():
        raise RunError(f"{folder} holds a training of unknown origin; choose another --out, or --restart")
    for name in claimed:
        if (folder / name).read_bytes() != text_bytes(about[name]):
            raise RunError(
                f"{folder} holds a run with {_OTHER[name]}; choose another --out, or --restart to replace it"
            )
    for name in about.keys() - set(claimed):
        replace_text(folder / name, about[name])
