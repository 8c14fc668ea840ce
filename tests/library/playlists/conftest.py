"""A library whose tracks have the embeddings, genres and tags that a test chooses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest
from tones import write_sound

from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre, TagScore

Put = Callable[..., Path]


@pytest.fixture
def put(library: Library, tmp_path: Path) -> Put:
    """Put a file into the library."""

    def put(
        name: str,
        embedding: Sequence[float] | None = (1.0, 0.0),
        *,
        genre: str = "rock",
        confidence: float = 0.5,
        duration: float | None = None,
        calm: float | None = None,
        model: str = "m",
        sound: str = "",
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(sound or name))
        vector = None if embedding is None else np.array(embedding, dtype=np.float32)
        score = 0.0 if calm is None else calm
        said = Recognition(
            path, model, duration=duration, genre=genre, confidence=confidence, embedding=vector,
            reason="low confidence" if genre == "unsure" else None,
            genres=(RankedGenre("rock", confidence), RankedGenre("jazz", 1 - confidence)),
            tags=(TagScore("mood", "calm", score, score >= 0.5), TagScore("mood", "dark", 0.7, True)),
        )  # fmt: skip
        library.tracks.store(FileSnapshot(path), said)
        return path

    return put


@pytest.fixture(scope="session")
def _sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("sound") / "x.flac", "flac")


@pytest.fixture
def by_artist(put: Put, library: Library, _sound: Path) -> Put:
    """Put a real FLAC file with an artist in its tags into the library."""

    def by_artist(name: str, artist: str, embedding: Sequence[float] = (1.0, 0.0), **options: object) -> Path:
        path = put(name, embedding, **options)
        row = library.database.rows("SELECT id FROM tracks WHERE path = ?", (os.fsencode(path),))
        shutil.copy(_sound, path)
        tags = mutagen.flac.FLAC(path)
        if artist:
            tags["artist"] = artist
        tags.save()
        assert row
        return path

    return by_artist
