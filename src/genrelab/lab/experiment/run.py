"""Run an experiment: train, test, record, report, export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

from genrelab.errors import CorpusError, ModelFileError, RunError
from genrelab.files import only_one, replace_text, text_bytes
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.splits.split_file import split_text
from genrelab.lab.experiment.facts import facts_of
from genrelab.lab.experiment.identity import claim, identity_of
from genrelab.lab.experiment.model_file import write_run
from genrelab.lab.experiment.record import corpus_record, describe, record_of
from genrelab.lab.findings.wording import warnings
from genrelab.lab.frontends import FRONTENDS, Frontend
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.inference.predict_tags import predict_tags
from genrelab.lab.metrics.predictions import write_predictions
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.metrics.tag_predictions import write_tag_predictions
from genrelab.lab.metrics.tag_scores import evaluate_tags
from genrelab.lab.models import GenreNetwork
from genrelab.lab.plugins import check_plugins, plugins_used, record_plugins
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.reports.report import RunPage, write_report
from genrelab.lab.reports.representations import middle_segment
from genrelab.lab.reports.sections import rendered
from genrelab.lab.runs import folders
from genrelab.lab.runs.figures import TagsRecord
from genrelab.lab.runs.known_recordings import write_sounds
from genrelab.lab.runs.network_findings import prediction_findings, training_findings
from genrelab.lab.training.checkpoints import LAST, read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.export import why_unwritable
from genrelab.lab.training.optimization.initial_weights import load_start
from genrelab.lab.training.train import follow, resolve_device, train

_INDEPENDENT = (
    "independent; a clip can have several. Accuracies, confusion and mistakes compare the most probable "
    "genre with the first genre of a clip; the figures of all its genres are those of the tags `genre:`"
)
_NOT_ASKED_FOR = "not asked for; `genrelab export` writes it"


def run_experiment(
    experiment: Experiment,
    *,
    base: Path,
    device: str = "auto",
    restart: bool = False,
    source: str | None = None,
    model_file: bool = True,
) -> folders.Run:
    """Train a recipe and measure it on the test part of a split.

    A run that was stopped continues; a finished one is only read again.

    Parameters
    ----------
    experiment : Experiment
    base : Path
        The run folder is `<base>/<recipe>/<corpus>/<split>-seed<k>`, see `run_folder`.
    device : {"auto", "cpu", "gpu"}
    restart : bool
        Delete an earlier run in that folder.
    source : str or None
        How the corpus was named on the command line, for the record.
    model_file : bool
        Whether to write `model.onnx`, if the network can be exported.

    Returns
    -------
    Run

    Raises
    ------
    RunError
        If the folder holds a run of another recipe, other clips or other sound, or another process works in
        it.
    CorpusError, RecipeError
        If the experiment cannot be trained; then nothing is changed.
    """
    resolve_device(device)
    folder = folder_of(experiment, base)
    if not restart:
        check_plugins(folder, training=True)
    experiment, network = checked(experiment, folder)
    if restart or not any((folder / name).is_file() for name in (LAST, folders.METRICS)):
        load_start(network, experiment.recipe.training)  # both may fail, and must before anything is changed
        _ = experiment.distillation
    with working_in(folder):
        if restart and folder.is_dir():
            aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(aside)  # first, because a half-removed run must not look like a run
            shutil.rmtree(aside)
        claim(folder, identity_of(experiment))
        return finished(experiment, folder, device=device, source=source, model_file=model_file)


def checked(experiment: Experiment, folder: Path) -> tuple[Experiment, GenreNetwork]:
    """Return an experiment as it is used, and its untrained network, after checks that change nothing.

    Raises
    ------
    RunError
        If the name of the run folder is not UTF-8.
    CorpusError, RecipeError
        If the experiment cannot be trained.
    """
    recipe, corpus = experiment.recipe, experiment.corpus
    network = experiment.network()
    if why_unwritable(network) is None:
        describe(recipe, corpus_record(corpus))
    experiment = experiment.as_used()
    split = experiment.split
    for part in ("train", recipe.training.choose_epoch_on, "test"):
        if part != "none" and not getattr(split, part):
            raise _empty_part(part, experiment)
    _ = experiment.split_findings  # a split that does not fit the corpus is an error before training
    if printable(str(folder)) != str(folder):
        raise RunError(
            f"{folder}: the name is not UTF-8, which TensorBoard's log needs; choose another --out",
            code="run-folder-not-utf8",
        )
    return experiment, network


def finished(
    experiment: Experiment, folder: Path, *, device: str, source: str | None, model_file: bool
) -> folders.Run:
    """Train and measure in a claimed folder, unless the run is finished, and return the run."""
    record_plugins(folder, plugins_used(experiment.recipe, source))
    if not (folder / folders.METRICS).is_file():
        _run(experiment, folder, device=device, source=source, model_file=model_file)
    return folders.Run.load(folder)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder, which need not exist.

    Raises
    ------
    RunError
        If another process holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with only_one(folder.with_name(f".{folder.name}.lock")):
            yield
    except BlockingIOError as error:
        raise RunError(
            f"another genrelab is working in {folder}; wait for it, or choose another --out", code="run-busy"
        ) from error


def _empty_part(part: str, experiment: Experiment) -> CorpusError:
    """Return the error of a split without a part that the recipe needs."""
    remedy = ""
    if part == "valid":
        keep = ["training.choose_epoch_on=none", "training.monitor=last"]
        keep += ["training.patience=null"] if experiment.recipe.training.patience is not None else []
        changes = " ".join(f"--set {change}" for change in keep)
        remedy = (
            ", and nothing else chooses the epoch. Choose a split of three parts, such as random:60/10/30, "
            f"or keep the last epoch with {changes}"
        )
    return CorpusError(
        f"the {part} part of the split {experiment.split.name!r} of {experiment.corpus.name!r} is "
        f"empty{remedy}",
        code="part-empty",
    )


def follow_run(experiment: Experiment, *, base: Path, device: str = "auto") -> None:
    """Train together with the process that calls `run_experiment`, and do nothing else.

    Parameters
    ----------
    experiment, base, device
        As for `run_experiment`.
    """
    follow(experiment.as_used(), folder=folder_of(experiment, base), device=device)


def folder_of(experiment: Experiment, base: Path) -> Path:
    """Return the run folder; if there is one of an earlier version, without the split's seed, that one."""
    split, seed = experiment.split, experiment.seed
    named = partial(
        folders.run_folder, base, recipe=experiment.recipe.name, corpus=experiment.corpus.name, seed=seed
    )
    folder, earlier = named(split=split.name, split_seed=split.seed), named(split=split.name)
    if folder == earlier or folder.exists() or not (earlier / folders.SPLIT).is_file():
        return folder
    ours = split_text(experiment.corpus, experiment.as_used().split)
    return earlier if (earlier / folders.SPLIT).read_bytes() == text_bytes(ours) else folder


