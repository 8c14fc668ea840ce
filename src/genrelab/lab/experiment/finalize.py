"""From the folds of a cross-validation to the recognizer that is used.

The folds measure a recipe on held-out clips. Then the same recipe is trained on all of their clips: nothing
is left to choose an epoch or to test. Temperature and threshold calibrate the folds' predictions for
held-out clips, and the model file carries the folds' figures, since none can be measured on training clips.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genrelab.errors import RunError, UsageError
from genrelab.files import only_one, replace_text
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.final_tags import final_tags, require_same_tags
from genrelab.lab.experiment.identity import claim, identity_of
from genrelab.lab.experiment.model_file import write_network
from genrelab.lab.experiment.record import corpus_record, describe
from genrelab.lab.experiment.shortfalls import GRAVE, shortfalls
from genrelab.lab.findings import Finding, combined
from genrelab.lab.findings.wording import because, sentence
from genrelab.lab.metrics.calibration import (
    Bin,
    Threshold,
    calibration_error,
    confidences,
    fit_temperature,
    reliability,
    tempered,
)
from genrelab.lab.metrics.genre_thresholds import Answering, GenreThreshold, find_thresholds
from genrelab.lab.metrics.predictions import Predictions, pool
from genrelab.lab.metrics.scores import Evaluation, evaluate
from genrelab.lab.plugins import check_plugins, plugins_used, record_plugins
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.folders import require_one_cross_validation
from genrelab.lab.runs.known_recordings import write_sounds
from genrelab.lab.runs.lineage import learned_digests
from genrelab.lab.runs.network_findings import training_findings
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment, Report
from genrelab.lab.training.export import why_unwritable
from genrelab.lab.training.train import Trained, train

RECORD = folders.FINAL


@dataclass(frozen=True)
class Held:
    """What the folds predict for held-out clips.

    Attributes
    ----------
    predictions : Predictions
        Of all folds, with the temperature.
    evaluation : Evaluation
    temperature : float
    threshold : Threshold
    error : float
        Calibration error where each fold's temperature is that of the other folds.
    precision, answered : float
        Share of correct answers, and of answers at all, where each fold's temperature and threshold are
        those of the other folds.
    by_genre : mapping of str to GenreThreshold
        Genre -> its own threshold; empty unless asked for.
    common, own : Answering
        Precision and answers as above, with one threshold for all genres, and with those by genre.
    bins : list of Bin
        Of the pooled predictions.
    shortfalls : tuple of Finding
        What was wanted and not reached.
    """

    predictions: Predictions
    evaluation: Evaluation
    temperature: float
    threshold: Threshold
    error: float
    precision: float
    answered: float
    by_genre: Mapping[str, GenreThreshold]
    common: Answering
    own: Answering
    bins: list[Bin]
    shortfalls: tuple[Finding, ...]


def held_out(folds: Sequence[Predictions], *, precision: float, seed: int, by_genre: bool = False) -> Held:
    """Calibrate on the test parts of folds, and measure the calibration on folds that it was not fitted to.

    Parameters
    ----------
    folds : sequence of Predictions
        Two or more, no clip in two of them.
    precision : float between 0 and 1
        Wanted share of correct answers.
    seed : int
        Of the intervals.
    by_genre : bool
        Whether genres get thresholds of their own, see `genrelab.lab.metrics.genre_thresholds`.

    Raises
    ------
    UsageError
        If there is only one fold, or a clip was tested twice.
    """
    if len(folds) < 2:
        raise UsageError(
            "calibration needs the folds of a cross-validation: two runs or more", code="one-fold"
        )
    everything = pool(folds)
    temperature = fit_temperature(everything)
    cooled = tempered(everything, temperature)
    genres = everything.genres
    confidence, right, alike, apart, borders = [], [], [], [], []
    for number, fold in enumerate(folds):
        others = pool([each for at, each in enumerate(folds) if at != number])
        own = fit_temperature(others)
        found = find_thresholds(tempered(others, own), precision=precision, seed=seed)
        tracks = tempered(fold, own).tracks("mean")
        sure, hit = confidences(tracks)
        confidence.append(sure)
        right.append(hit)
        borders.append(found.rest if by_genre else found.common)
        alike.append(found.answered(tracks, genres, by_genre=False))
        apart.append(found.answered(tracks, genres, by_genre=True))
    hit = np.concatenate(right)
    common, own_thresholds = (Answering.of(hit, np.concatenate(each)) for each in (alike, apart))
    thresholds = find_thresholds(cooled, precision=precision, seed=seed)
    threshold = thresholds.rest if by_genre else thresholds.common
    measured = own_thresholds if by_genre else common
    return Held(
        predictions=cooled,
        evaluation=evaluate(cooled, seed=seed),
        temperature=temperature,
        threshold=threshold,
        error=calibration_error(np.concatenate(confidence), hit),
        precision=measured.precision,
        answered=measured.answered,
        by_genre=thresholds.by_genre if by_genre else {},
        common=common,
        own=own_thresholds,
        bins=reliability(*confidences(cooled.tracks("mean"))),
        shortfalls=shortfalls(
            cooled,
            temperature=temperature,
            threshold=threshold,
            by_fold=borders,
            precision=measured.precision,
            answered=thresholds.answered(cooled.tracks("mean"), genres, by_genre=by_genre),
        ),
    )


@dataclass(frozen=True)
class Final:
    """What to make of the folds of a cross-validation.

    Attributes
    ----------
    folder : Path
        Gets the training and `final.json`.
    to : Path
        The model file.
    precision : float between 0 and 1
        Wanted share of correct answers: below the confidence that reaches it, the model answers `unsure`.
    half : bool
        Keep weights in half precision.
    force : bool
        Make the file although its threshold does not reach the precision, or a network broke down; the file
        says so.
    by_genre : bool
        Give genres that are right too rarely thresholds of their own.
    """

    folder: Path
    to: Path
    precision: float = 0.8
    half: bool = False
    force: bool = False
    by_genre: bool = False


def finalize(
    folds: Sequence[folders.Run],
    corpus: Corpus,
    wanted: Final,
    *,
    device: str = "auto",
    report: Report | None = None,
) -> tuple[Held, dict[str, Any]]:
    """Train the recipe of folds on all of their clips, calibrate it, write the model file.

    A training that was stopped continues.

    Parameters
    ----------
    folds : sequence of Run
        The finished folds of one cross-validation.
    corpus : Corpus
        The one that they were trained on.
    wanted : Final
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Shows progress.

    Returns
    -------
    Held
    dict
        The content of `final.json`.

    Raises
    ------
    UsageError
        If the runs are not the folds of one cross-validation, choose epochs, or do not vote by mean.
    RunError
        If they were trained on another corpus, or the folder holds another training; without `force` also
        if the precision is not reached, which shows before anything is trained, or a network broke down.
    """
    recipe = _recipe_of(folds)
    split = Split("all", (), (), (), "")
    experiment = Experiment(recipe, corpus, split, folds[0].record.seed, report)
    if any(fold.record.corpus.sound_sha256 != experiment.sound_key() for fold in folds):
        raise RunError(
            f"the folds were trained on {folds[0].record.corpus.name}, and {corpus.name} sounds different; "
            "give the same --corpus",
            code="folds-of-another-corpus",
        )
    for each in (*(fold.folder for fold in folds), wanted.folder):
        check_plugins(each, training=True)
    unwritable = why_unwritable(experiment.network())
    require_same_tags(folds, experiment.tags)
    if unwritable is not None:
        raise UsageError(f"{recipe.name} makes no model file: {unwritable}", code="model-not-exportable")
    held = held_out(
        [fold.predictions() for fold in folds],
        precision=wanted.precision,
        seed=experiment.seed,
        by_genre=wanted.by_genre,
    )
    if not wanted.force:
        _refuse_shortfalls(held)
        _refuse_broken(folds)
    made = f"all clips that {len(folds)} folds tested; none kept back"
    experiment = replace(experiment, split=Split("all", list(held.predictions.clips), (), (), made))
    trained = _train(experiment, wanted.folder, device, folds[0].record.corpus.source)
    findings = training_findings(
        recipe, read_history(wanted.folder), genres=len(corpus.genres), moved=trained.moved
    )
    if findings and not wanted.force:
        raise RunError(
            f"{wanted.to} was not written: {sentence(findings[0])} Or --force; the training is in "
            f"{wanted.folder}",
            code="network-broken",
        )
    result = _result(folds, held, wanted.precision)
    result["findings"] = [each.to_dict() for each in findings]
    learned = learned_digests(wanted.folder, on_test=False, weights=recipe.training.weights)
    about = describe(recipe, corpus_record(corpus), learned=learned, results=(result,)).model_copy(
        update={
            "temperature": held.temperature,
            "abstain_below": held.threshold.confidence,
            "abstain_below_by_genre": _limits(held),
        },
    )
    of_folds = [found for fold in folds if (found := fold.tag_predictions()) is not None]
    tags = final_tags(of_folds, seed=experiment.seed) if of_folds else None
    difference = write_network(trained.network, about, wanted.to, tags=tags, half=wanted.half)
    record = {
        "recipe": recipe.name,
        "parameters": trained.network.parameter_count(),
        "learned": dict(trained.learned),
        "temperature": held.temperature,
        "threshold": held.threshold.confidence,
        "threshold_by_genre": _limits(held),
        "export_difference": difference,
        "training_seconds": round(trained.seconds, 1),
        "result": result,
        "reliability": [
            [each.low, each.high, each.tracks, _plain(each.confidence), _plain(each.accuracy)]
            for each in held.bins
        ],
        "evaluation": held.evaluation.to_dict(),
        **({} if tags is None else {"tags": tags.record}),
        "versions": folders.versions(),
    }
    replace_text(wanted.folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    return held, record


def _train(experiment: Experiment, folder: Path, device: str, source: str | None) -> Trained:
    """Train on all clips, in a folder that no other process works in."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with only_one(folder.with_name(f".{folder.name}.lock")):
            claim(folder, identity_of(experiment), remedy="choose another --out, or delete the folder")
            record_plugins(folder, plugins_used(experiment.recipe, source))
            trained = train(experiment, folder=folder, device=device)
            write_sounds(folder, experiment)
            return trained
    except BlockingIOError as error:
        raise RunError(f"another genrelab is working in {folder}; wait for it", code="run-busy") from error


