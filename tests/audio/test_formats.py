"""Every format, whole and in ranges, against the signal that was encoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genrelab.audio.decode import AUDIO_SUFFIXES, decode, probe, stream

Encoded = Callable[[str], Path]

CODECS = {
    "wav": "float",
    "au": "pcm_16",
    "aiff": "pcm_24",
    "flac": "flac",
    "ogg": "vorbis",
    "wma": "wmav2",
    "opus": "opus",
    "mp3": "mp3",
    "avi": "mp3",
}
# Raw AAC and AVI do not say how late the encoder is; FFmpeg's reader of WMA drops the first block.
UNSTATED_DELAY = {"aac": 1024, "avi": 1105, "wma": -2048}
# dB against the source, after alignment: what the encoders reach at these rates, with some room.
MIN_SNR = {"wav": 140, "au": 80, "aiff": 120, "flac": 80}
# The largest difference between a range and the same slice of the whole; in AAC the decoder makes noise up.
RANGE_TOLERANCE = {"mp3": 1e-5, "ogg": 1e-5, "opus": 1e-3, "m4a": 1e-6, "mp4": 0.15}


def test_whole_file_is_the_source(
    kind: str, encoded: Encoded, signal: np.ndarray, sounds: SimpleNamespace
) -> None:
    waveform, rate = decode(encoded(kind))
    assert rate == sounds.rate
    assert waveform.dtype == np.float32
    assert waveform.shape[0] == 2
    late = sounds.delay(waveform, signal)
    assert late == UNSTATED_DELAY.get(kind, 0)
    assert abs(waveform.shape[1] - signal.shape[1]) <= 4096
    begin, end = 4096, signal.shape[1] - 8192
    error = waveform[:, begin + late : end + late] - signal[:, begin:end]
    snr = 10 * np.log10(np.square(signal[:, begin:end]).mean() / (np.square(error).mean() + 1e-20))
    assert snr > MIN_SNR.get(kind, 14)


@pytest.mark.parametrize("start", [0.0, 0.013, 1.7, 4.0001])
def test_range_is_a_slice_of_the_whole(
    kind: str, start: float, encoded: Encoded, sounds: SimpleNamespace
) -> None:
    whole, rate = decode(encoded(kind))
    part, _ = decode(encoded(kind), start=start, duration=0.75)
    first = round(start * rate)
    assert part.shape == (2, round(0.75 * rate))
    expected = whole[:, first : first + part.shape[1]]
    assert sounds.delay(part, expected) == 0
    assert np.abs(part - expected).max() <= RANGE_TOLERANCE.get(kind, 0.0)


def test_range_to_the_end_and_beyond(kind: str, encoded: Encoded, sounds: SimpleNamespace) -> None:
    whole, rate = decode(encoded(kind))
    rest, _ = decode(encoded(kind), start=4.5)
    beyond, _ = decode(encoded(kind), start=4.5, duration=100.0)
    assert rest.shape[1] == whole.shape[1] - round(4.5 * rate)
    assert np.array_equal(rest, beyond)


def test_stream_is_decode(kind: str, encoded: Encoded) -> None:
    whole, rate = decode(encoded(kind), start=0.5, sample_rate=22_050, channels=1)
    blocks = list(stream(encoded(kind), start=0.5, sample_rate=22_050, channels=1, block_seconds=0.37))
    assert rate == 22_050
    assert len(blocks) > 10
    assert max(block.shape[1] for block in blocks) < 22_050
    assert np.allclose(np.concatenate(blocks, axis=1), whole, atol=1e-6)


def test_probe(kind: str, encoded: Encoded, sounds: SimpleNamespace) -> None:
    info = probe(encoded(kind))
    assert (info.path, info.sample_rate, info.channels) == (encoded(kind), sounds.rate, 2)
    assert info.codec == CODECS.get(kind, "aac")
    assert info.duration == pytest.approx(sounds.seconds, rel=0.05)


def test_mono_and_stereo(kind: str, tmp_path: Path, signal: np.ndarray, sounds: SimpleNamespace) -> None:
    path = sounds.write(tmp_path / f"mono.{kind}", signal[:1, : 2 * sounds.rate], kind)
    stored, _ = decode(path)
    twice, _ = decode(path, channels=2)
    assert stored.shape[0] == 1
    assert np.array_equal(twice, np.repeat(stored, 2, axis=0))


def test_suffixes_cover_the_formats(kind: str) -> None:
    assert f".{kind}" in AUDIO_SUFFIXES


@pytest.mark.parametrize("name", ["wrong.wav", "no_suffix", "x.raw", "notes.txt"])
@pytest.mark.parametrize("content", ["mp3", "opus", "m4a", "flac"])
def test_the_content_counts_not_the_name(content: str, name: str, tmp_path: Path, encoded: Encoded) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(content).read_bytes())
    assert np.array_equal(decode(path)[0], decode(encoded(content))[0])


@pytest.mark.parametrize(
    "stem", ["with space", "Größe ☃", "-i", "song%03d", "http:", "concat:a|b", "a'b\"c", "-"]
)
@pytest.mark.parametrize("content", ["wav", "mp3", "m4a"])
def test_names_are_never_interpreted(
    content: str, stem: str, tmp_path: Path, encoded: Encoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = stem if stem == "-" else f"{stem}.{content}"
    Path(name).write_bytes(encoded(content).read_bytes())
    assert np.array_equal(decode(name)[0], decode(encoded(content))[0])


def test_an_mp3_of_variable_bit_rate_without_header_is_read_to_its_end(
    tmp_path: Path, encoded: Encoded, signal: np.ndarray, sounds: SimpleNamespace
) -> None:
    path = tmp_path / "bare.mp3"
    path.write_bytes(sounds.strip_first_mp3_frame(encoded("mp3").read_bytes()))
    waveform, rate = decode(path)
    assert waveform.shape[1] == pytest.approx(signal.shape[1], abs=4096)
    part, _ = decode(path, start=3.3, duration=1.0)
    first = round(3.3 * rate)
    assert np.array_equal(part, waveform[:, first : first + rate])


def test_a_flac_that_does_not_state_its_length(tmp_path: Path, encoded: Encoded) -> None:
    data = bytearray(encoded("flac").read_bytes())
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples
    data[22:26] = bytes(4)
    path = tmp_path / "piped.flac"
    path.write_bytes(data)
    assert np.array_equal(decode(path)[0], decode(encoded("flac"))[0])


def test_an_id3_tag_of_any_size_is_skipped(tmp_path: Path, encoded: Encoded) -> None:
    path = tmp_path / "tagged.mp3"
    picture = bytes(3000) + b"\xff\xfb\x90d" * 100
    size = len(picture)
    tag = b"ID3\3\0\0" + bytes(((size >> 21) & 127, (size >> 14) & 127, (size >> 7) & 127, size & 127))
    path.write_bytes(tag + picture + encoded("mp3").read_bytes() + b"TAG" + bytes(125))
    assert np.array_equal(decode(path)[0], decode(encoded("mp3"))[0])
