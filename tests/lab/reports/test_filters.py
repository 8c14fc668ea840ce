from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.layers.fft_convolution import mirrored
from genrelab.lab.reports.filters import bands, bank_names, magnitudes, moves, responses


def sinc(filters: int = 8, lengths: tuple[int, ...] = (51, 101), *, sample_rate: int = 16_000) -> Sinc:
    return Sinc(sample_rate=sample_rate, channels=1, filters=filters, lengths=list(lengths), frames=32)


def widened(number: int, hertz: float, *, bank: int = 0) -> Sinc:
    """Make filters of which one has its upper cut-off moved upward."""
    made = sinc()
    with torch.no_grad():
        made.banks[bank].band[number] += hertz
    return made


def pictures(html: str, kind: str = "bands") -> list[ET.Element]:
    return [svg for svg in ET.fromstring(f"<div>{html}</div>").iter("svg") if svg.get("class") == kind]


def path(svg: ET.Element, kind: str) -> str:
    return next(p.get("d") or "" for p in svg.iter("path") if p.get("class") == kind)


def boxes(svg: ET.Element, kind: str) -> np.ndarray:
    """Return left edge, lower edge, width and height of each box, `[boxes, 4]`."""
    found = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v-([\d.]+)h-[\d.]+z", path(svg, kind))
    return np.array([[float(number) for number in box] for box in found])


def test_the_largest_move_is_found() -> None:
    far = moves(sinc().banks[0], widened(2, 7.0).banks[0])
    assert far.largest == pytest.approx(7.0, abs=1e-3)
    assert (far.filter, far.edge) == (3, "upper")
    assert far.after - far.before == pytest.approx(7.0, abs=1e-3)
    assert far.median == 0.0
    everything = sinc()
    with torch.no_grad():
        everything.banks[0].low += 2.0  # moves both cut-offs, but the last upper one, which is at its limit
    assert moves(sinc().banks[0], everything.banks[0]).median == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("hertz", "text"),
    [
        (0.0, "Training did not move the filters at all."),
        (0.003, "Training did not move the filters noticeably: the largest move of a cut-off is 0.00"),
        (30.0, "Training moved the cut-offs of the filters by up to 30.0 Hz."),
    ],
)
def test_whether_anything_moved(hertz: float, text: str) -> None:
    html = responses(sinc(), widened(2, hertz))
    assert text in html
    assert "<li>101 taps: no cut-off moved; a filter of this length resolves about 158 Hz.</li>" in html
    if hertz == 30.0:
        assert "<li>51 taps: median move of a cut-off 0 Hz, largest 30.0 Hz" in html
        assert re.search(r"\(the upper one of filter 3, from [\d,]+\.\d to [\d,]+\.\d Hz\);", html)


def test_one_bank_that_moved_is_enough() -> None:
    assert "Training moved the cut-offs" in responses(sinc(), widened(1, 200.0, bank=1))


def test_responses_are_those_of_scipy() -> None:
    bank = sinc(lengths=(101,)).banks[0]
    assert isinstance(bank, SincFilters)
    edges = np.linspace(0, 8000, 41)
    ours = magnitudes(bank, [1, 5], edges)
    kernels = mirrored(bank.half_kernels()).detach().double().numpy()
    for row, kernel in zip(ours, kernels[[1, 5]], strict=True):
        hertz, response = scipy.signal.freqz(kernel, worN=2**15, fs=16_000)
        decibel = 20 * np.log10(np.maximum(np.abs(response) / np.abs(response).max(), 1e-9))
        for low, high, value in zip(edges, edges[1:], row, strict=False):
            expected = max(-50.0, decibel[(hertz >= low) & (hertz < high)].max())
            assert value == pytest.approx(expected, abs=0.3)
    assert ours.max(axis=1) == pytest.approx(0.0, abs=1e-9)


