"""Sounds of four minutes in formats that can be read by ranges."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from genrelab.audio.containers.mpeg import index_mpeg
from genrelab.audio.encode import write_mp3

RATE = 44_100
SECONDS = 240


def sound(seconds: int = SECONDS) -> np.ndarray:
    """Return a tone with noise that comes and goes, so that a variable bit rate varies: [samples]."""
    time = np.arange(seconds * RATE) / RATE
    noise = np.random.default_rng(7).standard_normal(time.size) * 0.1 * (np.sin(time / 3) > 0)
    return (0.3 * np.sin(2 * np.pi * 200.0 * time) + noise).astype(np.float32)


def constant(path: Path, wave: np.ndarray) -> None:
    write_mp3(path, wave[None], RATE, bitrate=128)


def bare(path: Path, wave: np.ndarray) -> None:
    """Constant bit rate without the encoder's frame."""
    made = path.with_name("constant.mp3")
    index = index_mpeg(made)
    assert index is not None
    path.write_bytes(made.read_bytes()[index.offsets[0] :])


def variable(path: Path, wave: np.ndarray) -> None:
    soundfile.write(path, wave, RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.0)


def fraunhofer(path: Path, wave: np.ndarray) -> None:
    """Variable bit rate with a VBRI header in place of the Xing header."""
    made = path.with_name("variable.mp3")
    index = index_mpeg(made)
    assert index is not None
    data = made.read_bytes()
    frames, step = len(index.offsets), 64
    ends = [index.offsets[at] for at in range(0, frames, step)] + [index.offsets[-1] + index.sizes[-1]]
    table = b"".join(struct.pack(">H", after - before) for before, after in zip(ends, ends[1:], strict=False))
    head = struct.pack(
        ">4sHHHIIHHHH", b"VBRI", 1, 0, 75, ends[-1] - ends[0], frames, len(ends) - 1, 1, 2, step
    )
    first = (b"\xff\xfb\x90\xc4" + bytes(32) + head + table).ljust(417, b"\0")
    assert len(first) == 417
    path.write_bytes(first + data[ends[0] : ends[-1]])


def flac(path: Path, wave: np.ndarray) -> None:
    """FLAC with a seek table, a point every ten seconds."""
    soundfile.write(path, wave, RATE, format="FLAC")
    data = path.read_bytes()
    with av.open(str(path)) as file:
        packets = [(packet.pts, packet.pos, packet.duration) for packet in file.demux() if packet.size]
    begin = packets[0][1]
    points = b"".join(
        struct.pack(">QQH", sample, at - begin, size) for sample, at, size in packets[:: 10 * RATE // 4096]
    )
    assert data[4] & 0x7F == 0 and data[begin] == 0xFF
    info = bytes([0]) + data[5:42]  # STREAMINFO, not the last block
    path.write_bytes(b"fLaC" + info + bytes([0x83]) + len(points).to_bytes(3, "big") + points + data[begin:])


def wav(path: Path, wave: np.ndarray) -> None:
    soundfile.write(path, wave, RATE, format="WAV", subtype="PCM_16")


def m4a(path: Path, wave: np.ndarray) -> None:
    with av.open(str(path), "w", format="ipod") as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


FORMATS: dict[str, Callable[[Path, np.ndarray], None]] = {
    "constant.mp3": constant,
    "bare.mp3": bare,
    "variable.mp3": variable,
    "fraunhofer.mp3": fraunhofer,
    "table.flac": flac,
    "sound.wav": wav,
    "sound.m4a": m4a,
}
"""Name -> how to write it; those in front are made first."""

SEEKABLE = tuple(name for name in FORMATS if name != "variable.mp3")
