"""Changing a part of a list by its number, or each part by `*`."""

from __future__ import annotations

from typing import Any

import pytest
from raising import raises

from genrelab.lab.recipes import load_recipe
from genrelab.lab.recipes.load import read_value


def masks(*changes: str) -> list[tuple[str, dict[str, Any]]]:
    """The masks of soundfusion-1 after some changes."""
    recipe = load_recipe("soundfusion-1", changes=[f"augment.inputs.mel.{change}" for change in changes])
    return [(part.kind, part.options()) for part in recipe.augment.inputs["mel"]]


AS_IT_IS = {"count": 2, "max_share": 0.3}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["0.count=3"], [("frequency-mask", {**AS_IT_IS, "count": 3}), ("time-mask", AS_IT_IS)]),
        (["1.max_share=1e-1"], [("frequency-mask", AS_IT_IS), ("time-mask", {**AS_IT_IS, "max_share": 0.1})]),
        (["*.count=1"], [(kind, {**AS_IT_IS, "count": 1}) for kind in ("frequency-mask", "time-mask")]),
        (
            ["*.count=1", "1.count=5"],
            [("frequency-mask", {**AS_IT_IS, "count": 1}), ("time-mask", {**AS_IT_IS, "count": 5})],
        ),
        (["0=null"], [("time-mask", AS_IT_IS)]),
        (["*=null"], []),
        (["0={kind: gain}"], [("gain", {}), ("time-mask", AS_IT_IS)]),
        (["1.kind=frequency-mask"], [("frequency-mask", AS_IT_IS), ("frequency-mask", {})]),
        (["1.kind=time-mask"], [("frequency-mask", AS_IT_IS), ("time-mask", AS_IT_IS)]),
    ],
)
def test_parts_go_by_number(changes: list[str], expected: list[tuple[str, dict[str, Any]]]) -> None:
    assert masks(*changes) == expected


def test_the_recipe_elsewhere_stays() -> None:
    before, after = (
        load_recipe("soundfusion-1", changes=each) for each in ([], ["augment.inputs.mel.0.count=3"])
    )
    assert after.model_copy(update={"augment": before.augment}) == before
    assert after.augment.inputs["waveform"] == before.augment.inputs["waveform"]


@pytest.mark.parametrize("head", ["2", "-1", "count", "0x", ""])
def test_a_part_that_is_not_there_is_named(head: str) -> None:
    with raises("recipe-list-key", "augment.inputs.mel.", "0 to 1"):
        masks(f"{head}.count=3")


def test_each_part_of_none_is_refused() -> None:
    with raises("recipe-list-key", "augment.inputs.mel.*.count"):
        load_recipe("soundfusion-1", changes=["augment.inputs.mel=[]", "augment.inputs.mel.*.count=3"])


def test_values_are_read_as_people_mean_them() -> None:
    texts = ["1e-3", "'1e-3'", '"5"', "5", "null", "[1, 2]", "adam"]
    assert [read_value(text, what="it") for text in texts] == [0.001, "1e-3", "5", 5, None, [1, 2], "adam"]
    with raises("not-yaml", "it"):
        read_value("[", what="it")
