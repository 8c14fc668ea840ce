"""A server of a small library with real tags."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mutagen.id3
import page_server
import pytest
import tagged
from library_page import HOSTILE, WRONG
from page_server import Served


@pytest.fixture(scope="module")
def shelf(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pieces with tags: one of jazz that says reggae, one of classical music without a genre."""
    folder = tmp_path_factory.mktemp("shelf")
    for style in ("blues", "classical", "country", "jazz"):
        shutil.copy(music / f"{style}.mp3", folder)
    tagged.tag_id3(folder / "classical.mp3", 4)
    tagged.tag_id3(folder / "country.mp3", 4, "Country")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text=HOSTILE))
    tags.add(mutagen.id3.TPE1(encoding=3, text="Nobody <i>at all</i>"))
    tags.add(mutagen.id3.TCON(encoding=3, text=WRONG))
    tags.save(folder / "jazz.mp3")
    return folder


@pytest.fixture(scope="module")
def library(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "library.db"
    command = [sys.executable, "-m", "genrelab", "recognize", str(shelf), "--library", str(path)]
    # 1: one of the pieces is unsure
    done = subprocess.run(command, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode in (0, 1), done.stderr
    return path


@pytest.fixture(scope="module")
def served(shelf: Path, library: Path) -> Iterator[Served]:
    with page_server.serving(shelf, library) as running:
        yield running
