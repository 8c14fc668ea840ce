"""The tags of a model file: which ones the folds show to be good enough, their calibration and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genrelab.bundle.tags import TagInfo
from genrelab.errors import RunError
from genrelab.lab.corpora.paths import examples
from genrelab.lab.metrics.tag_calibration import (
    LEAST_AUC,
    Platt,
    calibrated,
    find_tag_threshold,
    fit_platt,
    kept_tags,
)
from genrelab.lab.metrics.tag_predictions import TagPredictions, pool_tags
from genrelab.lab.metrics.tag_scores import TagEvaluation, evaluate_tags
from genrelab.lab.recipes.tags import NO_MUSIC
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.export import TagOutputs

PRECISION = 0.7
"""Wanted share of the shown clips that have a tag."""
FALSE_ALARMS = 0.005
"""Wanted share of music that is called no music."""
_LEAST_NO_MUSIC, _MARGIN = 0.5, 0.02


@dataclass(frozen=True)
class FinalTags:
    """The tags of a model file.

    Attributes
    ----------
    outputs : TagOutputs
        From the network's tags to those of the file.
    info : tuple of TagInfo
        For the metadata.
    no_music_above : float or None
    evaluation : TagEvaluation
        Of all tags of the network, on held-out clips.
    record : dict
        For `final.json`.
    """

    outputs: TagOutputs
    info: tuple[TagInfo, ...]
    no_music_above: float | None
    evaluation: TagEvaluation
    record: dict[str, Any]


def require_same_tags(folds: Sequence[Run], tags: Sequence[str]) -> None:
    """Refuse folds whose networks have other tags than the final one would have.

    Raises
    ------
    RunError
        If they have, such as after a change of the tags of the corpus or of the names of a teacher's tags.
    """
    for fold in folds:
        if tuple(fold.record.network_tags) != tuple(tags):
            other = sorted({*fold.record.network_tags} ^ {*tags}) or ["their order"]
            raise RunError(
                f"{fold.folder} was trained on other tags than a final training would be; different are "
                f"{examples(other)}. Give the corpus and the teachers of the folds, or train the folds again",
                code="tags-changed-since-folds",
            )


def final_tags(folds: Sequence[TagPredictions], *, seed: int) -> FinalTags | None:
    """Choose and calibrate the tags on the held-out clips of folds.

    Parameters
    ----------
    folds : sequence of TagPredictions
        Of the test parts of a cross-validation.
    seed : int
        Of the intervals.

    Returns
    -------
    FinalTags or None
        None if no tag is good enough.
    """
    pooled = pool_tags(folds)
    evaluation = evaluate_tags(pooled, seed=seed)
    kept = [tag for tag in kept_tags(evaluation.tags) if tag != NO_MUSIC]
    fits = {tag: fit_platt(pooled.completed(), tag) for tag in kept}
    cooled = calibrated(pooled, fits).completed()
    info, shown = [], {}
    for tag in kept:
        scores, (kind, name) = evaluation.tags[tag], tag.split(":", 1)
        threshold = find_tag_threshold(cooled, tag, precision=PRECISION, seed=seed)
        info.append(
            TagInfo(
                kind=kind,
                name=name,
                measured=scores.measured,
                auc=round(scores.auc.value, 4),
                average_precision=round(scores.average_precision.value, 4),
                threshold=threshold.probability,
            )
        )
        shown[tag] = {
            "threshold": threshold.probability,
            "precision": round(threshold.precision.value, 4),
            "recall": round(threshold.recall.value, 4),
            "reached": threshold.reached,
        }
    above, alarms = None, None
    if NO_MUSIC in pooled.tags:
        above, alarms = _no_music(folds)
        kept.append(NO_MUSIC)
        fits[NO_MUSIC] = Platt()
        kind, name = NO_MUSIC.split(":", 1)
        info.append(TagInfo(kind=kind, name=name, measured="labels", threshold=above))
    if not kept:
        return None
    columns = tuple(pooled.tags.index(tag) for tag in kept)
    record = {
        "least_auc": LEAST_AUC,
        "kept": shown,
        "left_out": [tag for tag in pooled.tags if tag not in kept],
        "no_music_above": above,
        "false_alarms": alarms,
        "evaluation": evaluation.to_dict(),
    }
    outputs = TagOutputs(columns, tuple(fits[tag] for tag in kept))
    return FinalTags(outputs, tuple(info), above, evaluation, record)


def _no_music(folds: Sequence[TagPredictions]) -> tuple[float, float]:
    """Return the threshold of `content:no music`, and the share of music above the one of the other folds."""
    values = [fold.only([NO_MUSIC]).tracks().probabilities[:, 0] for fold in folds]
    wrong = []
    for number, own in enumerate(values):
        others = [each for at, each in enumerate(values) if at != number] or [own]
        wrong.append(own >= _threshold(np.concatenate(others)))
    return _threshold(np.concatenate(values)), round(float(np.concatenate(wrong).mean()), 4)


def _threshold(music: np.ndarray) -> float:
    rare = float(np.quantile(music, 1.0 - FALSE_ALARMS, method="higher")) + _MARGIN
    return round(min(max(rare, _LEAST_NO_MUSIC), 1.0), 3)
