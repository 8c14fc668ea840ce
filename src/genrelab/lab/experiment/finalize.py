"""From the folds of a cross-validation to the recognizer that is used.

The folds say how well a recipe does on clips that it has not learned. Then the same recipe learns all of
their clips: nothing is left to choose or to test. Temperature and threshold are those that make the folds'
answers on held-out clips mean what they say, and the model file tells the folds' figures, since none can be
measured on clips that were learned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from genrelab.errors import RunError, UsageError
from genrelab.files import only_one, replace_text
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.record import describe
from genrelab.lab.experiment.run import check_sound_or_table, claim, identity_of
from genrelab.lab.experiment.shortfalls import Shortfall, shortfalls
from genrelab.lab.experiment.shortfalls import to_dicts as shortfall_dicts
from genrelab.lab.leakage.record_checks import keep_sounds
from genrelab.lab.leakage.verdict import together, verdict_of
from genrelab.lab.metrics.calibration import (
    Bin,
    Threshold,
    calibration_error,
    confidences,
    find_threshold,
    fit_temperature,
    reliability,
    tempered,
)
from genrelab.lab.metrics.predictions import Predictions, pool
from genrelab.lab.metrics.scores import Evaluation, evaluate
from genrelab.lab.models import build_network
from genrelab.lab.plugins import check_plugins, plugins_used, record_plugins
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.findings import findings_of, to_dicts, training_findings
from genrelab.lab.runs.known_recordings import learned_digests
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.export import export, why_unwritable
from genrelab.lab.training.store.audio_store import open_store, sound_key
from genrelab.lab.training.train import train

RECORD = "final.json"
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Held:
    """What the folds say of clips that they had not learned.

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
        Share of right answers, and of answers at all, where each fold's temperature and threshold are those
        of the other folds.
    bins : list of Bin
        Of the pooled answers.
    shortfalls : tuple of Shortfall
        What was wanted and not reached.
    """

    predictions: Predictions
    evaluation: Evaluation
    temperature: float
    threshold: Threshold
    error: float
    precision: float
    answered: float
    bins: list[Bin]
    shortfalls: tuple[Shortfall, ...]


def held_out(folds: Sequence[Predictions], *, precision: float, seed: int) -> Held:
    """Calibrate on the test parts of folds, and measure the calibration on folds that it has not seen.

    Parameters
    ----------
    folds : sequence of Predictions
        Two or more, no clip in two of them.
    precision : float between 0 and 1
        Share of answers that is to be right.
    seed : int
        Of the intervals.

    Raises
    ------
    UsageError
        If there is but one fold, or a clip was tested twice.
    """
    if len(folds) < 2:
        raise UsageError("calibration needs the folds of a cross-validation: two runs or more")
    everything = pool(folds)
    temperature = fit_temperature(everything)
    cooled = tempered(everything, temperature)
    confidence, right, given, borders = [], [], [], []
    for number, fold in enumerate(folds):
        others = pool([each for at, each in enumerate(folds) if at != number])
        own = fit_temperature(others)
        borders.append(find_threshold(tempered(others, own), precision=precision, seed=seed))
        sure, hit = confidences(tempered(fold, own).tracks("mean"))
        confidence.append(sure)
        right.append(hit)
        given.append(sure >= borders[-1].confidence)
    hit, answers = np.concatenate(right), np.concatenate(given)
    threshold = find_threshold(cooled, precision=precision, seed=seed)
    measured = float(hit[answers].mean()) if answers.any() else float("nan")
    return Held(
        predictions=cooled,
        evaluation=evaluate(cooled, seed=seed),
        temperature=temperature,
        threshold=threshold,
        error=calibration_error(np.concatenate(confidence), hit),
        precision=measured,
        answered=float(answers.mean()),
        bins=reliability(*confidences(cooled.tracks("mean"))),
        shortfalls=shortfalls(
            cooled, temperature=temperature, threshold=threshold, by_fold=borders, precision=measured
        ),
    )


def finalize(
    folds: Sequence[folders.Run],
    corpus: Corpus,
    *,
    folder: Path,
    to: Path,
    precision: float = 0.8,
    half: bool = False,
    force: bool = False,
    device: str = "auto",
    report: Report | None = None,
) -> tuple[Held, dict[str, Any]]:
    """Train the recipe of folds on all of their clips, calibrate it, write the model file.

    A training that was stopped goes on.

    Parameters
    ----------
    folds : sequence of Run
        The finished folds of one cross-validation.
    corpus : Corpus
        The one that they were trained on.
    folder : Path
        Gets the training and `final.json`.
    to : Path
        The model file.
    precision : float between 0 and 1
        Below the lowest confidence from which on so many answers are right, the model says `unsure`.
    half : bool
        Keep weights in half precision.
    force : bool
        Make the file although its threshold does not reach the precision, or a network broke down; the file
        says so.
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Called with what is being done, how much of it is done, and of how much.

    Returns
    -------
    Held
    dict
        What `final.json` says.

    Raises
    ------
    UsageError
        If the runs are not the folds of one cross-validation, choose epochs, or vote otherwise than by mean.
    RunError
        If they were trained on another corpus, or the folder holds another training; without `force` also
        if the precision is not reached, which is told before anything is trained, or a network broke down.
    """
    recipe = _recipe_of(folds)
    audio, seed = recipe.audio, folds[0].metrics["seed"]
    sound = sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    if any(fold.metrics["corpus"]["sound_sha256"] != sound for fold in folds):
        raise RunError(
            f"the folds were trained on {folds[0].metrics['corpus']['name']}, and {corpus.name} sounds "
            "otherwise; give the same --corpus"
        )
    for each in (*(fold.folder for fold in folds), folder):
        check_plugins(each, training=True)
    network = build_network(recipe, genres=len(corpus.genres))
    check_sound_or_table(recipe, network, corpus)
    unwritable = why_unwritable(network)
    if unwritable is not None:
        raise UsageError(f"{recipe.name} makes no model file: {unwritable}")
    held = held_out([fold.predictions() for fold in folds], precision=precision, seed=seed)
    if not force:
        _refuse_what_fell_short(held)
        _refuse_what_broke(folds)
    split = Split(
        name="all",
        train=list(held.predictions.clips),
        valid=(),
        test=(),
        made=f"all clips that {len(folds)} folds tested; none kept back",
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with only_one(folder.with_name(f".{folder.name}.lock")):
            claim(folder, identity_of(recipe, corpus, split))
            record_plugins(folder, plugins_used(recipe, folds[0].metrics["corpus"]["source"]))
            store = open_store(
                corpus,
                sample_rate=audio.sample_rate,
                channels=audio.channels,
                report=partial(report, "decoding") if report else None,
            )
            trained = train(
                recipe, corpus, split, store, folder=folder, seed=seed, device=device, report=report
            )
            keep_sounds(recipe, corpus, split, store, folder)
    except BlockingIOError as error:
        raise RunError(f"another genrelab is working in {folder}; wait for it") from error
    findings = training_findings(recipe, read_history(folder), genres=len(corpus.genres), moved=trained.moved)
    if findings and not force:
        raise RunError(f"{to} was not written: {findings[0].words()} Or --force; the training is in {folder}")
    result = _result(folds, held, precision) | {"findings": to_dicts(findings)}
    about = describe(
        recipe,
        corpus.genres,
        corpus.name,
        corpus.licence,
        corpus.citation,
        learned=learned_digests(folder, on_test=False, weights=recipe.training.weights_file),
        results=(result,),
    ).model_copy(
        update={"temperature": held.temperature, "abstain_below": held.threshold.confidence},
    )
    difference = export(trained.network, about, to, half=half)
    record = {
        "recipe": recipe.name,
        "parameters": trained.network.parameter_count(),
        "learned": dict(trained.learned),
        "temperature": held.temperature,
        "threshold": held.threshold.confidence,
        "export_difference": difference,
        "training_seconds": round(trained.seconds, 1),
        "result": result,
        "reliability": [
            [each.low, each.high, each.tracks, _plain(each.confidence), _plain(each.accuracy)]
            for each in held.bins
        ],
        "evaluation": held.evaluation.to_dict(),
        "versions": folders.versions(),
    }
    replace_text(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    return held, record


def _refuse_what_fell_short(held: Held) -> None:
    grave = [each.words() for each in held.shortfalls if each.grave]
    if grave:
        raise RunError(
            f"{' '.join(grave)} No model file was made: ask for less with --precision, or take --force, and "
            "the file says that its confidences promise nothing"
        )


def _refuse_what_broke(folds: Sequence[folders.Run]) -> None:
    for fold in folds:
        for finding in findings_of(fold.metrics):
            raise RunError(
                f"{fold.folder}: {finding.words()} No model file was made: train the folds again, or take "
                "--force"
            )


def _recipe_of(folds: Sequence[folders.Run]) -> Recipe:
    if not folds:
        raise UsageError("name the finished folds of a cross-validation")
    for what in ("recipe_sha256", "seed"):
        if len({fold.metrics[what] for fold in folds}) > 1:
            raise UsageError(f"the runs differ in their {what}: they are not folds of one cross-validation")
    recipe = folds[0].recipe
    if recipe.training.choose_epoch_on != "none":
        raise UsageError(
            f"{recipe.name} chooses its epoch on a part of the clips, and here all are learned; train the "
            "folds with --set training.monitor=last --set training.choose_epoch_on=none"
        )
    if recipe.voting != "mean":
        raise UsageError("probabilities can be calibrated where segments vote by mean: --set voting=mean")
    return recipe


def _result(folds: Sequence[folders.Run], held: Held, precision: float) -> dict[str, Any]:
    """Say how good the model is, and how that is known."""
    track = held.evaluation.track["mean"].to_dict()
    verdict = together([verdict_of(fold.metrics) for fold in folds])
    return {
        "corpus": folds[0].metrics["corpus"]["name"],
        "split": " + ".join(fold.metrics["split"]["name"] for fold in folds),
        "made": folds[0].metrics["split"]["made"],
        "measured": "by cross-validation: each clip by a network that had learned none of its fold. The "
        "network of this file learned all clips, and no figure of it can be measured on them",
        "clips": track["n"],
        "groups": track["groups"],
        "verdict": verdict.state,
        "because": verdict.because(),
        "distilled": folds[0].metrics.get("learned", {}).get("distilled"),
        "seed": folds[0].metrics["seed"],
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
        "shortfalls": shortfall_dicts(held.shortfalls),
        "warnings": [each.words() for each in held.shortfalls],
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
