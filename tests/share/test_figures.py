"""What a model file states about its quality, whatever its results contain."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.bundle.bundle import read_facts
from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.share.figures import MOST_RESULTS, measured, read_result

INTERVAL = {"value": 0.5, "low": 0.4, "high": 0.6}


def test_figures_of_a_run_of_folds_and_of_a_taught_model() -> None:
    run = read_result({"corpus": "gtzan", "split": "artist", "clips": 290, "track_accuracy": INTERVAL})
    assert (run.corpus, run.split, run.clips) == ("gtzan", "artist", 290)
    (accuracy,) = run.figures
    assert (accuracy.kind.metric, accuracy.value, accuracy.low, accuracy.high) == ("accuracy", 0.5, 0.4, 0.6)
    folds = read_result({"track_top2_accuracy": INTERVAL, "calibration_error": 0.03, "answered": 0.6})
    assert [each.kind.name for each in folds.figures] == [
        "top-2 accuracy", "share of tracks answered", "calibration error"
    ]  # fmt: skip
    taught = read_result({"accuracy": INTERVAL, "mean_auc": INTERVAL})
    assert [each.kind.metric for each in taught.figures] == ["accuracy", "roc_auc"]


def test_the_packaged_model_states_its_figures() -> None:
    (found,) = measured(read_facts(PACKAGED_MODEL)[0])
    figures = {each.kind.metric: each for each in found.figures}
    assert figures["accuracy"].low is not None and found.clips and found.verdict
    assert {"accuracy", "balanced_accuracy", "expected_calibration_error"} <= set(figures)


@pytest.mark.parametrize(
    "value", [True, -1, 1.5, 10**400, float("nan"), "0.5", None, [], {}, {"value": "x"}, {"low": 0.1}]
)
def test_what_is_no_share_is_left_out(value: Any) -> None:
    assert read_result({"accuracy": value}).figures == ()


@pytest.mark.parametrize("clips", [True, -1, 10**13, 10**4000, 1.0, "9", None])
def test_what_is_no_count_is_left_out(clips: Any) -> None:
    assert read_result({"clips": clips}).clips is None


def test_a_figure_as_json_names_its_metric() -> None:
    found = read_result({"clips": 290, "track_accuracy": INTERVAL}).to_dict()
    assert found["clips"] == 290 and found["figures"] == [
        {"name": "accuracy", "metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6}
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**320) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "low"]), inner),
    max_leaves=4,
)
keys = st.sampled_from(["corpus", "split", "clips", "verdict", "because", "measured", "track_accuracy"])


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(keys, json_values))
def test_any_object_can_be_read(result: dict[str, Any]) -> None:
    found = read_result(result)
    assert all(0 <= each.value <= 1 for each in found.figures)


def test_long_lists_and_texts_are_cut(tiny: ModuleType) -> None:
    result = {"corpus": "x" * 10_000, "because": ["y" * 10_000] * 1_000, "accuracy": 0.5}
    found = measured(tiny.tiny_metadata(results=(result,) * (MOST_RESULTS + 5)))
    assert len(found) == MOST_RESULTS
    assert len(found[0].corpus) < 1_000 and len(" ".join(found[0].because)) < 10_000
