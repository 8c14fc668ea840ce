"""Mixing in blocks: channels that cancel each other out are not heard as silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import decode, open_excerpts, stream
from genrelab.audio.mixing import CANCELLED_DB, mix, mix_window

RATE = 8000


def tone(seconds: float, frequency: float = 300.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def mixed(sound: np.ndarray, *, block: int = RATE) -> np.ndarray:
    blocks = (sound[:, start : start + block] for start in range(0, sound.shape[1], block))
    return np.concatenate(list(mix(blocks, 1, RATE)), axis=1)


def test_sound_in_phase_is_the_mean() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3 * RATE)).astype(np.float32)
    assert np.array_equal(mixed(sound), match_channels(sound, 1))


def test_out_of_phase_the_left_channel_is_taken() -> None:
    left = tone(2.0)
    assert np.array_equal(mixed(np.stack([left, -left])), left[None])


def test_only_where_it_cancels() -> None:
    left, right = tone(2.0), tone(2.0)
    right[RATE:] *= -1
    found = mixed(np.stack([left, right]))
    assert np.allclose(found[0], left, atol=1e-6)
    wide = np.stack([tone(2.0), tone(2.0, 450.0)])  # another sound on each side does not cancel
    assert np.array_equal(mixed(wide), match_channels(wide, 1))


@pytest.mark.parametrize(("below", "is_cancelled"), [(CANCELLED_DB - 1, True), (CANCELLED_DB + 1, False)])
def test_the_border(below: float, is_cancelled: bool) -> None:
    left = tone(1.0)
    left[left == 0] = 1e-6
    rest = 10 ** (below / 20)  # of the mean, compared with the channels
    right = -left * (1 - rest) / (1 + rest)
    sound = np.stack([left, right])
    assert np.array_equal(mixed(sound), left[None] if is_cancelled else match_channels(sound, 1))


def test_of_several_channels_the_first_that_is_loud() -> None:
    sound = np.stack([0.01 * tone(1.0), tone(1.0), -tone(1.0), -0.01 * tone(1.0)])
    assert np.allclose(mixed(sound), sound[1:2])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3 * RATE), st.integers(0, 2**31))
def test_blocks_of_any_size_are_mixed_alike(block: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    left = dice.uniform(-0.5, 0.5, 2 * RATE + 17).astype(np.float32)
    right = np.where(np.repeat(dice.random(22) < 0.5, 800)[: left.size], -left, left)
    sound = np.stack([left, right])
    assert np.array_equal(mixed(sound, block=block), mixed(sound, block=10**9))


def test_pieces_of_a_file_are_those_of_the_whole(tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    left = dice.uniform(-0.5, 0.5, 10 * RATE).astype(np.float32)
    right = np.where(np.repeat(dice.random(100) < 0.5, 800), -left, left)
    path = tmp_path / "x.wav"
    sf.write(path, np.stack([left, right]).T, RATE, subtype="FLOAT")
    whole, _ = decode(path, channels=1)
    assert np.abs(whole).mean() == pytest.approx(np.abs(left).mean(), rel=1e-3)
    blocks = list(stream(path, channels=1, block_seconds=0.33))
    assert np.array_equal(np.concatenate(blocks, axis=1), whole)
    part, _ = decode(path, channels=1, start=1.23, duration=2.34)
    assert np.array_equal(part, whole[:, round(1.23 * RATE) :][:, : part.shape[1]])
    with open_excerpts(path, sample_rate=RATE, channels=1) as found:
        assert found is not None
        for first in (0, 799, 12_345, 70_001):
            assert np.array_equal(found.take(first, 2000), whole[:, first : first + 2000])
    assert mix_window(RATE) == 800
