"""Real sound files of three genres that the embedding of the tiny model tells apart, and commands on them."""

from __future__ import annotations

import csv
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest
import soundfile
from tiny_onnx import RATE, tone

from genrelab.cli.main import main

TONES = {"Drone": 220.0, "Hum": 900.0, "Whistle": 2800.0}
EACH = 8


def write_song(path: Path, frequency: float, *, genre: str = "", artist: str = "", album: str = "") -> Path:
    """Write a FLAC file with a tone of two segments, and tags."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = round(frequency * 1000)
    noise = 0.005 * np.random.default_rng(seed).standard_normal(2 * RATE)
    soundfile.write(path, tone(frequency, 2.0) + noise, RATE, format="FLAC")
    tags = mutagen.flac.FLAC(path)
    for name, value in (("genre", genre), ("artist", artist), ("album", album)):
        if value:
            tags[name] = value
    tags.save()
    return path


@pytest.fixture(scope="session")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a subfolder per genre of `TONES`, each with songs by four artists."""
    root = tmp_path_factory.mktemp("lesson")
    for genre, frequency in TONES.items():
        for number in range(EACH):
            write_song(
                root / genre / f"{number}.flac", frequency * (1 + 0.02 * number),
                genre=genre, artist=f"{genre} artist {number // 2}", album="Songs",
            )  # fmt: skip
    return root


def write_table(
    path: Path, rows: list[tuple[object, ...]], header: tuple[str, ...] = ("path", "genre")
) -> Path:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def run(*arguments: str | Path) -> int:
    """Run a command."""
    return main([str(argument) for argument in arguments])
