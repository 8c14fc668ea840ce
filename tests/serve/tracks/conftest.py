"""A folder of real music that is recognized, and a server that shows it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tagged
from sound_connection import BINARY, Connection, serving
from starlette.testclient import TestClient
from tiny_onnx import TAGS, TONES, tone, write_tiny

from genrelab.library import CachedRecognizer, Library
from genrelab.recognize import Recognizer
from genrelab.serve import track_id
from genrelab.serve.app import create_app
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings

RATE = 44_100
HTML = '<img src=x onerror="alert(1)">.mp3'
NOT_UTF8 = b"caf\xe9.mp3"


@dataclass
class Shown:
    """A library that a server shows.

    Attributes
    ----------
    root : Path
        The folder of the music.
    library : Path
    model : Path
    client : TestClient
    """

    root: Path
    library: Path
    model: Path
    client: TestClient

    @property
    def server(self) -> Server:
        return self.client.app.state.server  # type: ignore[attr-defined,no-any-return]

    def id(self, name: str | bytes) -> str:
        """The id of a track, by its path below the root."""
        return track_id.encode(os.path.join(os.fsencode(self.root), os.fsencode(name)))

    def get(self, address: str, **query: Any) -> Any:
        """The JSON of an answer that is no problem."""
        answer = self.client.get(f"/api/v1{address}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def problem(self, address: str, **query: Any) -> tuple[int, str]:
        """Status and code of an answer that is a problem."""
        answer = self.client.get(f"/api/v1{address}", params=query)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["code"]

    def names(self, **query: Any) -> list[str]:
        """The names of listed tracks."""
        return [item["name"] for item in self.get("/tracks", **query)["items"]]


def write_song(path: Path | bytes, kind: str, seconds: float = 3.0) -> None:
    """Write an MP3 whose genre the tiny model knows."""
    name = path if isinstance(path, Path) else Path(os.fsdecode(path))
    name.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(name.with_name("writing.mp3"), tone(TONES[kind], seconds, rate=RATE), RATE)
    os.replace(name.with_name("writing.mp3"), name)


def fill(folder: Path) -> None:
    """Write music: three genres, tags, an unsure one, silence, names of all kinds, one that is no sound."""
    write_song(folder / "Björk" / "low one.mp3", "low")
    tagged.tag_id3(folder / "Björk" / "low one.mp3", 4, "Krautrock")
    write_song(folder / "Björk" / "low two.mp3", "low", 2.0)
    write_song(folder / "middle.mp3", "middle")
    write_song(folder / "high.mp3", "high")
    write_song(folder / HTML, "low", 2.5)
    write_song(os.fsencode(folder) + b"/" + NOT_UTF8, "middle", 2.2)
    shutil.copy(folder / "middle.mp3", folder / "copy of middle.mp3")
    soundfile.write(folder / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(folder / "unsure.wav", tone(1813.0, 2.0, rate=RATE), RATE)
    (folder / "broken.mp3").write_bytes(b"ID3\4\0\0\0\0\0\0 no sound")


def recognize(folder: Path, library: Path, model: Path, *, full: bool = True) -> None:
    """Recognize all files of a folder."""
    with Library(library) as opened:
        recognizer = CachedRecognizer(Recognizer.load(model, threads=1, full=full), opened)
        files = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
        for _ in recognizer.recognize_many(sorted(files)):
            pass


Show = Callable[..., Shown]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the genres low, middle and high, and some tags."""
    folder = tmp_path_factory.mktemp("model")
    return write_tiny(folder / "tiny.onnx", tags=TAGS, abstain_below=0.6)


@pytest.fixture(scope="module")
def _music(tmp_path_factory: pytest.TempPathFactory, model: Path) -> tuple[Path, Path]:
    root, library = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("library") / "library.db"
    fill(root)
    recognize(root, library, model)
    return root, library


@pytest.fixture
def show() -> Iterator[Show]:
    """Start a server of a library."""
    with ExitStack() as stack:

        def start(library: Path, model: Path, *roots: Path) -> Shown:
            settings = ServeSettings(library=library, model=model, roots=roots)
            client = TestClient(create_app(settings), base_url="http://127.0.0.1:8730")
            stack.enter_context(client)
            return Shown(roots[0] if roots else Path("/"), library, model, client)

        yield start


@pytest.fixture
def shown(_music: tuple[Path, Path], model: Path, show: Show) -> Shown:
    """A server of the recognized music, which no test changes."""
    root, library = _music
    return show(library, model, root)


@pytest.fixture
def changing(tmp_path: Path, _music: tuple[Path, Path], model: Path, show: Show) -> Shown:
    """A server of a copy of the music and of its library, which a test may change."""
    shutil.copytree(_music[0], tmp_path / "music")
    recognize(tmp_path / "music", tmp_path / "library.db", model)
    return show(tmp_path / "library.db", model, tmp_path / "music")


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    root, library = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("library") / "library.db"
    Library(library).close()
    with serving(ServeSettings(library=library, roots=(root,))) as port:
        yield Connection(port, Path(os.path.realpath(root)), library)


@pytest.fixture
def song(connection: Connection) -> Path:
    path = connection.root / "song.bin"
    if not path.exists():
        path.write_bytes(BINARY)
    return connection.know(path)
