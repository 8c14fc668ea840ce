"""A real server in a process of its own, and music for it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tiny_onnx import TONES, tone

from genrelab.audio.encode import write_mp3
from genrelab.client import Client, ProblemError
from genrelab.serve.jobs.runner import queue_path

START_SECONDS = 60.0

_PROGRAM = """
import json, sys
from pathlib import Path
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.address import bind
from genrelab.serve.start.run import Runner
given = json.loads(sys.argv[1])
settings = ServeSettings(
    library=Path(given["library"]), model=Path(given["model"]), roots=tuple(map(Path, given["roots"])),
    **given["more"],
)
Runner(settings, bind("127.0.0.1", given["port"], has_token=False)).run_until_told()
"""


@dataclass
class Running:
    """A server that runs.

    Attributes
    ----------
    process : Popen
    url : str
    temp : Path
        Its system's temporary folder.
    library : Path
    """

    process: subprocess.Popen[bytes]
    url: str
    temp: Path
    library: Path
    clients: list[Client] = field(default_factory=list)

    @property
    def client(self) -> Client:
        """A new client."""
        self.clients.append(Client(self.url))
        return self.clients[-1]

    def uploads(self) -> list[Path]:
        """Return all files in the temporary folders of this and earlier servers."""
        return [path for path in self.temp.glob("genrelab-serve-*/*") if path.name != "lock"]

    def kill(self) -> None:
        """Kill it at once, as the system does when memory is short."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as a service manager does."""
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
                return
            self.kill()


def start(
    folder: Path, model: Path, *, library: Path | None = None, roots: tuple[Path, ...] = (), **more: Any
) -> Running:
    """Start a server whose library and temporary files lie in a folder, and wait until it answers."""
    import json

    library = library or folder / "library.db"
    temp = folder / "temp"
    temp.mkdir(exist_ok=True)
    port = more.pop("port", None) or free_port()
    given = {
        **{"library": str(library), "model": str(model), "roots": list(map(str, roots))},
        **{"more": more, "port": port},
    }
    environment = {**os.environ, "TMPDIR": str(temp), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _PROGRAM, json.dumps(given)]
    running = Running(
        subprocess.Popen(command, env=environment), f"http://127.0.0.1:{port}", temp, Path(library)
    )
    end = time.monotonic() + START_SECONDS
    with Client(running.url, timeout=5) as client:
        while True:
            try:
                client.health()
                return running
            except ProblemError:
                if time.monotonic() > end or running.process.poll() is not None:
                    running.stop()
                    raise
                time.sleep(0.05)


def free_port() -> int:
    """Return a port that no program uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def server(folder: Path, model: Path, **options: Any) -> Iterator[Running]:
    """Run a server during a block; see `start`."""
    running = start(folder, model, **options)
    try:
        yield running
    finally:
        running.stop()


def write_songs(folder: Path, count: int, *, seconds: float = 3.0) -> list[Path]:
    """Write MP3 files of tones whose genres the tiny model knows: their names begin with the genre."""
    folder.mkdir(parents=True, exist_ok=True)
    songs = []
    for number in range(count):
        genre = list(TONES)[number % len(TONES)]
        sound = tone(TONES[genre], seconds, rate=44_100, level=0.2 + 0.6 * number / count)
        path = folder / f"{genre} {number:03}.mp3"
        write_mp3(path, np.stack([sound]), 44_100, bitrate=128)
        songs.append(path)
    return songs


def genre_of(name: str) -> str:
    """Return the genre in the name of a song."""
    return re.match(r"\w+", Path(name).name)[0]  # type: ignore[index]


def queue_of(running: Running) -> Path:
    """Return the file of a server's queue."""
    return queue_path(running.library)
