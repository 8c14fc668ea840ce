"""Cutting segments, from a whole waveform and from blocks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.segments import cut_segments, segment_starts, stream_segments
from genrelab.errors import UsageError

SMALL = st.integers(1, 40)


@given(samples=st.integers(1, 300), length=SMALL, hop=SMALL)
def test_starts(samples: int, length: int, hop: int) -> None:
    starts = segment_starts(samples, length, hop)
    assert starts[0] == 0
    assert set(np.diff(starts)) <= {hop}
    if samples < length:
        assert starts == [0]
    else:
        assert starts[-1] + length <= samples < starts[-1] + hop + length


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=10).filter(any),
    length=SMALL,
    hop=SMALL,
    padding=st.sampled_from(["end", "repeat"]),
)
def test_a_stream_gives_what_the_whole_gives(
    sizes: list[int], length: int, hop: int, padding: Literal["end", "repeat"]
) -> None:
    whole = np.arange(2 * sum(sizes), dtype=np.float32).reshape(2, -1)
    blocks = np.split(whole, np.cumsum(sizes)[:-1], axis=1)
    streamed = list(stream_segments(blocks, length, hop, padding=padding))
    cut = cut_segments(whole, length, hop, padding=padding)
    assert cut.dtype == np.float32
    assert [start for start, _ in streamed] == segment_starts(whole.shape[1], length, hop)
    assert np.array_equal(np.stack([segment for _, segment in streamed]), cut)
    for start, segment in streamed:
        if start + length <= whole.shape[1]:
            assert np.array_equal(segment, whole[:, start : start + length])


def test_segments_of_a_stream_are_not_views_of_each_other() -> None:
    blocks = [np.ones((1, 100), np.float32)]
    (_, first), (_, second), *_ = stream_segments(blocks, 50, 25)
    first[:] = 7
    assert second.max() == 1


def test_a_short_waveform_is_padded() -> None:
    waveform = np.float32([[1, 2, 3]])
    assert cut_segments(waveform, 5, 5).tolist() == [[[1, 2, 3, 0, 0]]]
    assert cut_segments(waveform, 5, 5, padding="repeat").tolist() == [[[1, 2, 3, 1, 2]]]
    random = cut_segments(waveform, 9, 5, padding="random", rng=np.random.default_rng(0))
    assert random[random != 0].tolist() == [1, 2, 3]


def test_a_stream_needs_little_memory() -> None:
    def blocks(count: int) -> Iterator[np.ndarray]:
        for _ in range(count):
            yield np.zeros((1, 50_000), np.float32)

    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in stream_segments(blocks(count), 70_000, 35_000):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(100) < 1.2 * peak(10)


@pytest.mark.parametrize(("samples", "length", "hop"), [(0, 5, 5), (9, 0, 5), (9, 5, 0), (9, -1, 5)])
def test_wrong_use(samples: int, length: int, hop: int) -> None:
    with raises("segment-length"):
        segment_starts(samples, length, hop)
    with pytest.raises(UsageError):
        cut_segments(np.zeros((1, samples), np.float32), length, hop)
    with pytest.raises(UsageError):
        list(stream_segments([np.zeros((1, samples), np.float32)], length, hop))


def test_a_stream_cannot_be_padded_at_random() -> None:
    with raises("unknown-padding", "'random'"):
        stream_segments([], 5, 5, padding="random")  # type: ignore[arg-type]
    with raises("no-samples"):
        list(stream_segments([], 5, 5))
