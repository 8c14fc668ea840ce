"""The bins of a reliability diagram: their edges, and to which an answer on an edge belongs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genrelab.lab.metrics.calibration import BINS, calibration_error, reliability


def test_bins_are_contiguous_from_0_to_1() -> None:
    found = reliability(np.array([0.5]), np.array([True]), bins=4)
    assert [(each.low, each.high) for each in found] == [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]
    assert len(reliability(np.array([0.5]), np.array([True]))) == BINS == 15


def test_the_upper_edge_belongs_to_a_bin_and_the_lower_one_does_not() -> None:
    confidence = np.array([0.0, 0.25, 0.26, 0.5, 1.0])
    found = reliability(confidence, np.array([False, True, True, False, True]), bins=4)
    assert [each.tracks for each in found] == [2, 2, 0, 1]
    assert [each.confidence for each in found[:2]] == pytest.approx([0.125, 0.38])
    assert [each.accuracy for each in found] == pytest.approx([0.5, 0.5, math.nan, 1.0], nan_ok=True)
    assert math.isnan(found[2].confidence)


def test_gaps_are_weighted_by_tracks() -> None:
    confidence = np.array([0.2, 0.2, 0.2, 0.9])
    right = np.array([True, False, False, True])
    assert calibration_error(confidence, right) == pytest.approx((3 * (1 / 3 - 0.2) + 0.1) / 4)
