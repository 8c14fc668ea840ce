"""Elements, scales and whole pictures in SVG."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, ticks

NASTY = "</text><script>alert('x')</script>&\"\u202e\x1b"


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_hold_the_range_and_are_even(low: float, span: float) -> None:
    values = ticks(low, low + span)
    assert 2 <= len(values) <= 8
    step = values[1] - values[0]
    assert values[0] <= low + 1e-6 * step
    assert values[-1] >= low + span - 1e-6 * step
    np.testing.assert_allclose(np.diff(values), step, rtol=1e-3)


@given(first=st.integers(0, 50), epochs=st.integers(0, 2000))
def test_epoch_ticks_are_whole_and_inside(first: int, epochs: int) -> None:
    values = ticks(first, first + epochs, whole=True)
    assert 1 <= len(values) <= 7
    assert all(value == int(value) and first <= value <= first + epochs for value in values)


def test_round_steps() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0, 2.3) == [0, 0.5, 1, 1.5, 2, 2.5]


def test_text_and_attributes_are_escaped_and_markup_is_not() -> None:
    read = ET.fromstring(element("g", element("title", NASTY[:-2]), kind=NASTY[:-2], x=0.25, y=3, fill=None))
    assert read.attrib == {"class": NASTY[:-2], "x": "0.2", "y": "3"}
    assert read[0].text == NASTY[:-2]
    assert element("g", Markup("<i/>")) == "<g><i/></g>"


def test_a_line_has_a_gap_where_a_value_is_not_finite_and_a_dash_for_a_lone_one() -> None:
    drawn = svg.polyline("curve", [(0, 1.0), (10, 2.0), (20, math.nan), (30, 4.0), (40, math.inf)])
    assert drawn == '<path class="curve" d="M0.0 1.0L10.0 2.0M27.0 4.0h6"/>'


def test_scales() -> None:
    assert [svg.linear(0, 10, 100, 0)(value) for value in (0, 5, 10)] == [100, 50, 0]
    assert svg.linear(3, 3, 0, 10)(3) == 5
    scale, marks = svg.logarithmic([10.0, 1000.0], 0, 100)
    assert scale(10) > 0 and scale(1000) < 100
    assert scale(100) - scale(10) == pytest.approx(scale(1000) - scale(100))
    assert marks == [10, 30, 100, 300, 1000]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.5, "0.5"), (8e-4, "8e-4"), (999, "999"), (70_000, "70k"), (1.1e6, "1.1M"), (2e9, "2G")],
)
def test_axis_values_are_brief(value: float, written: str) -> None:
    assert svg.brief(value) == written


def test_a_picture_in_a_page_is_read_as_its_label_or_skipped() -> None:
    picture = Drawing("bar", 10, 20)
    assert ET.fromstring(picture.__html__()).attrib == {
        "class": "bar", "viewBox": "0 0 10 20", "aria-hidden": "true",
    }  # fmt: skip
    picture.label = "half"
    read = ET.fromstring(picture.__html__())
    assert (read.get("role"), read.get("aria-label"), read.get("aria-hidden")) == ("img", "half", None)


def test_a_document_needs_no_page() -> None:
    picture = Drawing("timeline", 12.6, 20, margins=(1, 2, 3, 4))
    picture.title(NASTY)
    text = picture.document()
    read = ET.fromstring(text)
    assert read.tag == "{http://www.w3.org/2000/svg}svg"
    assert read.attrib["viewBox"].split()[2:] == [read.attrib["width"], read.attrib["height"]] == ["13", "20"]
    assert "prefers-color-scheme: dark" in (read[0].text or "")
    assert r"\u202e\x1b" in text and not re.search("[\u202e\x1b]", text)


def test_axes_lie_at_the_edges_of_the_plot() -> None:
    picture = Drawing("curves", 100, 80, margins=(10, 20, 5, 15))
    assert (picture.left, picture.right, picture.top, picture.bottom) == (10, 80, 5, 65)
    picture.y_axis([(30, "half")])
    picture.x_axis([(40, "low"), (99, "high")], name="Hz", rule=(5, 65))
    read = ET.fromstring(picture.__html__())
    lines = [
        [float(each.get(key) or "nan") for key in ("x1", "x2", "y1", "y2")] for each in read.iter("line")
    ]
    assert lines == [[10, 80, 30, 30], [40, 40, 5, 65], [99, 99, 5, 65]]
    texts = {each.text: (each.get("x"), each.get("text-anchor")) for each in read.iter("text")}
    assert texts == {
        "half": ("4", "end"),
        "low": ("40", "middle"),
        "high": ("99", "end"),
        "Hz": ("80", "end"),
    }
    slanted = Drawing("curves", 100, 80)
    slanted.x_axis([(40, "a long name")], slant=True)
    assert "rotate(-40)" in slanted.__html__()
