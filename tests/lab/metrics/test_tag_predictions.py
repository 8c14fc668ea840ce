"""Predictions of tags: what they refuse, means over segments, pooling, and their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.metrics.tag_predictions import (
    TagPredictions,
    pool_tags,
    read_tag_predictions,
    write_tag_predictions,
)

TAGS = ("mood:calm", "genre:R&B")


def predictions(clips: str = "ab", **changes: object) -> TagPredictions:
    values: dict[str, object] = {
        "tags": TAGS,
        "clip_ids": tuple(clips),
        "truth": np.array([[1, -1], [0, 1]]),
        "probabilities": np.array([[0.9, 0.25], [0.1, 1.0]]),
        "groups": {"a": "Ann"},
    }
    return TagPredictions(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code", "quoted"),
    [
        ({"tags": ("mood:calm", "mood:calm")}, "tag-twice", ["mood:calm"]),
        ({"truth": np.ones((2, 3))}, "tag-predictions-shape", ["[2, 2]", "[2, 3]"]),
        ({"probabilities": np.ones((1, 2))}, "tag-predictions-shape", ["[1, 2]"]),
        ({"truth": np.array([[1, 2], [0, 1]])}, "tag-value-out-of-range", ["'a'", "'genre:R&B'", 2]),
        ({"probabilities": np.array([[0, 1], [1.5, 0]])}, "tag-value-out-of-range", ["'b'", "1.5"]),
        ({"probabilities": np.array([[0, 1], [0, np.nan]])}, "tag-value-out-of-range", ["'b'", "nan"]),
        (
            {"clip_ids": (), "truth": np.ones((0, 2)), "probabilities": np.ones((0, 2))},
            "tag-predictions-empty",
            [0],
        ),
        ({"clip_ids": ("a", "a")}, "tag-truth-differs", ["'a'"]),
        (
            {"clip_ids": ("a", "a"), "truth": np.ones((2, 2)), "teacher": np.array([[0.1, 1], [0.2, 1]])},
            "tag-truth-differs",
            ["'a'"],
        ),
        ({"teacher": np.ones((2, 1))}, "teacher-shape", ["[2, 2]", "[2, 1]"]),
        ({"teacher": np.array([[0, 1], [-3, 0.5]])}, "teacher-out-of-range", ["-3..1"]),
    ],
)
def test_faulty_predictions_are_refused(changes: dict[str, object], code: str, quoted: list[object]) -> None:
    with raises(code, *quoted):
        predictions(**changes)


def test_a_clip_has_the_mean_of_its_segments_whatever_their_order() -> None:
    truth = np.array([[1], [-1], [1], [1]])
    rows = TagPredictions(("mood:calm",), ("b", "a", "b", "b"), truth, np.array([[0.2], [0.5], [0.4], [0.9]]))
    tracks = rows.tracks()
    assert (tracks.clip_ids, tracks.truth.ravel().tolist()) == (("b", "a"), [1, -1])
    assert tracks.probabilities.ravel().tolist() == pytest.approx([0.5, 0.5])
    assert tracks.tracks() is tracks and tracks.groups == {"b": "b", "a": "a"}


def test_columns_are_chosen_by_tag() -> None:
    chosen = predictions().only(["genre:R&B"])
    assert (chosen.tags, chosen.truth.tolist()) == (("genre:R&B",), [[-1], [1]])
    assert chosen.probabilities.tolist() == [[0.25], [1.0]] and chosen.groups["a"] == "Ann"
    with raises("tag-not-predicted", "'mood:sad'", "mood:calm"):
        predictions().only(["mood:sad"])


def test_folds_are_pooled_if_they_are_folds() -> None:
    both = pool_tags([predictions("ab"), predictions("cd")])
    assert both.clips == ("a", "b", "c", "d") and both.truth.shape == (4, 2)
    assert both.groups == {"a": "Ann", "b": "b", "c": "c", "d": "d"}
    with raises("folds-overlap", "'b'"):
        pool_tags([predictions("ab"), predictions("bc")])
    with raises("folds-of-other-tags", "mood:sad"):
        pool_tags([predictions("ab"), predictions("cd", tags=("mood:calm", "mood:sad"))])
    with raises("folds-missing"):
        pool_tags([])
    taught = predictions("cd", teacher=np.array([[0.1, np.nan], [0.2, 0.3]]))
    with raises("folds-of-other-teachers", 1):
        pool_tags([predictions("ab"), taught])
    both = pool_tags([taught, predictions("ef", teacher=np.zeros((2, 2)))])
    assert both.teacher is not None and both.teacher[[0, 1, 3], 0].tolist() == [0.1, 0.2, 0.0]


def test_the_teacher_decides_where_nobody_labelled() -> None:
    truth = np.array([[1, -1, -1], [-1, -1, -1], [1, -1, -1], [-1, -1, -1]])
    teacher = np.array([[0.1, 0.9, np.nan], [0.9, 0.2, np.nan], [0.1, 0.9, np.nan], [0.9, 0.2, np.nan]])
    tags = ("mood:calm", "style:punk", "style:dub")
    rows = TagPredictions(tags, ("a", "b", "a", "b"), truth, np.full((4, 3), 0.5), teacher=teacher)
    assert rows.by_teacher() == ("style:punk",)
    assert rows.completed().truth.tolist() == [[1, 1, -1], [-1, 0, -1], [1, 1, -1], [-1, 0, -1]]
    assert rows.tracks().completed().truth.tolist() == [[1, 1, -1], [-1, 0, -1]]
    assert rows.only(["style:punk"]).completed().truth.ravel().tolist() == [1, 0, 1, 0]
    alone = predictions()
    assert alone.by_teacher() == () and alone.completed() is alone


NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(clips=st.lists(NAMES, min_size=1, max_size=4, unique=True), group=NAMES, seed=st.integers(0, 99))
def test_a_file_gives_back_what_was_written(
    clips: list[str], group: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    shape = (len(clips), 2)
    values = rng.random(shape, dtype=np.float32).astype(np.float64)
    truth, teacher = rng.integers(-1, 2, size=shape), values[::-1].copy() if seed % 2 else None
    if teacher is not None:
        teacher[0, 0] = np.nan
    before = TagPredictions(TAGS, tuple(clips), truth, values, {clips[0]: group}, teacher)
    path = tmp_path_factory.mktemp("tags") / "tags.csv"
    write_tag_predictions(path, before)
    after = read_tag_predictions(path)
    assert (after.tags, after.clip_ids, after.groups) == (before.tags, before.clip_ids, before.groups)
    assert (after.truth == before.truth).all()
    assert (after.probabilities.astype(np.float32) == before.probabilities.astype(np.float32)).all()
    if before.teacher is None or after.teacher is None:
        assert before.teacher is after.teacher
    else:
        np.testing.assert_array_equal(after.teacher.astype(np.float32), before.teacher.astype(np.float32))


def test_pandas_reads_the_file_without_options(tmp_path: Path) -> None:
    write_tag_predictions(tmp_path / "tags.csv", predictions())
    table = pd.read_csv(tmp_path / "tags.csv")
    assert table.columns.tolist() == [
        "clip_id",
        "group",
        "truth_mood:calm",
        "p_mood:calm",
        "truth_genre:R&B",
        "p_genre:R&B",
    ]
    assert np.isnan(table["truth_genre:R&B"][0]) and table["p_genre:R&B"][1] == 1.0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "tag-predictions-columns"),
        (b"clip_id,group\n", "tag-predictions-damaged"),
        (b"clip_id,group,p_mood:calm,truth_mood:calm\na,a,1,1\n", "tag-predictions-columns"),
        (b"clip_id,group,truth_mood:calm,p_mood:calm\na,a,1\n", "tag-predictions-damaged"),
        (b"clip_id,group,truth_mood:calm,p_mood:calm\na,a,2,0.5\n", "tag-predictions-damaged"),
        (b"clip_id,group,truth_mood:calm,p_mood:calm\na,a,1,high\n", "tag-predictions-damaged"),
        (b"clip_id,group,truth_mood:calm,p_mood:calm\na,a,1,1.5\n", "tag-predictions-damaged"),
        (b"clip_id,group,truth_a:b,p_a:b,teacher_a:c\na,a,1,0.5,0.5\n", "tag-predictions-columns"),
        (b"clip_id,group,truth_a:b,p_a:b,teacher_a:b\na,a,1,0.5\n", "tag-predictions-damaged"),
        (b"\xff\xfe", "tag-predictions-unreadable"),
    ],
)
def test_another_file_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "tags.csv"
    path.write_bytes(content)
    with raises(code, path):
        read_tag_predictions(path)
    with raises("tag-predictions-unreadable", tmp_path / "none.csv"):
        read_tag_predictions(tmp_path / "none.csv")
