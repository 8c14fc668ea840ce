"""Formats beyond the usual ones are found in folders and read; what cannot be read is named."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import needs
import numpy as np
import pytest
from raising import raises

from genrelab.audio.decode import AUDIO_SUFFIXES, decode, probe
from genrelab.recognize import scan

DSD_RATE = 2_822_400
SECONDS = 1.5
TONE = 440.0


def dsd_bits(seconds: float = SECONDS) -> np.ndarray:
    """A tone as a stream of bits: as many are set as the sound is high, at random places."""
    time = np.arange(int(DSD_RATE * seconds) // 65_536 * 65_536) / DSD_RATE
    chance = 0.5 + 0.25 * np.sin(2 * np.pi * TONE * time)
    return (np.random.default_rng(0).random(time.size) < chance).astype(np.uint8)


def write_dsf(path: Path) -> Path:
    """See Sony's "DSF File Format Specification", version 1.01."""
    bits = dsd_bits()
    data = np.packbits(bits, bitorder="little").tobytes()
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, DSD_RATE, 1, bits.size, 4096, 0)
    sound = struct.pack("<4sQ", b"data", 12 + len(data)) + data
    head = struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(form) + len(sound), 0)
    path.write_bytes(head + form + sound)
    return path


def write_dff(path: Path) -> Path:
    """See Philips' "DSDIFF 1.5 Specification"."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">4sQ", name, len(content)) + content + bytes(len(content) % 2)

    properties = b"SND " + chunk(b"FS  ", struct.pack(">I", DSD_RATE))
    properties += chunk(b"CHNL", struct.pack(">H4s", 1, b"C   "))
    properties += chunk(b"CMPR", b"DSD " + bytes([14]) + b"not compressed" + b"\0")
    content = b"DSD " + chunk(b"FVER", bytes((1, 5, 0, 0))) + chunk(b"PROP", properties)
    content += chunk(b"DSD ", np.packbits(dsd_bits()).tobytes())
    path.write_bytes(chunk(b"FRM8", content))
    return path


def strongest(sound: np.ndarray, rate: int) -> float:
    """Return the frequency with the most power, in Hz, below 10 kHz."""
    spectrum = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1])))
    spectrum[int(10_000 * sound.shape[1] / rate) :] = 0
    return float(spectrum[1:].argmax() + 1) * rate / sound.shape[1]


@pytest.mark.parametrize(("name", "write"), [("x.dsf", write_dsf), ("x.dff", write_dff)])
def test_dsd(tmp_path: Path, name: str, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / name)
    sound, rate = decode(path, sample_rate=44_100, channels=1)
    assert sound.shape[1] / rate == pytest.approx(SECONDS, abs=0.05)
    assert strongest(sound, rate) == pytest.approx(TONE, abs=2.0)
    assert probe(path).sample_rate == DSD_RATE // 8  # FFmpeg gives a number for eight bits
    assert list(scan([tmp_path])) == [path]


def encode(path: Path, rate: int, *options: str) -> None:
    """Write a tone with the program ffmpeg."""
    tone = ["-f", "lavfi", "-i", f"sine=frequency={TONE}:sample_rate={rate}:duration=2"]
    subprocess.run([needs.program("ffmpeg"), "-v", "error", *tone, *options, str(path)], check=True)


@pytest.mark.parametrize(
    ("name", "rate", "options"),
    [
        ("x.ac3", 48_000, ()),
        ("x.eac3", 48_000, ()),
        ("x.dts", 48_000, ("-c:a", "dca", "-strict", "-2")),
        ("x.mp2", 44_100, ()),
        ("x.tta", 44_100, ()),
        ("x.wv", 44_100, ()),
        ("x.ts", 48_000, ("-c:a", "mp2")),
        ("x.vob", 48_000, ("-c:a", "ac3")),
        ("x.voc", 22_050, ()),
        ("x.caf", 44_100, ("-c:a", "alac")),
        ("x.nut", 44_100, ("-c:a", "flac")),
        ("x.spx", 16_000, ("-c:a", "libspeex")),
        ("x.ra", 44_100, ("-c:a", "ac3", "-f", "rm")),
        ("x.mlp", 44_100, ("-strict", "-2")),
        ("x.thd", 48_000, ("-c:a", "truehd", "-f", "truehd", "-strict", "-2")),
        ("x.w64", 44_100, ()),
    ],
)
def test_what_ffmpeg_writes(tmp_path: Path, name: str, rate: int, options: tuple[str, ...]) -> None:
    path = tmp_path / name
    encode(path, rate, *options)
    sound, found = decode(path, channels=1)
    assert found == rate and sound.shape[1] / rate == pytest.approx(2.0, abs=0.1)
    assert strongest(sound, rate) == pytest.approx(TONE, abs=3.0)
    assert list(scan([tmp_path])) == [path]


@pytest.mark.parametrize("default", [0, 1, 2])
def test_the_default_stream_of_several_is_heard(tmp_path: Path, default: int) -> None:
    path = tmp_path / "x.mka"
    tones = (300.0, 600.0, 900.0)
    command = [needs.program("ffmpeg"), "-v", "error"]
    for tone in tones:
        command += ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=44100:duration=2"]
    for number in range(len(tones)):
        command += ["-map", str(number), f"-disposition:a:{number}", "default" if number == default else "0"]
    subprocess.run([*command, "-c:a", "flac", str(path)], check=True)
    sound, rate = decode(path)
    assert strongest(sound, rate) == pytest.approx(tones[default], abs=2.0)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("x.mid", b"MThd\0\0\0\6\0\1\0\1\1\xe0" + bytes(200), "MIDI"),
        ("x.ofr", b"OFR \x0c\0\0\0" + bytes(200), "OptimFROG"),
        ("x.it", b"IMPM" + bytes(300), "Impulse Tracker"),
        ("x.sid", b"PSID\0\2" + bytes(300), "SID"),
        ("x.aax", b"\0\0\0\x24ftypaax " + bytes(300), "Audible"),
        ("x.mp3", b"\xff\xfb\x00\x00" + bytes(range(256)) * 40, "free bit rate"),
    ],
)
def test_a_format_that_is_not_supported_is_named(
    tmp_path: Path, name: str, content: bytes, format: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with raises("audio-format-unsupported", path, format):
        decode(path)


def test_a_damaged_file_of_a_known_format_is_not_called_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "x.wv"
    path.write_bytes(b"wvpk" + np.random.default_rng(0).bytes(3000))
    with raises("audio-damaged", path):
        decode(path)


def test_suffixes_are_written_as_they_are_compared() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in AUDIO_SUFFIXES)
    assert {".dsf", ".dff", ".spx", ".ac3", ".eac3", ".dts", ".tak", ".ofr"} <= AUDIO_SUFFIXES