def _run(experiment: Experiment, folder: Path, *, device: str, source: str | None, model_file: bool) -> None:
    recipe, corpus = experiment.recipe, experiment.corpus
    trained = train(experiment, folder=folder, device=device)
    predictions = predict(
        trained.network,
        TestSet(corpus, experiment.roles.tested, experiment.store, recipe.audio),
        device=device,
        report=experiment.progress("testing"),
    )
    evaluation = evaluate(predictions, seed=experiment.seed)
    write_predictions(folder / folders.PREDICTIONS, predictions)
    tags = predict_tags(trained.network, experiment, device=device)
    tag_evaluation = None if tags is None else evaluate_tags(tags, seed=experiment.seed)
    if tags is not None:
        write_tag_predictions(folder / folders.TAGS, tags)
    write_sounds(folder, experiment)
    history = read_history(folder)
    findings = [
        *training_findings(recipe, history, genres=len(corpus.genres), moved=trained.moved),
        *prediction_findings(predictions, recipe.voting, steps=trained.steps),
    ]
    record = record_of(experiment, trained, evaluation, folder, findings)
    unwritable = why_unwritable(trained.network) or (None if model_file else _NOT_ASKED_FOR)
    record = record.model_copy(
        update={
            "no_model_file": unwritable,
            "tags": tag_evaluation and TagsRecord.model_validate(tag_evaluation.to_dict()),
            "corpus": record.corpus.model_copy(update={"source": source}),
        }
    )
    if unwritable is None:
        try:
            finished = folders.Run(folder, recipe, record)
            difference = write_run(finished, trained.network, folder / folders.MODEL)
            record = record.model_copy(update={"export_difference": difference})
        except ModelFileError as error:  # the figures of a training are worth keeping
            unwritable = str(error)
            record = record.model_copy(update={"no_model_file": unwritable})
    page = RunPage(
        title=f"{recipe.title}, {corpus.name}",
        facts=facts_of(record)
        | ({"Genres": _INDEPENDENT} if trained.network.independent else {})
        | ({} if unwritable is None else {"Model file": f"none: {unwritable}"}),
        warnings=warnings(record.doubts()),
        severe=warnings(record.severe()),
        verdict=record.verdict,
        findings=findings,
        history=history,
        chosen_on=recipe.training.choose_epoch_on,
        evaluation=evaluation,
        tags=tag_evaluation,
        predictions=predictions,
        recipe_yaml=dump_recipe(recipe),
        rule=recipe.voting,
        segment_seconds=recipe.audio.segment_seconds,
        clips=experiment.clips,
        sections=_frontend_sections(experiment, trained.network),
    )
    write_report(folder / folders.REPORT, page)
    # Last, because this file says that the run is finished.
    replace_text(folder / folders.METRICS, record.text())


def _frontend_sections(experiment: Experiment, network: GenreNetwork) -> Sequence[tuple[str, str]]:
    """Return heading and HTML of each section that the network's front-ends offer for the report."""
    recipe, made = experiment.recipe, []
    audio, tested = recipe.audio, experiment.roles.tested
    for (name, part), learned in zip(recipe.inputs.items(), network.frontends.values(), strict=True):
        initial = FRONTENDS.create(
            part.kind, part.options(), sample_rate=audio.sample_rate, channels=audio.channels
        )
        which = f" of the input {name}" if len(recipe.inputs) > 1 else ""
        for section in cast(Frontend, learned).report_sections(initial):
            segment = middle_segment(experiment.store, experiment.corpus, tested, audio)
            heading, html = rendered(section, segment)
            made.append((f"{heading}{which}", html))
    return made
