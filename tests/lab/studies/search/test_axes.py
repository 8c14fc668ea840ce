"""What a search may put into a key: reading it, and giving it to a recipe."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from genrelab.errors import UsageError
from genrelab.lab.recipes.load import read_value
from genrelab.lab.studies.search.axes import (
    Choices,
    Range,
    brief,
    change_of,
    key_and_text,
    read_axis,
    read_choices,
    short_names,
    value_at,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8,16,32", (8, 16, 32)),
        ("0.3, 0.6,1.0", (0.3, 0.6, 1.0)),
        ("1e-4,1e-3", (1e-4, 1e-3)),
        ("adam,sgd", ("adam", "sgd")),
        ("null,5", (None, 5)),
        ("true,1,1.0", (True, 1, 1.0)),
        ("[1, 2],[3]", ([1, 2], [3])),
    ],
)
def test_values_are_read_as_recipes_read_them(text: str, values: tuple[Any, ...]) -> None:
    read = read_choices("k", text)
    assert [(type(value), value) for value in read.values] == [(type(value), value) for value in values]
    assert [read.place(value) for value in values] == list(range(len(values)))


@pytest.mark.parametrize("text", ["", " ", "]", "2,2", "a,b,a"])
def test_values_that_are_none_or_twice_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^(the values of )?k "):
        read_choices("k", text)


@pytest.mark.parametrize(
    ("text", "now", "axis"),
    [
        ("8..64", 16, Range(8, 64)),
        ("8..64:log", 16, Range(8, 64, log=True)),
        ("8..60:step=8", 16, Range(8, 56, step=8)),
        ("0..1", 0.3, Range(0.0, 1.0)),
        ("0..1", None, Range(0, 1)),
        ("0.0..1", None, Range(0.0, 1.0)),
        ("1e-4..1e-2:log", 0.001, Range(1e-4, 1e-2, log=True)),
        ("0..0.35:step=0.1", 0.3, Range(0.0, 0.3, step=0.1)),
        ("-12..-3", -6.0, Range(-12.0, -3.0)),
        ("8,16", 16, Choices((8, 16))),
    ],
)
def test_a_range_is_of_the_kind_of_the_recipes_own_value(text: str, now: Any, axis: object) -> None:
    read = read_axis("k", text, now=now)
    assert read == axis
    if isinstance(read, Range) and isinstance(axis, Range):
        assert read.whole == axis.whole and isinstance(read.high, type(axis.high))


@pytest.mark.parametrize(
    ("text", "now", "words"),
    [
        ("8..16.5", 16, "whole number"),
        ("2..8:step=0.5", 16, "whole number"),
        ("9..8", 16, "holds nothing"),
        ("0..8:log", 16, "above 0"),
        ("0..8:step=0", 16, "above 0"),
        ("0..8:step=x", 16, "no number"),
        ("a..b", None, "'a' in 'k=a..b' is no number"),
        ("0..inf", 0.5, "must have ends"),
    ],
)
def test_wrong_ranges_are_refused(text: str, now: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_axis("k", text, now=now)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(scalars | st.lists(st.floats(0, 1) | st.integers() | st.sampled_from(["a", "b c", "#d"]), max_size=4))
def test_a_change_reads_back_to_the_same_value(value: Any) -> None:
    key, _, text = change_of("a.b", value).partition("=")
    back = read_value(text, what="it")
    assert key == "a.b" and back == value and type(back) is type(value)


def test_keys_are_shortened_while_they_stay_apart() -> None:
    keys = ["model.width", "augment.inputs.mel.*.count", "augment.inputs.wave.*.count", "voting", "a.voting"]
    assert short_names(keys) == {
        "model.width": "width",
        "augment.inputs.mel.*.count": "mel.*.count",
        "augment.inputs.wave.*.count": "wave.*.count",
        "voting": "voting",
        "a.voting": "a.voting",
    }


def test_the_value_at_a_key() -> None:
    values = yaml.safe_load("{a: {b: [{c: 1}, {c: 2}]}, d: 3}")
    found = [value_at(values, key) for key in ("a.b.1.c", "a.b.*.c", "d", "a.b.7.c", "a.x", "d.e", "a.b.x")]
    assert found == [2, 1, 3, None, None, None, None]


def test_options_and_their_words() -> None:
    assert key_and_text("a.b = 1,2") == ("a.b", "1,2")
    for wrong in ("a", "=1", "a=", ""):
        with pytest.raises(UsageError, match="key=values"):
            key_and_text(wrong)
    assert [brief(value) for value in (True, None, 0.00012345, 16, "adam", [1, 2])] == [
        "true", "null", "0.0001234", "16", "adam", "[1, 2]",
    ]  # fmt: skip
