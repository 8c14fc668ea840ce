"""MP3 files of real music, of several kinds, and ways to damage them."""

from __future__ import annotations

import csv
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

SECONDS = 60
RATE = 44_100

# How FFmpeg's LAME makes each kind: with and without the encoder's table, of constant and variable bit rate.
KINDS: dict[str, list[str]] = {
    "cbr": ["-b:a", "128k"],
    "cbr-bare": ["-b:a", "192k", "-write_xing", "0", "-id3v2_version", "0"],
    "vbr": ["-q:a", "4"],
    "vbr-bare": ["-q:a", "2", "-write_xing", "0", "-id3v2_version", "0"],
    "mono": ["-b:a", "64k", "-ac", "1", "-ar", "22050"],
}


def songs(data_dir: Path, count: int) -> list[Path]:
    """Return clips of about half a minute, one of each genre in turn."""
    with (data_dir / "clips.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if float(row["seconds"]) > 25 and row["genre"]]
    by_genre: dict[str, list[Path]] = {}
    for row in rows:
        by_genre.setdefault(row["genre"], []).append(data_dir / row["path"])
    turns = [clips[turn % len(clips)] for turn in range(count) for clips in by_genre.values()]
    return list(dict.fromkeys(turns))[:count]


def encode(clip: Path, path: Path, kind: str) -> Path:
    """Write a clip, repeated to `SECONDS`, as an MP3 of one of `KINDS`, or as `joined`: two of them."""
    if kind == "joined":
        path.write_bytes(encode(clip, path.with_suffix(".half.mp3"), "cbr").read_bytes() * 2)
        return path
    command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "9", "-i", str(clip), "-t", str(SECONDS), "-vn"]
    command += ["-ar", str(RATE), "-ac", "2", "-c:a", "libmp3lame", *KINDS[kind], str(path)]
    subprocess.run(command, check=True)
    return path


def decoded_seconds(path: Path) -> float:
    """Return how much sound FFmpeg itself decodes."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    done = subprocess.run(command, check=False, capture_output=True)
    return len(done.stdout) / 2 / 8000


def _zero_headers(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 1, 3))):
        at = data.find(b"\xff\xfb", dice.randrange(len(data) // 2))
        data[max(at, 0)] = 0


def _change(data: bytearray, dice: random.Random) -> None:
    size = dice.choice((1, 20, 500, 20_000))
    at = dice.randrange(2000, len(data) - size)
    data[at : at + size] = dice.randbytes(size)


def _change_many(data: bytearray, dice: random.Random) -> None:
    for _ in range(40):
        data[dice.randrange(2000, len(data))] = dice.randrange(256)


def _put_in(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(2000, len(data))
    data[at:at] = dice.randbytes(dice.choice((1, 100, 3000, 200_000)))


def _put_zeros_in(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(2000, len(data))
    data[at:at] = bytes(dice.choice((10, 5000)))


def _take_out(data: bytearray, dice: random.Random) -> None:
    size = dice.choice((1, 100, 3000, 30_000))
    at = dice.randrange(2000, len(data) - size)
    del data[at : at + size]


def _near_the_end(data: bytearray, dice: random.Random) -> None:
    data[-3000:-2900] = dice.randbytes(100)


def _first_bytes(data: bytearray, dice: random.Random) -> None:
    size = dice.choice((2, 4, 700))
    data[:size] = dice.randbytes(size)


DAMAGES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "headers zeroed": _zero_headers,
    "bytes changed": _change,
    "40 bytes changed": _change_many,
    "bytes put in": _put_in,
    "zeros put in": _put_zeros_in,
    "bytes taken out": _take_out,
    "100 bytes near the end": _near_the_end,
    "first bytes changed": _first_bytes,
}
