"""Own thresholds of genres: when a genre gets one, what it is, and what follows for the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import softmax

from genrelab.lab.experiment.finalize import held_out
from genrelab.lab.metrics.calibration import confidences
from genrelab.lab.metrics.genre_thresholds import Thresholds, find_thresholds
from genrelab.lab.metrics.predictions import Predictions

GENRES = ("blues", "disco", "jazz")


def predictions_of(answers: Sequence[tuple[str, float, int, int]], *, of_artist: int = 1) -> Predictions:
    """Make answers of (predicted genre, confidence, correct ones, all)."""
    ids: list[str] = []
    shares, truth, groups = [], {}, {}
    for genre, confidence, right, count in answers:
        others = [each for each in GENRES if each != genre]
        for number in range(count):
            clip = f"c{len(ids)}"
            rest = (1 - confidence) / 2
            shares.append([confidence if each == genre else rest for each in GENRES])
            truth[clip] = genre if number < right else others[number % 2]
            groups[clip] = f"{genre} {confidence} {number // of_artist}"
            ids.append(clip)
    return Predictions(GENRES, tuple(ids), np.zeros(len(ids)), np.array(shares), truth, groups)


def found(*answers: tuple[str, float, int, int], precision: float = 0.8, of_artist: int = 1) -> Thresholds:
    return find_thresholds(predictions_of(answers, of_artist=of_artist), precision=precision)


SURE = [("blues", 0.9, 190, 200), ("jazz", 0.9, 190, 200)]


def test_a_genre_that_is_right_too_rarely_gets_its_own_threshold() -> None:
    result = found(*SURE, ("disco", 0.6, 10, 40), ("disco", 0.85, 18, 20))
    assert result.common.confidence == 0.0 and list(result.by_genre) == ["disco"]
    own = result.by_genre["disco"]
    assert (own.confidence, own.precision, own.answers) == (0.61, 0.9, 20)
    assert (own.precision_before, own.answers_before) == (28 / 60, 60)


@pytest.mark.parametrize(
    ("disco", "own"),
    [
        ([("disco", 0.6, 10, 40), ("disco", 0.85, 18, 20)], True),
        ([("disco", 0.6, 10, 40), ("disco", 0.85, 17, 19)], False),  # too few answers would be left
        ([("disco", 0.6, 10, 40), ("disco", 0.85, 15, 20)], False),  # 75 %: no threshold reaches 80 %
        ([("disco", 0.6, 27, 40), ("disco", 0.85, 18, 20)], False),  # 75 % of 60 may be chance
        ([("disco", 0.6, 270, 400), ("disco", 0.85, 180, 200)], True),  # 75 % of 600 is not
    ],
)
def test_answers_and_significance_decide(disco: list[tuple[str, float, int, int]], own: bool) -> None:
    more = [(genre, confidence, 10 * right, 10 * of) for genre, confidence, right, of in SURE]
    assert ("disco" in found(*more, *disco).by_genre) is own


def test_songs_of_one_artist_are_drawn_together() -> None:
    answers = [*SURE, ("disco", 0.6, 66, 100), ("disco", 0.85, 18, 20)]
    assert "disco" in found(*answers).by_genre
    assert "disco" not in found(*answers, of_artist=20).by_genre, "five artists say less than 100"


def test_the_other_genres_may_then_answer_more() -> None:
    bad = [("disco", 0.7, 10, 40), ("disco", 0.97, 19, 20)]
    answers = [("blues", 0.9, 190, 200), ("blues", 0.4, 152, 200), *bad]
    result = found(*answers)
    assert result.rest.confidence < result.common.confidence
    assert result.rest.reached and result.rest.precision.value >= 0.8
    tracks = predictions_of(answers).tracks("mean")
    alike, apart = (result.answered(tracks, GENRES, by_genre=each) for each in (False, True))
    assert apart.mean() == result.rest.answered > alike.mean() == result.common.answered
    _, right = confidences(tracks)
    assert right[apart].mean() == pytest.approx(result.rest.precision.value)
    named = tracks.orders[:, 0] == GENRES.index("disco")
    assert (alike[named].sum(), apart[named].sum()) == (60, 20), "and disco only where it is mostly right"


def test_nothing_is_wanted_and_nothing_is_given() -> None:
    result = found(*SURE, ("disco", 0.6, 0, 40), precision=0.0)
    assert result.by_genre == {} and result.rest is result.common


def fold(number: int, *, boldness: float) -> Predictions:
    """Draw genres of 200 clips, and then call disco too often."""
    rng = np.random.default_rng(number)
    logits = rng.normal(0.0, 2.5, (200, 3))
    truth = [int(rng.choice(3, p=row)) for row in softmax(2 * logits, axis=1)]
    logits[:, GENRES.index("disco")] += boldness
    ids = tuple(f"{number}-{at}" for at in range(200))
    named = {key: GENRES[at] for key, at in zip(ids, truth, strict=True)}
    return Predictions(GENRES, ids, np.zeros(200), softmax(logits, axis=1), named)


def test_both_ways_are_measured_on_folds_that_they_were_not_fitted_to() -> None:
    folds = [fold(number, boldness=2.0) for number in range(3)]
    alike = held_out(folds, precision=0.8, seed=0)
    apart = held_out(folds, precision=0.8, seed=0, by_genre=True)
    assert (alike.common, alike.own) == (apart.common, apart.own)
    assert alike.by_genre == {} and list(apart.by_genre) == ["disco"]
    assert (alike.precision, alike.answered) == (alike.common.precision, alike.common.answered)
    assert (apart.precision, apart.answered) == (apart.own.precision, apart.own.answered)
    assert apart.threshold.confidence < alike.threshold.confidence
    assert apart.by_genre["disco"].confidence > alike.threshold.confidence
    assert apart.answered > alike.answered + 0.05 and apart.precision > 0.83


def test_a_network_whose_confidence_means_the_same_for_all_genres_needs_none() -> None:
    held = held_out([fold(number, boldness=0.0) for number in range(3)], precision=0.8, seed=0, by_genre=True)
    assert held.by_genre == {} and held.common == held.own
