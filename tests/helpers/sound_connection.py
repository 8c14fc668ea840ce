"""A server on the loopback, and the sound that it sends."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition
from genrelab.serve import track_id
from genrelab.serve.app import create_app
from genrelab.serve.settings import ServeSettings

BINARY = bytes(range(256)) * 40
"""What the test song consists of."""


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """A server on the loopback and the music that it serves."""

    port: int
    root: Path
    library: Path
    folders: dict[str, Path] = field(default_factory=dict)

    def ask(self, address: str, method: str = "GET", **headers: str) -> Reply:
        """Send a request; `_` in names of headers stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, f"/api/v1{address}", headers=named)
            answer = connection.getresponse()
            body = answer.read()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, body)

    def sound(self, path: Path, method: str = "GET", query: str = "", **headers: str) -> Reply:
        return self.ask(f"/tracks/{self.id(path)}/audio{query}", method, **headers)

    def id(self, path: Path) -> str:
        return track_id.encode(os.fsencode(path))

    def know(self, path: Path) -> Path:
        """Put a file into the library, without recognizing it."""
        with Library(self.library) as library:
            said = Recognition(path, "m", duration=1.0, genre="rock", confidence=0.9)
            library.tracks.store(FileSnapshot(path), said)
        return path


@contextmanager
def serving(settings: ServeSettings) -> Iterator[int]:
    """Run a server in a thread; yield its port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
