"""Streams whose waveform is shorter than a segment, and is not padded to one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.segments import cut_segments, stream_segments


@given(
    samples=st.integers(1, 30),
    length=st.integers(1, 20),
    hop=st.integers(1, 20),
    share=st.floats(0, 1),
    block=st.integers(1, 7),
)
def test_only_a_short_waveform_is_changed(
    samples: int, length: int, hop: int, share: float, block: int
) -> None:
    shortest = 1 + int(share * (length - 1))
    wave = np.arange(1, 2 * samples + 1, dtype=np.float32).reshape(2, samples)
    blocks = [wave[:, begin : begin + block] for begin in range(0, samples, block)]
    found = list(stream_segments(blocks, length, hop, padding="repeat", shortest=shortest))
    if samples < length:
        size = max(samples, shortest)
        ((start, segment),) = found
        assert start == 0
        expected = np.tile(wave, (1, size))[:, :size]
        np.testing.assert_array_equal(segment, expected)
    else:
        np.testing.assert_array_equal([each for _, each in found], cut_segments(wave, length, hop))


def test_silence_fills_up_to_the_shortest() -> None:
    ((_, segment),) = stream_segments([np.ones((1, 2), np.float32)], 9, 9, padding="end", shortest=4)
    assert segment.tolist() == [[1.0, 1.0, 0.0, 0.0]]


def test_without_it_a_segment_is_filled() -> None:
    for shortest in (None, 9):
        ((_, segment),) = stream_segments([np.ones((1, 2), np.float32)], 9, 9, shortest=shortest)
        assert segment.shape == (1, 9)


@pytest.mark.parametrize("shortest", [0, -1, 10])
def test_wrong_lengths_are_refused_at_once(shortest: int) -> None:
    with raises("shortest-range", 9, shortest):
        stream_segments([], 9, 9, shortest=shortest)