def _refuse_shortfalls(held: Held) -> None:
    grave = [sentence(each) for each in held.shortfalls if each.kind in GRAVE]
    if grave:
        raise RunError(
            f"{' '.join(grave)} No model file was made: ask for less with --precision, or use --force, and "
            "the file says that its confidences promise nothing",
            code="precision-not-reached",
        )


def _refuse_broken(folds: Sequence[folders.Run]) -> None:
    for fold in folds:
        for finding in fold.record.findings:
            raise RunError(
                f"{fold.folder}: {sentence(finding)} No model file was made: train the folds again, or use "
                "--force",
                code="fold-broken",
            )


def _recipe_of(folds: Sequence[folders.Run]) -> Recipe:
    if not folds:
        raise UsageError("name the finished folds of a cross-validation", code="no-folds")
    require_one_cross_validation(folds)
    recipe = folds[0].recipe
    if recipe.training.choose_epoch_on != "none":
        raise UsageError(
            f"{recipe.name} chooses its epoch on a part of the clips, and here all are trained on; train the "
            "folds with --set training.monitor=last --set training.choose_epoch_on=none",
            code="folds-choose-epoch",
        )
    if recipe.voting != "mean":
        raise UsageError(
            "probabilities can be calibrated only if segments vote by mean: --set voting=mean",
            code="folds-vote-by-majority",
        )
    return recipe


