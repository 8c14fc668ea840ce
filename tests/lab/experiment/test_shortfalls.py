"""Each kind of shortfall of a calibration is found, and none where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import softmax

from genrelab.lab.experiment.finalize import Held, held_out
from genrelab.lab.experiment.shortfalls import GRAVE
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import sentence
from genrelab.lab.metrics.predictions import Predictions

GENRES = ("blues", "disco", "jazz")


def fold(
    number: int, *, clips: int = 300, sharper: float = 1.0, sure: float = 2.0, only: int | None = None
) -> Predictions:
    """Draw genres from the probabilities that are told, sharpened; `only` is what is always answered."""
    rng = np.random.default_rng(number)
    logits = rng.normal(0.0, sure, (clips, 3))
    if only is not None:
        logits[:, only] = logits.max(axis=1) + 1.0
    truth = [int(rng.choice(3, p=row)) for row in softmax(logits, axis=1)]
    ids = tuple(f"{number}-{at}" for at in range(clips))
    named = {key: GENRES[at] for key, at in zip(ids, truth, strict=True)}
    return Predictions(GENRES, ids, np.zeros(clips), softmax(sharper * logits, axis=1), named)


def kinds(held: Held) -> dict[str, Finding]:
    return {each.kind: each for each in held.shortfalls}


def test_a_calibration_that_holds_falls_short_of_nothing() -> None:
    held = held_out([fold(number) for number in range(3)], precision=0.7, seed=0)
    assert held.shortfalls == () and held.threshold.reached


def test_a_precision_that_no_threshold_reaches() -> None:
    """As it was met: a third of the answers right, and a threshold of 0.2 in the file."""
    held = held_out([fold(number, sure=0.1) for number in range(3)], precision=0.8, seed=0)
    found = kinds(held)
    assert "precision" in GRAVE and found["precision"].values["wanted"] == 0.8
    assert found["precision"].values["reached"] == held.threshold.precision.value < 0.6
    assert found["precision"].count == held.threshold.answers
    assert found["folds"].count == 3 and "folds" not in GRAVE
    assert found["held out"].values["reached"] == held.precision < 0.8
    words = sentence(found["precision"])
    assert "80 %" in words and f"of {held.threshold.answers}." in words


def test_too_few_clips() -> None:
    held = held_out([fold(number, clips=9, sure=9.0) for number in range(3)], precision=0.5, seed=0)
    assert "few" in GRAVE and kinds(held)["few"].count == 27
    assert "precision" not in kinds(held)


def test_a_genre_that_is_never_answered() -> None:
    held = held_out([fold(number, only=1) for number in range(3)], precision=0.3, seed=0)
    assert kinds(held)["genres"].examples == ("blues", "jazz")
    assert "genres" not in GRAVE


@pytest.mark.slow
def test_a_temperature_at_the_end_of_its_range() -> None:
    sharp = held_out([fold(number, sharper=40.0) for number in range(3)], precision=0.3, seed=0)
    assert sharp.temperature > 9.5 and kinds(sharp)["temperature"].values["to"] == 10.0
    flat = held_out([fold(number, sharper=0.02) for number in range(3)], precision=0.3, seed=0)
    assert flat.temperature < 0.105 and kinds(flat)["temperature"].values["from"] == 0.1


def test_folds_that_differ_are_told_where_all_together_reach_it() -> None:
    """A fold that is as sure as the others and mostly wrong: its threshold is that of the others."""
    wrong = fold(2, clips=100)
    turned = {key: GENRES[(GENRES.index(genre) + 1) % 3] for key, genre in wrong.truth.items()}
    other = Predictions(GENRES, wrong.clip_ids, wrong.starts, wrong.probabilities, turned)
    held = held_out([fold(0), fold(1), other], precision=0.68, seed=0)
    assert "held out" in kinds(held)
    assert f"{100 * held.precision:.4g} %" in sentence(kinds(held)["held out"])


def test_nothing_answered_on_a_fold_is_no_number_anywhere() -> None:
    found = Finding(kind="held out", values={"wanted": 0.8})
    assert "no answer at all" in sentence(found)
    json.loads(found.model_dump_json(), parse_constant=lambda name: 1 / 0)
