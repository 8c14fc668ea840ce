"""Fusion of finished networks: their track probabilities averaged, equally or with learned weights.

The future work of paper `ms-sincresnet` (5), after the sum rule of FusionNet (Ng et al. 2020).

Definition
----------
- A network's answer for a track is the mean of the probabilities of its segments, so that networks with
  segments of different lengths can be fused. The fused probabilities are the weighted mean of the answers.
- Learned weights are at least 0 and sum to 1; they maximize the likelihood of the genres of the *validation*
  clips, which is a convex problem (a mixture of fixed distributions). Test clips have no part in it. Every
  split has weights of its own. The validation clips also chose the epochs, so a network whose epoch was
  chosen among many may get too much weight.
- Only runs of one split can be fused: another run may have been trained on the clips that this one is tested
  on. Several folds of a cross-validation are fused fold by fold and then pooled.
- Genres exclude each other; networks with independent genres (`training.loss: binary`) are refused.
- The verdict on leaks is as bad as the worst of the networks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from genrelab.errors import UsageError
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.findings import combined
from genrelab.lab.findings.wording import warnings
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.metrics.predictions import Predictions, pool, read_predictions, write_predictions
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import SplitRecord, TestRecord
from genrelab.lab.studies.compare import Pair, compare_systems
from genrelab.lab.studies.cross_corpus import Tested, check_no_run, write_tested
from genrelab.lab.studies.fusion_groups import by_split, file_digest, network_of, split_name
from genrelab.lab.studies.systems import Scored, System, systems_of
from genrelab.lab.training.checkpoints import BEST
from genrelab.lab.training.experiment import Report
from genrelab.lab.training.store.audio_store import open_store, sound_key

Weights = Literal["average", "learned"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """Networks that were fused.

    Attributes
    ----------
    record : TestRecord
        Of the fused answers for all test clips.
    folder : Path
        With metrics.json, predictions.csv and report.html.
    networks : tuple of str
        Names of the networks.
    weights : mapping of str to tuple of float
        Name of a split -> weight of each network.
    pairs : tuple of Pair
        The fused answers compared with each network on the same clips.
    """

    record: TestRecord
    folder: Path
    networks: tuple[str, ...]
    weights: Mapping[str, tuple[float, ...]]
    pairs: tuple[Pair, ...]


def fuse(
    runs: Sequence[Run],
    folder: Path,
    *,
    weights: Weights = "average",
    corpus: Corpus | None = None,
    device: str = "auto",
    report: Report | None = None,
) -> Fusion:
    """Fuse finished runs of the same split, or of the same folds.

    Parameters
    ----------
    runs : sequence of Run
        Two or more networks (recipes or seeds); for a cross-validation the same folds of each.
    folder : Path
        For the result. Predictions for validation clips are kept there and not computed again.
    weights : {"average", "learned"}
    corpus : Corpus or None
        The one that the runs were trained on; learned weights need it.
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Shows progress.

    Returns
    -------
    Fusion

    Raises
    ------
    UsageError
        If the folder holds a run, there are fewer than two networks, or the runs are of different corpora,
        genres or splits, were tested on different clips, or have no validation clips to learn weights from.
    """
    check_no_run(folder)
    groups = by_split(runs)
    names = _names(next(iter(groups.values())))
    systems, fused = systems_of(runs), []
    learned: dict[str, tuple[float, ...]] = {}
    for number, group in enumerate(groups.values(), start=1):
        answers = [_tracks(run.predictions()) for run in group]
        shares: tuple[float, ...] = (1 / len(group),) * len(group)
        if weights == "learned":
            doing = None if report is None else partial(report, f"validation clips, split {number}")
            kept = [_tracks(_validation(run, corpus, folder, device=device, report=doing)) for run in group]
            shares = learn_weights(kept)
        fused.append(mixed(answers, shares))
        learned[split_name(group[0], learned)] = shares
    predictions = pool(fused)
    first = next(iter(groups.values()))
    tested = _tested(runs, first, names, learned, predictions, weights)
    record = write_tested(folder, tested)
    ours = _system(systems[0], predictions, tested)
    return Fusion(record, folder, names, learned, tuple(compare_systems(ours, each) for each in systems))


def mixed(answers: Sequence[Predictions], shares: Sequence[float]) -> Predictions:
    """Return the weighted mean of answers for the same tracks, one segment per track.

    Raises
    ------
    UsageError
        If the tracks or genres differ.
    """
    first = answers[0]
    for other in answers[1:]:
        if other.genres != first.genres or other.truth != first.truth:
            apart = set(first.truth) ^ set(other.truth)
            example = f", e.g. {printable(min(apart))!r}" if apart else ""
            raise UsageError(
                f"the networks answered for different clips or genres{example}; fuse runs that were tested "
                "on the same clips with the same labels",
                code="fusion-clips-differ",
            )
    at = [{clip: row for row, clip in enumerate(each.clip_ids)} for each in answers]
    total: Floats = np.zeros_like(first.probabilities)
    for share, each, rows in zip(shares, answers, at, strict=True):
        total += share * each.probabilities[[rows[clip] for clip in first.clip_ids]]
    return Predictions(first.genres, first.clip_ids, first.starts, total, first.truth, first.groups)


def learn_weights(answers: Sequence[Predictions]) -> tuple[float, ...]:
    """Return the weights that give the true genres of tracks the greatest likelihood.

    Parameters
    ----------
    answers : sequence of Predictions
        Of each network for the same tracks, one segment per track; never the test clips.
    """
    count = len(answers)
    mixed(answers, [1 / count] * count)  # raises unless all answer for the same tracks
    clips = answers[0].clips
    right = np.empty((len(clips), count))
    for column, each in enumerate(answers):
        tracks = each.tracks("mean")
        row = {clip: number for number, clip in enumerate(tracks.clip_ids)}
        of_truth = tracks.probabilities[np.arange(len(clips)), tracks.truth]
        right[:, column] = of_truth[[row[clip] for clip in clips]]
    right = np.maximum(right, 1e-12)

    def loss(shares: Floats) -> tuple[float, Floats]:
        total = np.maximum(right @ shares, 1e-12)
        return -float(np.log(total).mean()), -(right / total[:, None]).mean(axis=0)

    found = minimize(
        loss,
        np.full(count, 1 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1, "jac": np.ones_like},
    )
    shares = np.clip(found.x, 0.0, None)
    return tuple((shares / shares.sum()).tolist())


def _names(group: Sequence[Run]) -> tuple[str, ...]:
    """Name networks by their recipe and, where needed, by their seed or number."""
    plain = [run.record.recipe for run in group]
    seeded = [f"{run.record.recipe}, seed {run.record.seed}" for run in group]
    names = [name if plain.count(name) == 1 else full for name, full in zip(plain, seeded, strict=True)]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({digest[:8]})"
        for name, (digest, _) in zip(names, map(network_of, group), strict=True)
    )


def _tracks(predictions: Predictions) -> Predictions:
    """Return the mean probabilities of each track as its only segment."""
    tracks = predictions.tracks("mean")
    starts = np.zeros(len(tracks.clip_ids))
    return Predictions(
        predictions.genres,
        tracks.clip_ids,
        starts,
        tracks.probabilities,
        predictions.truth,
        predictions.groups,
    )


def _validation(
    run: Run, corpus: Corpus | None, folder: Path, *, device: str, report: Callable[[int, int], None] | None
) -> Predictions:
    """Return the predictions for validation clips that were not trained on; keep them in the folder."""
    if corpus is None:
        raise UsageError(
            "learned weights need the corpus of the runs: give --corpus", code="fusion-without-corpus"
        )
    audio, record = run.recipe.audio, run.record
    sound = sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    if sound != record.corpus.sound_sha256:
        raise UsageError(
            f"{corpus.name} does not sound like the corpus that {run.folder} was trained on; give the same "
            "--corpus as in training",
            code="fusion-other-corpus",
        )
    split = read_split(run.folder / folders.SPLIT, name=record.split.name, made=record.split.made)
    if not split.valid or record.epoch.chosen_on != "valid":
        raise UsageError(
            f"{run.folder} has no validation clips that were kept out of its training, so no weights can be "
            "learned; use --weights average",
            code="fusion-without-validation",
        )
    weights = file_digest(run.folder / BEST)
    path = folder / f"valid-{hashlib.sha256((weights + sound).encode()).hexdigest()[:16]}.csv"
    if path.is_file():
        return read_predictions(path)
    store = open_store(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    tested = TestSet(corpus, split.valid, store, audio)
    predictions = predict(run.network(), tested, device=device, report=report)
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(path, predictions)
    return predictions


def _tested(
    runs: Sequence[Run],
    first: Sequence[Run],
    names: Sequence[str],
    learned: Mapping[str, Sequence[float]],
    predictions: Predictions,
    weights: Weights,
) -> Tested:
    """Gather what is recorded and shown."""
    records = [run.record for run in runs]
    splits = list(dict.fromkeys(each.split.name for each in records))
    how = "equal" if weights == "average" else "learned on the validation clips of each split"
    facts = {"Networks": "; ".join(names), "Weights": how}
    for split, shares in learned.items():
        each = (f"{name} {share:.3f}" for name, share in zip(names, shares, strict=True))
        facts[f"Weights, {split}"] = "; ".join(each)
    facts |= {"Corpus": records[0].corpus.name, "Folds": "; ".join(splits)}
    return Tested(
        runs,
        predictions,
        facts,
        warnings=list(dict.fromkeys(doubt for each in records for doubt in warnings(each.doubts()))),
        severe=tuple(dict.fromkeys(found for each in records for found in each.severe())),
        verdict=combined([each.verdict for each in records]),
        corpus=records[0].corpus,
        split=SplitRecord(
            name=" + ".join(splits),
            made=" + ".join(dict.fromkeys(each.split.made for each in records)),
            clips={"test": len(predictions.clips)},
        ),
        name=f"fusion of {' + '.join(names)}",
        recipes="\n".join(
            f"# {name}\n{dump_recipe(run.recipe)}" for name, run in zip(names, first, strict=True)
        ),
        digest=hashlib.sha256(
            "".join([weights, *(digest for digest, _ in map(network_of, first))]).encode()
        ).hexdigest(),
    )


def _system(like: System, predictions: Predictions, tested: Tested) -> System:
    """Return the fused answers as a system that can be compared."""
    answers = predictions.tracks("mean")
    right = answers.orders[:, 0] == answers.truth
    clips = {
        clip: Scored(predictions.truth[clip], answers.groups[at], float(right[at]), "")
        for at, clip in enumerate(answers.clip_ids)
    }
    return System(
        "the fusion",
        tested.name or "",
        like.corpus,
        tested.split.name,
        like.original,
        (tested.runs[0].record.seed,),
        predictions.genres,
        clips,
        (),
        tested.verdict,
    )