def _result(folds: Sequence[folders.Run], held: Held, precision: float) -> dict[str, Any]:
    """Return how good the model is, and how that was measured."""
    track = held.evaluation.track["mean"].to_dict()
    first = folds[0].record
    verdict = combined([fold.record.verdict for fold in folds])
    return {
        "corpus": first.corpus.name,
        "split": " + ".join(fold.record.split.name for fold in folds),
        "made": first.split.made,
        "measured": "by cross-validation: each clip by a network that was trained without its fold. The "
        "network of this file was trained on all clips, so no figure of it can be measured on them",
        "clips": track["n"],
        "groups": track["groups"],
        "verdict": verdict.state,
        "because": because(verdict),
        "distilled": first.distilled,
        "seed": first.seed,
        "voting": "mean",
        "track_accuracy": track["accuracy"],
        "track_balanced_accuracy": track["balanced_accuracy"],
        "track_top2_accuracy": track["top2_accuracy"],
        "calibration_error": round(held.error, 4),
        "precision_wanted": precision,
        "precision_reached": held.threshold.reached,
        "precision_at_least": _plain(held.threshold.low),
        "precision_answers": held.threshold.answers,
        "precision": _plain(held.precision),
        "answered": round(held.answered, 4),
        "thresholds_by_genre": {genre: asdict(each) for genre, each in held.by_genre.items()},
        "one_threshold": held.common.to_dict(),
        "with_thresholds_by_genre": held.own.to_dict(),
        "shortfalls": [{**each.values, **each.to_dict()} for each in held.shortfalls],
        "warnings": [sentence(each) for each in held.shortfalls],
    }


def _limits(held: Held) -> dict[str, float]:
    return {genre: each.confidence for genre, each in held.by_genre.items()}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
