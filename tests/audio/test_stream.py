"""Streams: the same signal as in one piece, no click, memory that does not grow."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.audio.decode import decode, stream


@given(
    content=st.sampled_from(["wav", "flac", "ogg", "opus", "mp3", "m4a"]),
    block_seconds=st.floats(0.02, 8),
    start=st.floats(0, 5),
    duration=st.none() | st.floats(0.01, 8),
    sample_rate=st.sampled_from([None, 16_000, 22_050, 44_100]),
    channels=st.sampled_from([None, 1, 2]),
)
@settings(deadline=None, max_examples=40)
def test_blocks_join_to_the_whole(
    encoded: Callable[[str], Path],
    content: str,
    block_seconds: float,
    start: float,
    duration: float | None,
    sample_rate: int | None,
    channels: int | None,
) -> None:
    path = encoded(content)
    whole, _ = decode(path, start=start, duration=duration, sample_rate=sample_rate, channels=channels)
    blocks = stream(
        path,
        start=start,
        duration=duration,
        sample_rate=sample_rate,
        channels=channels,
        block_seconds=block_seconds,
    )
    joined = np.concatenate(list(blocks), axis=1)
    assert joined.shape == whole.shape
    assert np.allclose(joined, whole, atol=1e-6)


@pytest.mark.parametrize("content", ["wav", "mp3", "m4a"])
def test_resampled_while_decoding_is_resampled_in_one_go(
    content: str, encoded: Callable[[str], Path]
) -> None:
    native, rate = decode(encoded(content))
    waveform, target = decode(encoded(content), sample_rate=22_050)
    assert target == 22_050
    assert np.allclose(waveform, soxr.resample(native.T, rate, 22_050, quality="HQ").T, atol=1e-6)


def test_no_click_at_the_borders_of_blocks(tmp_path: Path) -> None:
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * 44_100) / 44_100)
    sf.write(tmp_path / "sine.ogg", sine, 44_100)
    blocks = list(stream(tmp_path / "sine.ogg", sample_rate=32_000, block_seconds=0.05))
    joined = np.concatenate(blocks, axis=1)[0, 1000:-1000]
    steepest = 0.5 * 2 * np.pi * 440 / 32_000
    assert np.abs(np.diff(joined)).max() < 1.05 * steepest


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    def peak(minutes: float) -> int:
        path = tmp_path / f"{minutes}.{suffix}"
        piece = np.random.default_rng(0).uniform(-0.1, 0.1, (8000 * 15, 2))
        with sf.SoundFile(path, "w", 8000, 2) as output:
            for _ in range(int(minutes * 4)):
                output.write(piece)
        samples = 0
        tracemalloc.start()
        for block in stream(path, sample_rate=6000, channels=1, block_seconds=2.0):
            samples += block.shape[1]
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert samples == pytest.approx(minutes * 60 * 6000, rel=0.01)
        return highest

    peak(0.25)  # what is loaded once
    assert peak(6) < 1.2 * peak(3)


@pytest.mark.slow
def test_memory_does_not_grow_with_a_file_read_by_ffmpeg(tmp_path: Path, sounds: SimpleNamespace) -> None:
    def peak(seconds: int) -> int:
        piece = sounds.make_signal(2.0)
        path = sounds.write(tmp_path / f"{seconds}.m4a", np.tile(piece, seconds // 2), "m4a")
        tracemalloc.start()
        for _ in stream(path, sample_rate=22_050, channels=1, block_seconds=1.0):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(60) < 1.2 * peak(6)


def test_the_package_is_cheap_to_import() -> None:
    code = (
        "import sys, genrelab.audio\n"
        "assert not {'av', 'soundfile', 'soxr', 'numpy'} & set(sys.modules)\n"
        "import genrelab.audio.decode, genrelab.audio.segments\n"
        "assert not {'av', 'soundfile', 'torch', 'onnxruntime', 'genrelab.lab'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
