"""Tones in every container that is read, encoded once per process."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import soundfile

RATE = 48_000


def write_sound(path: Path, container: str, *, frequency: float = 440.0, seconds: float = 1.0) -> Path:
    """Write a tone with a little noise in a container of the encoders below; the same bytes each time."""
    path.write_bytes(_encode(container, frequency, seconds))
    return path


@cache
def _encode(container: str, frequency: float, seconds: float) -> bytes:
    time = np.arange(round(seconds * RATE)) / RATE
    noise = 0.01 * np.random.default_rng(int(frequency)).standard_normal(time.size)
    wave = (0.3 * np.sin(2 * np.pi * frequency * time) + noise).astype(np.float32)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        if container in RECORDED:
            return RECORDED[container].read_bytes()
        {**ENCODERS, **FURTHER_ENCODERS}[container](path, wave)
        return path.read_bytes()


def _with_soundfile(**options: object) -> Callable[[Path, np.ndarray], None]:
    return lambda path, wave: soundfile.write(path, wave, RATE, **options)  # type: ignore[arg-type]


def _with_av(
    container: str, codec: str, metadata: dict[str, str] | None = None, **options: str
) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, wave: np.ndarray) -> None:
        with av.open(str(path), "w", format=container, options=options) as output:
            output.metadata.update(metadata or {})
            stream = output.add_stream(codec, rate=RATE, layout="stereo")
            stream.bit_rate = 128_000
            frame = av.AudioFrame.from_ndarray(np.stack([wave, 0.5 * wave]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))

    return write


USUAL_FIELDS = {
    **{"title": "Lied ohne Wörter", "artist": "Ensemble Ω", "album_artist": "Others", "album": "Album"},
    **{"track": "3/9", "date": "2003", "comment": "Ein Kommentar", "copyright": "(c)", "composer": "C"},
}
"""What FFmpeg is asked to write; in WMA it puts some of it into two objects."""

ENCODERS = {
    "mp3": _with_soundfile(format="MP3"),
    "flac": _with_soundfile(format="FLAC"),
    "ogg": _with_soundfile(format="OGG", subtype="VORBIS"),
    "opus": _with_soundfile(format="OGG", subtype="OPUS"),
    "wav": _with_soundfile(format="WAV", subtype="PCM_24"),
    "aiff": _with_soundfile(format="AIFF", subtype="PCM_16"),
    "m4a": _with_av("ipod", "aac"),
    "m4a-fast": _with_av("ipod", "aac", movflags="faststart"),
    "wma": _with_av("asf", "wmav2"),
    "wma-ffmpeg": _with_av("asf", "wmav2", USUAL_FIELDS),
    "wma-ffmpeg-genre": _with_av("asf", "wmav2", {**USUAL_FIELDS, "genre": "Dub"}),
    "oga": _with_av("ogg", "flac"),
    "wv": _with_av("wv", "wavpack"),
    "tta": _with_av("tta", "tta"),
    "mka": _with_av("matroska", "aac"),
    "mkv": _with_av("matroska", "flac"),
    "webm": _with_av("webm", "libopus"),
}
# What genrelab reads but writes no tags into, or into in no other way than above.
FURTHER_ENCODERS = {
    "mp3-vbr": _with_soundfile(format="MP3", bitrate_mode="VARIABLE", compression_level=0.3),
    "mp2": _with_av("mp2", "mp2"),
    "au": _with_soundfile(format="AU", subtype="FLOAT"),
    "caf": _with_soundfile(format="CAF", subtype="PCM_16"),
    "w64": _with_soundfile(format="W64", subtype="PCM_16"),
    "rf64": _with_soundfile(format="RF64", subtype="PCM_16"),
    "m4a-alac": _with_av("ipod", "alac"),
    "aac": _with_av("adts", "aac"),
    "avi": _with_av("avi", "libmp3lame"),
    "flv": _with_av("flv", "aac"),
    "mpg": _with_av("mpeg", "mp2"),
}
# What no Python package encodes: tones of 2.8 s, of 440 Hz whatever is asked for; by JMAC 1.74, mpcenc 1.30.
RECORDED = {name: Path(__file__).with_name("recorded") / f"tone.{name}" for name in ("ape", "mpc")}
