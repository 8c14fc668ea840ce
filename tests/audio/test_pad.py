"""Fitting waveforms to a length."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.pad import PADDINGS, Padding, fit_length


def _ramp(channels: int, samples: int) -> np.ndarray:
    """Samples that are all different and never zero."""
    return (1 + np.arange(channels * samples, dtype=np.float32)).reshape(channels, samples)


@given(
    channels=st.integers(1, 3),
    samples=st.integers(1, 60),
    length=st.integers(1, 200),
    padding=st.sampled_from(PADDINGS),
    seed=st.integers(0, 100),
)
def test_length_order_and_content(
    channels: int, samples: int, length: int, padding: Padding, seed: int
) -> None:
    waveform = _ramp(channels, samples)
    fitted = fit_length(waveform, length, padding=padding, rng=np.random.default_rng(seed))
    assert fitted.shape == (channels, length)
    assert fitted.dtype == np.float32
    if samples >= length:
        assert np.array_equal(fitted, waveform[:, :length])
    elif padding == "repeat":
        assert np.array_equal(fitted, np.tile(waveform, 200)[:, :length])
    else:
        sounding = fitted.any(axis=0)
        assert np.array_equal(fitted[:, sounding], waveform)
        if padding == "end":
            assert sounding[:samples].all()


def test_random_silence_is_in_several_pieces_and_everywhere() -> None:
    rng = np.random.default_rng(3)
    silent = np.zeros(150)
    pieces = []
    for _ in range(400):
        sounding = fit_length(_ramp(1, 100), 150, padding="random", rng=rng)[0] != 0
        silent += ~sounding
        pieces.append(np.count_nonzero(np.diff(np.concatenate([[1], sounding, [1]]).astype(int)) < 0))
    assert np.mean(pieces) > 2
    assert max(pieces) <= 4
    assert silent.sum() == 400 * 50
    assert silent.min() > 0  # fewer at the ends, where fewer pieces reach
    assert silent.max() < 1.5 * silent.mean()


def test_random_is_drawn_from_the_generator() -> None:
    def draw(seed: int) -> np.ndarray:
        return fit_length(_ramp(2, 50), 90, padding="random", rng=np.random.default_rng(seed))

    assert np.array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(2))


def test_wrong_use() -> None:
    with raises("padding-needs-rng"):
        fit_length(_ramp(1, 9), 5, padding="random")
    with raises("length-below-one", 0):
        fit_length(_ramp(1, 9), 0)
    with raises("unknown-padding", "'begin'"):
        fit_length(_ramp(1, 9), 5, padding="begin")  # type: ignore[arg-type]
    for shape in [(1, 0), (0, 5), (5,)]:
        with raises("waveform-shape", shape):
            fit_length(np.zeros(shape, np.float32), 5)
