"""The figures of `external.py` are those of scikit-learn and of plain loops."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score, recall_score

EXPERIMENTS = Path(__file__).resolve().parents[3] / "experiments"
GENRES = ("blues", "jazz", "rock")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXPERIMENTS)
    import external_figures

    yield external_figures
    sys.modules.pop("external_figures", None)


def answers_of(figures: Any, count: int, *, seed: int = 0, skill: float = 0.6) -> list[Any]:
    """Draw answers; every three neighbours are one group."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        genre = GENRES[number % 3]
        shares = rng.dirichlet(np.ones(3)) + skill * (np.arange(3) == number % 3)
        ranking = tuple(GENRES[at] for at in np.argsort(-shares))
        confidence = float(shares.max() / shares.sum())
        reason = "low confidence" if confidence < 0.5 else None
        found.append(figures.Answer(f"{number}", "c", genre, f"g{number // 3}", ranking, confidence, reason))
    return found


def test_values_are_those_of_scikit_learn(figures: Any) -> None:
    answers = answers_of(figures, 120)
    table = figures.Table.of(answers, GENRES)
    truth, said = [each.genre for each in answers], [each.predicted for each in answers]
    overall, genres = figures.overall(table), figures.by_genre(table)
    assert overall["accuracy"]["value"] == pytest.approx(accuracy_score(truth, said), abs=1e-6)
    assert overall["balanced_accuracy"]["value"] == pytest.approx(
        balanced_accuracy_score(truth, said), abs=1e-6
    )
    for at, genre in enumerate(GENRES):
        for key, score in (("recall", recall_score), ("precision", precision_score)):
            expected = score(truth, said, labels=GENRES, average=None)[at]
            assert genres[genre][key]["value"] == pytest.approx(expected, abs=1e-6)
    given = [each for each in answers if each.reason is None]
    assert overall["answered"]["value"] == pytest.approx(len(given) / 120, abs=1e-6)
    assert overall["precision"]["value"] == pytest.approx(np.mean([each.right for each in given]), abs=1e-6)
    assert overall["files"] == 120 and overall["groups"] == 40
    pairs = figures.confusions(answers)
    assert sum(each["files"] for each in pairs) == sum(not each.right for each in answers)
    assert pairs == sorted(pairs, key=lambda each: -each["files"])
    error, bins = table.calibration()
    gaps = sum(each["files"] * abs(each["confidence"] - each["accuracy"]) for each in bins) / 120
    assert error.value == pytest.approx(gaps) and error.low <= error.value + 0.05


def test_intervals_draw_whole_groups(figures: Any) -> None:
    answers = answers_of(figures, 120)
    table = figures.Table.of(answers, GENRES)
    right = np.array([each.right for each in answers], dtype=float).reshape(40, 3).sum(axis=1)
    drawn = right[np.random.default_rng(1).integers(40, size=(20_000, 40))].sum(axis=1) / 120
    found = figures.overall(table)["accuracy"]
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_the_difference_of_two_models_is_paired(figures: Any) -> None:
    ours, theirs = answers_of(figures, 150, skill=0.9), answers_of(figures, 150, skill=0.7)
    first, second = (figures.Table.of(each, GENRES) for each in (ours, theirs))
    found = figures.difference(first, second)
    apart = np.array([a.right - b.right for a, b in zip(ours, theirs, strict=True)])
    assert found["accuracy"]["value"] == pytest.approx(apart.mean(), abs=1e-6)
    sums = apart.reshape(50, 3).sum(axis=1)
    drawn = sums[np.random.default_rng(1).integers(50, size=(20_000, 50))].sum(axis=1) / 150
    span = [found["accuracy"]["low"], found["accuracy"]["high"]]
    assert span == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)
    unpaired = [figures.overall(each)["accuracy"] for each in (first, second)]
    assert span[1] - span[0] < 0.95 * np.hypot(*(each["high"] - each["low"] for each in unpaired))
    assert found["only_first_right"] - found["only_second_right"] == apart.sum()
    back = figures.difference(second, first)
    assert back["balanced_accuracy"]["value"] == pytest.approx(-found["balanced_accuracy"]["value"])
