"""The map's forces come to rest where the formulas of library.explore.chart.forces say that they balance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from genrelab.library.explore.chart.components import principal_components
from genrelab.library.explore.chart.forces import refine
from genrelab.library.explore.chart.placing import place

GRAVITY, REPULSIONS = 0.02, 4  # as the module's page of the method has them


def side_of_three(neighbours: list[list[int]]) -> float:
    """The mean side of the triangle into which three tracks settle."""
    start = np.array([[3.0, 0.0], [-1.0, 2.0], [-2.0, -2.5]], dtype=np.float32)
    settled = refine(start, np.array(neighbours, dtype=np.int32), rounds=120)
    return float(np.mean([np.linalg.norm(settled[a] - settled[b]) for a, b in ((0, 1), (1, 2), (2, 0))]))


def balance(attraction: float) -> float:
    """Where the forces on a corner of an equilateral triangle of side s cancel out.

    The corner lies at x, the vectors from both other corners to it add up to 3 x. Each of four strangers is
    one of the three tracks with equal chance, so that each other corner pushes 4/3 times a round.
    """

    def force(s: float) -> float:
        square = s * s
        pull = attraction * 3 * 2 / (1 + square) + GRAVITY
        return REPULSIONS / 3 * 3 * 2 / ((0.001 + square) * (1 + square)) - pull

    return float(brentq(force, 0.1, 100))


def test_gravity_balances_repulsion_between_tracks_that_are_not_neighbours() -> None:
    """Each track as its own neighbour is drawn to nothing but the middle."""
    assert side_of_three([[n] * 15 for n in range(3)]) == pytest.approx(balance(0.0), rel=0.1)


def test_attraction_balances_repulsion_between_neighbours() -> None:
    """Of two neighbours in turn, each pulls every second time."""
    neighbours = [[n for n in range(3) if n != own] * 7 for own in range(3)]
    assert side_of_three(neighbours) == pytest.approx(balance(0.5), rel=0.1)


def groups(count: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    member = np.arange(count * each) % count
    points = np.eye(count, 24)[member] + 0.05 * generator.standard_normal((count * each, 24))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), member


def test_groups_apart_are_not_drawn_as_dots_and_do_not_run_into_each_other() -> None:
    points, member = groups(5, 40)
    places = place(principal_components(points, np.arange(len(points)))).places
    middles = np.stack([places[member == number].mean(axis=0) for number in range(5)])
    radius = np.sqrt(((places - middles[member]) ** 2).sum(axis=1)).mean()
    apart = min(float(np.linalg.norm(middles[a] - middles[b])) for a in range(5) for b in range(a))
    assert 0.05 < radius < 0.12
    assert apart > 3 * radius