def test_boxes_lie_at_the_cutoffs() -> None:
    before, after = sinc(), widened(4, 500.0)
    first, second = pictures(responses(before, after))
    top = hz_to_mel(8000.0, scale="htk")
    for kind, frontend in (("was", before), ("is", after)):
        low, high = hz_to_mel(bands(frontend.banks[0]), scale="htk") / top
        drawn = boxes(first, kind)
        scale, offset = np.polyfit(low, drawn[:, 0], 1)
        np.testing.assert_allclose(drawn[:, 0], offset + scale * low, atol=0.06)
        np.testing.assert_allclose(drawn[:, 2], scale * (high - low), atol=0.06)
    assert boxes(first, "is")[4, 2] > boxes(first, "was")[4, 2] + 5
    np.testing.assert_allclose(boxes(second, "is")[:, 2], boxes(second, "was")[:, 2])
    assert (boxes(first, "is")[:, 3] < boxes(first, "was")[:, 3]).all(), "the outline can be seen around it"


def test_curves_before_and_after_differ_where_a_filter_moved() -> None:
    first, second = pictures(responses(sinc(), widened(4, 500.0)))
    for svg, same in ((first, False), (second, True)):
        curves = {
            kind: [p.get("d") for p in svg.iter("path") if p.get("class") == f"curve {kind}"][1:]
            for kind in ("before", "after")
        }
        assert len(curves["before"]) == len(curves["after"]) == 5
        assert (curves["before"] == curves["after"]) is same


def test_moves_are_drawn_from_where_a_cutoff_started() -> None:
    """Upwards above the middle, in proportion; banks that did not move get no picture."""
    before, after = sinc(), widened(4, 500.0)
    with torch.no_grad():
        after.banks[0].band[2] -= 100.0
    (svg,) = pictures(responses(before, after), "moves")
    assert svg.get("role") == "img" and "51 taps" in (svg.get("aria-label") or "")
    stems = [
        tuple(map(float, found)) for found in re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)", path(svg, "upper"))
    ]
    assert len(stems) == 2 and path(svg, "lower") == ""
    (down_x, down_zero, down), (up_x, up_zero, up) = stems
    old, new = (hz_to_mel(bands(front.banks[0])[1], scale="htk") for front in (before, after))
    assert up < up_zero == down_zero < down and down_x < up_x
    shifts = new - old
    assert (down_zero - down) / (up_zero - up) == pytest.approx(shifts[2] / shifts[4], abs=0.02)
    assert (up_x - down_x) / 888 == pytest.approx(
        (old[4] - old[2]) / hz_to_mel(8000.0, scale="htk"), abs=1e-3
    )
    assert pictures(responses(before, before), "moves") == []


def test_banks_of_equal_length_are_told_apart() -> None:
    assert bank_names([251, 1001, 251]) == ["251 taps (1 of 2)", "1,001 taps", "251 taps (2 of 2)"]


@settings(max_examples=25, deadline=None)
@given(
    filters=st.integers(1, 200),
    length=st.integers(1, 300).map(lambda half: 2 * half + 1),
    sample_rate=st.sampled_from([4_000, 16_000, 44_100]),
    shift=st.floats(-3e4, 3e4, width=32),
)
def test_pictures_are_whole_and_inside_their_frame(
    filters: int, length: int, sample_rate: int, shift: float
) -> None:
    before = sinc(filters, (length,), sample_rate=sample_rate)
    after = sinc(filters, (length,), sample_rate=sample_rate)
    with torch.no_grad():
        after.banks[0].low += shift
    (svg,) = pictures(responses(before, after))
    _, _, width, height = map(float, (svg.get("viewBox") or "").split())
    assert svg.get("role") == "img" and svg.get("aria-label")
    for kind in ("is", "was"):
        drawn = boxes(svg, kind)
        assert len(drawn) == filters
        assert (drawn[:, 0] >= 0).all() and (drawn[:, 0] + drawn[:, 2] <= width).all()
        assert (drawn[:, 1] <= height).all() and (drawn[:, 1] - drawn[:, 3] >= 0).all()
    for mark in svg.iter("path"):
        points = re.findall(r"[ML]([\d.-]+) ([\d.-]+)", mark.get("d") or "")
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in points)
        assert not re.search("nan|inf", mark.get("d") or "")
