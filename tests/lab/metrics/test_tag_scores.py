"""Figures of tags against scikit-learn, their intervals against resampling by hand, and the teacher."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from raising import raises
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    roc_auc_score,
)

from genrelab.lab.metrics.bootstrap import ClusterBootstrap
from genrelab.lab.metrics.tag_predictions import TagPredictions, teacher_truth
from genrelab.lab.metrics.tag_scores import evaluate_tags

MOODS = ("mood:angry", "mood:calm", "mood:sad")
TAGS = (*MOODS, "genre:folk", "style:punk")
CLIPS = tuple(f"c{number}" for number in range(90))
GROUPS = {clip: f"artist {number // 3}" for number, clip in enumerate(CLIPS)}


@pytest.fixture(scope="module")
def predictions() -> TagPredictions:
    """Moods exclude each other; two thirds of the clips have genres; nobody labelled styles."""
    rng = np.random.default_rng(7)
    truth = np.full((90, 5), -1)
    truth[:, :3] = np.eye(3, dtype=int)[rng.integers(3, size=90)]
    truth[:60, 3] = rng.random(60) < 0.3
    noise = rng.random((90, 5))
    return TagPredictions(TAGS, CLIPS, truth, 0.6 * noise + 0.4 * (truth == 1), GROUPS)


def test_values_are_those_of_scikit_learn_on_the_known_clips(predictions: TagPredictions) -> None:
    found = evaluate_tags(predictions, seed=0)
    assert tuple(found.tags) == TAGS
    for tag, known in (("mood:calm", 90), ("genre:folk", 60)):
        column = TAGS.index(tag)
        truth, values = predictions.truth[:known, column], predictions.probabilities[:known, column]
        scores = found.tags[tag]
        assert (scores.measured, scores.groups) == ("labels", known // 3)
        assert (scores.positives, scores.negatives) == (truth.sum(), known - truth.sum())
        assert scores.auc.value == pytest.approx(roc_auc_score(truth, values))
        assert scores.average_precision.value == pytest.approx(average_precision_score(truth, values))
        assert scores.auc.low < scores.auc.value < scores.auc.high
        assert scores.pearson is scores.spearman is None
    punk = found.tags["style:punk"]
    assert (punk.positives, punk.negatives) == (0, 0) and math.isnan(punk.auc.value)
    four = [found.tags[tag] for tag in TAGS[:4]]
    assert found.mean_auc.value == pytest.approx(np.mean([each.auc.value for each in four]))
    assert found.mean_auc.low < found.mean_auc.value < found.mean_auc.high
    mean = np.mean([each.average_precision.value for each in four])
    assert found.mean_average_precision.value == pytest.approx(mean)


def test_an_interval_is_that_of_artists_drawn_by_hand(predictions: TagPredictions) -> None:
    rng = np.random.default_rng(1)
    folk = evaluate_tags(predictions, seed=0).tags["genre:folk"]
    truth, values = predictions.truth[:60, 3], predictions.probabilities[:60, 3]
    drawn = []
    for _ in range(2000):
        artists = rng.integers(30, size=30)
        rows = (artists[artists < 20, None] * 3 + np.arange(3)).ravel()
        if 0 < truth[rows].sum() < len(rows):
            drawn.append(roc_auc_score(truth[rows], values[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert folk.auc.low == pytest.approx(low, abs=0.02) and folk.auc.high == pytest.approx(high, abs=0.02)


def test_the_seed_decides_and_more_confidence_is_wider(predictions: TagPredictions) -> None:
    first = evaluate_tags(predictions, seed=3, resamples=200).to_dict()
    assert evaluate_tags(predictions, seed=3, resamples=200).to_dict() == first
    assert evaluate_tags(predictions, seed=4, resamples=200).to_dict() != first
    wide = evaluate_tags(predictions, seed=3, resamples=200, confidence=0.99).tags["mood:calm"].auc
    assert wide.low < first["tags"]["mood:calm"]["auc"]["low"]
    assert json.loads(json.dumps(first)) == first
    assert first["tags"]["style:punk"]["auc"] == {"value": None, "low": None, "high": None}


def test_segments_count_as_their_clip(predictions: TagPredictions) -> None:
    twice = TagPredictions(
        TAGS,
        CLIPS + CLIPS,
        np.vstack([predictions.truth] * 2),
        np.vstack([predictions.probabilities * 0.5, predictions.probabilities * 1.0]),
        GROUPS,
    )
    found, wanted = evaluate_tags(twice, seed=0), evaluate_tags(predictions, seed=0)
    assert found.tags["mood:sad"].positives == wanted.tags["mood:sad"].positives
    assert found.tags["mood:sad"].auc.value == pytest.approx(wanted.tags["mood:sad"].auc.value)


def test_a_perfect_ranking_of_few_artists_is_not_certain() -> None:
    truth = np.repeat([1, 0], [4, 40])[:, None]
    clips = tuple(map(str, range(44)))
    perfect = TagPredictions(("mood:calm",), clips, truth, truth * 0.5 + 0.2)
    auc = evaluate_tags(perfect, seed=0).tags["mood:calm"].auc
    assert (auc.value, auc.high) == (1.0, 1.0)
    assert auc.low == pytest.approx(0.025 ** (1 / 4)), "Clopper and Pearson's interval of four trials"
    one_artist = TagPredictions(("mood:calm",), clips, truth, truth * 0.5 + 0.2, dict.fromkeys(clips, "Ann"))
    assert evaluate_tags(one_artist, seed=0).tags["mood:calm"].auc.low == pytest.approx(0.025)


def test_kinds_whose_tags_exclude_each_other_have_an_accuracy(predictions: TagPredictions) -> None:
    found = evaluate_tags(predictions, seed=0).kinds
    assert found.keys() == {"mood"}, "folk alone is no choice; nobody labelled styles"
    mood = found["mood"]
    truth = predictions.truth[:, :3].argmax(axis=1)
    predicted = predictions.probabilities[:, :3].argmax(axis=1)
    assert (mood.tags, mood.n, mood.groups) == (MOODS, 90, 30)
    assert mood.accuracy.value == pytest.approx(accuracy_score(truth, predicted))
    assert mood.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert mood.confusion.tolist() == confusion_matrix(truth, predicted).tolist()
    assert mood.chance == np.bincount(truth).max() / 90
    assert mood.accuracy.low < mood.accuracy.value < mood.accuracy.high


@pytest.mark.parametrize("row", [[1, 1, 0], [0, 0, 0]])
def test_one_clip_with_two_tags_or_none_of_them_ends_that(
    predictions: TagPredictions, row: list[int]
) -> None:
    truth = predictions.truth.copy()
    truth[5, :3] = row
    mixed = TagPredictions(TAGS, CLIPS, truth, predictions.probabilities, GROUPS)
    assert evaluate_tags(mixed, seed=0, resamples=10).kinds == {}
    truth[5, :3] = -1
    fewer = TagPredictions(TAGS, CLIPS, truth, predictions.probabilities, GROUPS)
    assert evaluate_tags(fewer, seed=0, resamples=10).kinds["mood"].n == 89


def test_a_tag_without_labels_is_measured_against_the_teacher(predictions: TagPredictions) -> None:
    rng = np.random.default_rng(2)
    teacher = np.full((90, 5), np.nan)
    teacher[:80, 4] = np.clip(predictions.probabilities[:80, 4] + rng.normal(0, 0.3, 80), 0, 1)
    teacher[:, 3] = rng.random(90)
    found = evaluate_tags(replace(predictions, teacher=teacher), seed=0)
    punk, folk, calm = (found.tags[tag] for tag in ("style:punk", "genre:folk", "mood:calm"))
    truth = teacher_truth(teacher[:80, 4])
    assert (punk.measured, folk.measured, calm.measured) == ("teacher", "labels", "labels")
    assert punk.positives == round(teacher[:80, 4].sum()) and punk.positives + punk.negatives == 80
    values = predictions.probabilities[:80, 4]
    assert punk.auc.value == pytest.approx(roc_auc_score(truth, values))
    assert punk.average_precision.value == pytest.approx(average_precision_score(truth, values))
    assert punk.pearson is not None and punk.spearman is not None and calm.pearson is None
    assert punk.pearson.value == pytest.approx(pearsonr(values, teacher[:80, 4])[0])
    assert punk.spearman.value == pytest.approx(spearmanr(values, teacher[:80, 4])[0])
    assert punk.pearson.low < punk.pearson.value < punk.pearson.high
    assert folk.pearson is not None and abs(folk.pearson.value) < 0.3
    plain = evaluate_tags(predictions, seed=0)
    assert folk.auc == plain.tags["genre:folk"].auc, "labels come first"
    assert found.mean_auc == plain.mean_auc, "the mean is of labels"


def test_the_teacher_says_yes_as_often_as_it_expects_to() -> None:
    rng = np.random.default_rng(0)
    values = rng.beta(0.2, 2.0, size=300)
    truth = teacher_truth(values)
    assert truth.sum() == round(values.sum())
    assert values[truth == 1].min() > values[truth == 0].max()
    assert teacher_truth(np.array([0.01, 0.02])).tolist() == [0, 1], "at least one"
    assert teacher_truth(np.array([0.3, 0.3, 0.1])).tolist() == [1, 1, 0], "equal ones together"
    assert teacher_truth(np.array([1.0, 1.0])).tolist() == [1, 1]
    assert teacher_truth(np.array([np.nan])).tolist() == [-1]
    assert teacher_truth(np.array([])).size == 0


def test_a_faulty_teacher_is_refused(predictions: TagPredictions) -> None:
    with raises("teacher-shape", "[90, 5]", "[5, 90]"):
        replace(predictions, teacher=np.zeros((5, 90)))
    with raises("teacher-out-of-range", -2, 3):
        replace(predictions, teacher=np.linspace(-2, 3, 450).reshape(90, 5))


def test_a_mean_is_defined_although_a_rare_tag_is_not_in_every_resample() -> None:
    truth = np.zeros((40, 2), dtype=int)
    truth[:20, 0], truth[0, 1] = 1, 1
    values = np.random.default_rng(0).random((40, 2))
    p = TagPredictions(("style:a", "style:b"), tuple(map(str, range(40))), truth, values)
    found = evaluate_tags(p, seed=0)
    assert math.isnan(found.tags["style:b"].auc.low), "one clip says nothing about others"
    assert found.mean_auc.low < found.mean_auc.value < found.mean_auc.high
    assert ClusterBootstrap(40, rng=np.random.default_rng(0)).resamples == found.resamples
