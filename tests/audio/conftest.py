"""Real sound files in every format, encoded on the spot from one known signal."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile as sf

RATE = 48_000  # the one rate that all these codecs take
SECONDS = 6

SOUNDFILE = {
    "wav": {"format": "WAV", "subtype": "FLOAT"},
    "au": {"format": "AU", "subtype": "PCM_16"},
    "aiff": {"format": "AIFF", "subtype": "PCM_24"},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {"format": "MP3", "bitrate_mode": "VARIABLE", "compression_level": 0.3},
}
# Container, codec, with a picture, the encoder's options. One AAC goes without noise substitution, where
# decoders make noise up: what comes after a seek can then be compared sample by sample.
PYAV: dict[str, tuple[str, str, bool, dict[str, str]]] = {
    "m4a": ("ipod", "aac", False, {"aac_pns": "0"}),
    "aac": ("adts", "aac", False, {}),
    "wma": ("asf", "wmav2", False, {}),
    "mp4": ("mp4", "aac", True, {}),
    "mkv": ("matroska", "aac", True, {}),
    "avi": ("avi", "mp3", True, {}),
}
FORMATS = [*SOUNDFILE, *PYAV]


def make_signal(seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """A sweep and a little noise, different on the two sides: float32 `[2, samples]`."""
    time = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(200 * 15 ** (time / seconds)) / rate
    noise = 0.02 * np.random.default_rng(7).standard_normal((2, time.size))
    return (np.stack([0.4 * np.sin(phase), 0.3 * np.sin(1.5 * phase)]) + noise).astype(np.float32)


def encode_with_av(
    path: Path, signal: np.ndarray, container: str, codec: str, video: bool, options: dict[str, str]
) -> None:
    """Encode with FFmpeg's encoders, beside a silent-black picture if wanted."""
    with av.open(str(path), "w", format=container) as output:
        picture = output.add_stream("mpeg4", rate=25) if video else None
        sound = output.add_stream(
            codec, rate=RATE, layout="stereo" if len(signal) == 2 else "mono", options=options
        )
        sound.bit_rate = 192_000
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
            for number in range(signal.shape[1] * 25 // RATE):
                image = av.VideoFrame.from_ndarray(np.zeros((72, 64), np.uint8), format="yuv420p")
                image.pts = number
                output.mux(picture.encode(image))
            output.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(signal), format="fltp", layout="stereo" if len(signal) == 2 else "mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))


def write(path: Path, signal: np.ndarray, kind: str) -> Path:
    """Encode a signal `[channels, samples]` at RATE as one of FORMATS."""
    if kind in SOUNDFILE:
        sf.write(path, signal.T, RATE, **SOUNDFILE[kind])
    else:
        encode_with_av(path, signal, *PYAV[kind])
    return path


def strip_first_mp3_frame(data: bytes) -> bytes:
    """Take the frame with the Xing header away: what is left tells nobody its length."""
    following = data.index(data[:2], 4)
    return data[following:]


def delay(waveform: np.ndarray, reference: np.ndarray, reach: int = 3000) -> int:
    """By how many samples a waveform `[channels, samples]` lags behind its reference."""
    middle = min(waveform.shape[1], reference.shape[1]) // 2
    piece = waveform[0, middle : middle + 24_000]
    around = reference[0, middle - reach : middle + 24_000 + reach]
    size = 1 << (around.size + piece.size).bit_length()
    spectrum = np.fft.rfft(around, size) * np.fft.rfft(piece, size).conj()
    return reach - int(np.fft.irfft(spectrum, size)[: 2 * reach + 1].argmax())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `kind` on every format."""
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", FORMATS)


@pytest.fixture(scope="session")
def sounds() -> SimpleNamespace:
    """What tests need to make sound files and to measure what comes back."""
    return SimpleNamespace(
        rate=RATE,
        seconds=SECONDS,
        make_signal=make_signal,
        write=write,
        delay=delay,
        strip_first_mp3_frame=strip_first_mp3_frame,
    )


@pytest.fixture(scope="session")
def signal() -> np.ndarray:
    """The signal that `encoded` holds."""
    return make_signal()


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory, signal: np.ndarray) -> Callable[[str], Path]:
    """Give the stereo signal as a file of one of FORMATS, encoded once."""
    folder = tmp_path_factory.mktemp("encoded")

    def path_of(kind: str) -> Path:
        path = folder / f"signal.{kind}"
        return path if path.exists() else write(path, signal, kind)

    return path_of
