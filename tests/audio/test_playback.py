"""Peaks, media types and encoded sound, without a server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import tagged
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises
from tiny_onnx import tone

from genrelab.audio.decode import decode
from genrelab.audio.playback.media_types import media_type
from genrelab.audio.playback.peaks import FINEST, _Pieces, measure_peaks, reduce_peaks
from genrelab.audio.playback.transcode import transcode


@settings(deadline=None)
@given(st.lists(st.integers(0, 200_000), max_size=8), st.integers(0, 2**32 - 1))
def test_pieces_cover_all_samples_whatever_the_blocks(sizes: list[int], seed: int) -> None:
    wave = np.random.default_rng(seed).uniform(-1, 1, sum(sizes)).astype(np.float32)
    pieces = _Pieces()
    for block in np.split(wave, np.cumsum(sizes)[:-1]) if sizes else []:
        pieces.add(block)
    found = pieces.finish()
    length = pieces._samples
    assert len(found) == -(-len(wave) // length) and len(found) < 2 * FINEST
    for number in {0, len(found) // 2, len(found) - 1} if len(found) else ():
        piece = wave[number * length : (number + 1) * length]
        assert (found[number, 0], found[number, 1]) == (piece.min(), piece.max())


def test_memory_does_not_grow_with_the_file() -> None:
    pieces = _Pieces()
    for _ in range(300):
        pieces.add(np.zeros(441_000, np.float32))
        assert len(pieces._peaks) < 2 * FINEST + 7000 and len(pieces._rest) <= 2 * pieces._samples


def test_an_odd_number_of_pieces_is_joined_too() -> None:
    pieces = _Pieces()
    pieces.add(np.zeros(64, np.float32))
    for _ in range(200):
        pieces.add(np.zeros(64 * 200, np.float32))
        assert len(pieces._peaks) < FINEST + 200
    assert pieces._samples > 64


@pytest.mark.parametrize("points", [1, 7, 100, 1000])
def test_joined_pieces_keep_the_extremes(points: int) -> None:
    wave = np.random.default_rng(1).uniform(-1, 1, (100, 2)).astype(np.float32)
    found = reduce_peaks(wave, points)
    assert len(found) == min(points, 100)
    assert (found[:, 0].min(), found[:, 1].max()) == (wave[:, 0].min(), wave[:, 1].max())


def test_what_is_no_longer_wanted_is_given_up(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", tone(100.0, 35.0), 8000)
    asked: list[bool] = []

    def wanted() -> bool:
        asked.append(True)
        return len(asked) < 2

    assert measure_peaks(tmp_path / "x.wav", wanted=wanted) is None
    assert len(asked) == 2
    with raises("audio-missing", tmp_path / "none.wav"):
        measure_peaks(tmp_path / "none.wav")


def test_damaged_sound_is_measured_and_encoded_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "flac", seconds=6.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    peaks = measure_peaks(path)
    assert peaks is not None and len(peaks) > 100
    (tmp_path / "out.ogg").write_bytes(b"".join(transcode(path, "ogg")))
    found, rate = decode(tmp_path / "out.ogg")
    assert 3.0 < found.shape[1] / rate < 6.1


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_encoded_sound_is_mono_or_stereo(tmp_path: Path, channels: int) -> None:
    wave = np.stack([tone(200.0 + 50 * number, 1.5, rate=22_050) for number in range(channels)], axis=1)
    soundfile.write(tmp_path / "x.wav", wave, 22_050)
    (tmp_path / "x.flac").write_bytes(b"".join(transcode(tmp_path / "x.wav", "flac")))
    found, rate = decode(tmp_path / "x.flac")
    assert (rate, found.shape) == (22_050, (min(channels, 2), 33_075))
    expected, _ = decode(tmp_path / "x.wav", channels=min(channels, 2))
    np.testing.assert_allclose(found, expected, atol=2**-14)


def test_apple_lossless_and_packed_waves_do_not_play(tmp_path: Path) -> None:
    import av

    path = tmp_path / "x.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("alac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.int16), format="s16p", layout="mono")
        frame.sample_rate = 44_100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    soundfile.write(tmp_path / "x.wav", tone(200.0), 8000, subtype="IMA_ADPCM")
    for name, expected in (("x.m4a", ("audio/mp4", False)), ("x.wav", ("audio/wav", False))):
        with (tmp_path / name).open("rb") as file:
            assert tuple(media_type(file)) == expected
