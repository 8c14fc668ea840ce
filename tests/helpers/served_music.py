"""Real tagged sound files that a library knows, and a server with their folder as root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tagged
from starlette.testclient import TestClient

from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre, TagScore
from genrelab.serve import track_id
from genrelab.serve.app import create_app
from genrelab.serve.settings import ServeSettings

BASE = "http://127.0.0.1:8765"


@dataclass
class ServedMusic:
    """A folder of music and a library that knows it.

    Attributes
    ----------
    folder : Path
        The root.
    database : Path
        The file of the library.
    model : Path or None
        The model file of the server.
    """

    folder: Path
    database: Path
    model: Path | None = None
    made: list[Path] = field(default_factory=list)

    def add(self, kind: str, name: str = "", identity: str = "m@1", **said: Any) -> Path:
        """Write a tagged file and store a result for it: rock 0.6, jazz 0.4."""
        made = tagged.make(self.folder, kind)
        path = self.folder / (name or made.name)
        path.parent.mkdir(exist_ok=True)
        made.rename(path)
        ranked = (RankedGenre("rock", 0.6), RankedGenre("jazz", 0.4))
        answer: dict[str, Any] = {
            "genre": "rock", "confidence": 0.6, "genres": ranked, "duration": 10.0 + 5 * len(self.made),
            "embedding": np.array([1.0, 0.1 * len(self.made)], np.float32),
            "tags": (TagScore("mood", "calm", 0.9, True),), **said,
        }  # fmt: skip
        with Library(self.database) as library:
            library.tracks.store(FileSnapshot(path), Recognition(path, identity, **answer))
        self.made.append(path)
        return path

    @contextmanager
    def served(self, *, write: bool = True, roots: bool = True) -> Iterator[TestClient]:
        """Serve it."""
        settings = ServeSettings(
            roots=(self.folder,) if roots else (),
            library=self.database,
            model=self.model,
            allow_write=write,
        )
        with TestClient(create_app(settings), base_url=BASE) as client:
            yield client


def id_of(path: Path) -> str:
    """Return the id of a track."""
    return track_id.encode(os.fsencode(os.path.realpath(path)))


def call(client: TestClient, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
    """Send a request that has this status, and return the JSON."""
    address = f"/api/v1{path}"
    answer = client.get(address) if body is None else client.post(address, json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None
