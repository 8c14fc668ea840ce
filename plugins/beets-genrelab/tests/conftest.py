"""A folder of music, and beets itself as a program of its own, with a configuration for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from mediafile import MediaFile

BIN = Path(sys.executable).parent
HELPERS = Path(__file__).parent / "helpers"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real clips (the one that holds clips.csv); the test is skipped without it."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("GENRELAB_DATA", beside))
    if not (folder / "clips.csv").is_file():
        pytest.skip("no real clips: set GENRELAB_DATA to the folder that holds clips.csv")
    return folder


@pytest.fixture(scope="session")
def piece(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, int]:
    """A composed piece that the packaged model recognizes: samples, and their rate."""
    path = tmp_path_factory.mktemp("piece") / "piece.mp3"
    subprocess.run([BIN / "genrelab", "demo", "--compose", path], check=True, capture_output=True)
    return soundfile.read(path, dtype="float32")


@pytest.fixture(scope="session")
def genre(piece: tuple[np.ndarray, int]) -> str:
    """Its genre, as genrelab writes it."""
    from genrelab import Recognizer
    from genrelab.vocabulary import display

    samples, rate = piece
    return display(Recognizer.load()(samples.T, sample_rate=rate).genre)


@dataclass
class Beets:
    """beets with folders of its own."""

    home: Path
    settings: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    plugins: tuple[str, ...] = ("genrelab",)

    @property
    def music(self) -> Path:
        return self.home / "Music"

    @property
    def library(self) -> Path:
        return self.home / "genrelab.db"

    def run(self, *words: str | Path, fails: bool = False) -> str:
        """Run `beet` and return what it printed."""
        (self.home / "config.yaml").write_text(
            yaml.safe_dump(
                {
                    "directory": str(self.music),
                    "library": str(self.home / "beets.db"),
                    "plugins": list(self.plugins),
                    "pluginpath": str(HELPERS),
                    "import": {"quiet": True, "copy": True},
                    "match": {"strong_rec_thresh": 0.9},
                    "genrelab": {"library": str(self.library), **self.settings},
                    **self.others,
                }
            )
        )
        done = self._run(BIN / "beet", *words)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def list(self, query: str = "", format: str = "$title: $genres") -> list[str]:
        return sorted(self.run("ls", "-f", format, *([query] if query else [])).splitlines())

    def genrelab(self, *words: str | Path) -> str:
        done = self._run(BIN / "genrelab", *words, "--library", self.library)
        return done.stdout + done.stderr

    def files(self) -> dict[str, MediaFile]:
        """The files of the library, by title."""
        found = [MediaFile(path) for path in sorted(self.music.rglob("*.*")) if path.is_file()]
        return {file.title: file for file in found}

    def _run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        own = {"BEETSDIR": str(self.home), "HOME": str(self.home), "OMP_NUM_THREADS": "1"}
        return subprocess.run([*map(str, words)], capture_output=True, text=True, env={**os.environ, **own})


@pytest.fixture
def beets(tmp_path: Path) -> Beets:
    home = tmp_path / "beets"
    home.mkdir()
    return Beets(home)


@pytest.fixture
def album(tmp_path: Path, piece: tuple[np.ndarray, int]) -> Callable[..., Path]:
    """Return a function that writes an album of sections of the piece; one file per name in `genres`."""

    def write(genres: dict[str, list[str]], folder: str = "album") -> Path:
        samples, rate = piece
        place = tmp_path / folder
        place.mkdir()
        for number, (name, known) in enumerate(genres.items(), start=1):
            path = place / name
            soundfile.write(path, samples[rate * number :], rate)
            file = MediaFile(path)
            file.title, file.artist, file.album, file.track = path.stem, "Ann", "Dawn", number
            file.albumartist = "Ann"
            if known:
                file.genres = known
            file.save()
        return place

    return write


def noise_file(path: Path, title: str) -> None:
    """Write noise, which is no music."""
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 20 * 22050).astype("float32"), 22050)
    file = MediaFile(path)
    file.title, file.artist, file.album = title, "Ann", "Dawn"
    file.save()


def cut_file(path: Path, source: Path) -> None:
    """Write a FLAC file with its tags, and no sound that can be decoded."""
    shutil.copyfile(source, path)
    file = MediaFile(path)
    file.title = path.stem
    file.save()
    whole = path.read_bytes()
    path.write_bytes(whole[:9000] + bytes(len(whole) - 9000))
