"""A track's answer from its segments: by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from raising import raises

from genrelab.voting import VOTING_RULES, vote

SEGMENTS = [[0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.0, 0.9, 0.1], [0.2, 0.3, 0.5]]


def test_the_majority_counts_segments_and_the_mean_their_probabilities() -> None:
    assert vote(SEGMENTS, rule="majority").order.tolist() == [0, 1, 2]  # 2 of 4, 1 and 1: 0.5 > 0.2
    assert vote(SEGMENTS, rule="mean").order.tolist() == [1, 0, 2]
    for rule in VOTING_RULES:
        assert vote(SEGMENTS, rule=rule).probabilities == pytest.approx([0.3, 0.5, 0.2])
    assert vote(SEGMENTS).order.tolist() == [0, 1, 2], "the majority, unless told"


def test_ties_go_to_the_higher_mean_then_to_the_first_genre() -> None:
    assert vote([[0.6, 0.4], [0.1, 0.9]], rule="majority").order.tolist() == [1, 0]
    for rule in VOTING_RULES:
        assert vote([[0.5, 0.5]], rule=rule).order.tolist() == [0, 1]


def test_one_segment_or_one_genre_is_enough() -> None:
    for rule in VOTING_RULES:
        assert vote([[0.2, 0.8]], rule=rule).order.tolist() == [1, 0]
        assert vote([[1.0], [1.0]], rule=rule).order.tolist() == [0]


@pytest.mark.parametrize("wrong", [[], [[]], [0.5, 0.5], [[[0.5]]], np.zeros((0, 3)), np.zeros((3, 0)), 0.5])
def test_what_is_no_table_of_segments_and_genres_is_refused(wrong: object) -> None:
    with raises("vote-shape"):
        vote(wrong)  # type: ignore[arg-type]


def test_an_unknown_rule_names_the_known_ones() -> None:
    with raises("vote-rule", "median", *VOTING_RULES):
        vote(SEGMENTS, rule="median")  # type: ignore[arg-type]


@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=st.floats(0, 1)))
def test_both_rules_rank_every_genre_once_by_what_they_say(scores: np.ndarray) -> None:
    firsts = [int(row.argmax()) for row in scores]
    for rule in VOTING_RULES:
        order, mean = vote(scores, rule=rule)
        assert sorted(order) == list(range(scores.shape[1]))
        keys = [(firsts.count(genre) if rule == "majority" else 0, mean[genre], -genre) for genre in order]
        assert keys == sorted(keys, reverse=True)
