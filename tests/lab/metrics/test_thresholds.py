"""The threshold of trusted answers: which interval decides, over how many answers, drawn by what."""

from __future__ import annotations

import numpy as np
import pytest

from genrelab.lab.metrics.calibration import Threshold, find_threshold
from genrelab.lab.metrics.predictions import Predictions

GENRES = ("blues", "disco", "jazz")
SURE, HALF_SURE = (0.9, 0.06, 0.04), (0.5, 0.3, 0.2)


def found(
    half_sure: tuple[int, int], sure: tuple[int, int], *, precision: float, clips_an_artist: int = 1
) -> Threshold:
    """The threshold over answers of two confidences, each given as (right ones, all)."""
    said = [HALF_SURE] * half_sure[1] + [SURE] * sure[1]
    right = np.concatenate([np.arange(of) < count for count, of in (half_sure, sure)])
    ids = tuple(f"c{number}" for number in range(len(said)))
    truth = {clip: GENRES[0] if fine else GENRES[1] for clip, fine in zip(ids, right, strict=True)}
    artists = {clip: f"artist {number // clips_an_artist}" for number, clip in enumerate(ids)}
    predictions = Predictions(GENRES, ids, np.zeros(len(ids)), np.array(said), truth, artists)
    return find_threshold(predictions, precision=precision)


@pytest.mark.parametrize(
    ("right", "confidence"),
    [
        # Of 400 answers, the share right less 1.28 standard errors is 0.803: more than 0.8, and enough.
        (331, 0.0),
        # 0.795: although 0.82 are right, the promise would be kept for too few other collections.
        (328, 0.51),
    ],
)
def test_the_lower_end_of_a_one_sided_90_percent_interval_decides(right: int, confidence: float) -> None:
    threshold = found((right - 100, 300), (100, 100), precision=0.8)
    assert threshold.confidence == confidence
    assert threshold.answered == (1.0 if confidence == 0.0 else 0.25)
    assert threshold.precision.value == (right / 400 if confidence == 0.0 else 1.0)


def test_songs_of_one_artist_are_drawn_together() -> None:
    """The same answers, ten songs an artist: there is less to go by, so that the threshold is higher."""
    assert found((231, 300), (100, 100), precision=0.8, clips_an_artist=10).confidence == 0.51


def test_thirty_answers_are_enough_and_twenty_nine_are_not() -> None:
    reached = found((150, 300), (30, 30), precision=0.9)
    assert (reached.confidence, reached.precision.value) == (0.51, 1.0)
    assert reached.answered == pytest.approx(30 / 330)
    refused = found((150, 300), (29, 29), precision=0.9)
    assert refused.confidence <= 0.5 and refused.precision.value == pytest.approx(179 / 329)


def test_fewer_than_thirty_answers_in_all_are_judged_as_they_are() -> None:
    assert found((0, 0), (20, 20), precision=0.9).confidence == 0.0


def test_the_lowest_threshold_is_taken_and_not_the_best_one() -> None:
    """97 % right among all is enough: nobody is refused for the sake of the 100 % above."""
    assert found((391, 400), (100, 100), precision=0.9).confidence == 0.0
