"""What a search may put into a key: reading it, and giving it to a recipe."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

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


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "axis-empty"),
        (" ", "axis-empty"),
        ("]", "axis-not-yaml"),
        ("2,2", "axis-value-twice"),
        ("a,b,a", "axis-value-twice"),
    ],
)
def test_values_that_are_none_or_twice_are_refused(text: str, code: str) -> None:
    with raises(code, "k "):
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
    ("text", "now", "code", "quoted"),
    [
        ("8..16.5", 16, "range-not-whole", 16),
        ("2..8:step=0.5", 16, "range-not-whole", 16),
        ("9..8", 16, "range-empty", "9..8"),
        ("0..8:log", 16, "range-log-below-zero", "0..8:log"),
        ("0..8:step=0", 16, "range-step", "0..8:step=0"),
        ("0..8:step=x", 16, "range-not-a-number", "'x'"),
        ("a..b", None, "range-not-a-number", "'a' in 'k=a..b'"),
        ("0..inf", 0.5, "range-without-ends", "0..inf"),
    ],
)
def test_wrong_ranges_are_refused(text: str, now: Any, code: str, quoted: object) -> None:
    with raises(code, quoted):
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
    keys += ["augment.inputs.wave.1", "2"]
    assert short_names(keys) == {
        "model.width": "width",
        "augment.inputs.mel.*.count": "mel.*.count",
        "augment.inputs.wave.*.count": "wave.*.count",
        "voting": "voting",
        "a.voting": "a.voting",
        "augment.inputs.wave.1": "wave.1",
        "2": "2",
    }


def test_the_value_at_a_key() -> None:
    values = yaml.safe_load("{a: {b: [{c: 1}, {c: 2}]}, d: 3}")
    found = [value_at(values, key) for key in ("a.b.1.c", "a.b.*.c", "d", "a.b.7.c", "a.x", "d.e", "a.b.x")]
    assert found == [2, 1, 3, None, None, None, None]


def test_options_and_their_words() -> None:
    assert key_and_text("a.b = 1,2") == ("a.b", "1,2")
    for wrong in ("a", "=1", "a=", ""):
        with raises("axis-without-values", repr(wrong)):
            key_and_text(wrong)
    assert [brief(value) for value in (True, None, 0.00012345, 16, "adam", [1, 2])] == [
        "true", "null", "0.0001234", "16", "adam", "[1, 2]",
    ]  # fmt: skip
