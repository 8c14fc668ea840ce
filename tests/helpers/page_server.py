"""A server of its own process, composed music for it, and a browser that looks at its page."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import needs
import pytest
import soundfile

RATE = 44_100
CLEAR, SECOND = "jazz", "classical"  # of these two composed pieces the model is sure
_START_SECONDS = 60


def compose(folder: Path, *styles: str, suffix: str = ".mp3", seconds: int = 30) -> list[Path]:
    """Compose one piece in each style: `jazz.mp3`, ..."""
    from genrelab.lab.corpora import synthetic

    pieces = synthetic.load(f"tracks=3,seconds={seconds},seed=0")
    assert pieces.renderer is not None
    paths = []
    for style in styles:
        path = folder / f"{style}{suffix}"
        soundfile.write(path, pieces.renderer(pieces.by_id()[f"{style}/0000"], RATE, 2).T, RATE)
        paths.append(path)
    return paths


def compose_several(folder: Path, *styles: str, count: int, seconds: int) -> None:
    """Compose pieces in each style: `jazz/0.mp3`, ..."""
    from genrelab.lab.corpora import synthetic

    pieces = synthetic.load(f"tracks={count},seconds={seconds},seed=0")
    assert pieces.renderer is not None
    for style in styles:
        (folder / style).mkdir(parents=True)
        for number in range(count):
            sound = pieces.renderer(pieces.by_id()[f"{style}/{number:04}"], RATE, 2)
            soundfile.write(folder / style / f"{number}.mp3", sound.T, RATE)


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes
    ----------
    url : str
        With a slash at the end.
    music : Path
        Its root.
    library : Path
    process : Popen
    """

    url: str
    music: Path
    library: Path
    process: subprocess.Popen[bytes]


@contextmanager
def serving(music: Path, library: Path, *options: str, writes: bool = True) -> Iterator[Served]:
    """Run `genrelab serve` until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = library.with_suffix(".log")
    command = [sys.executable, "-m", "genrelab", "serve", str(music), "--port", str(port)]
    command += ["--library", str(library), *(["--allow-write"] if writes else []), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait(url, process, log)
        yield Served(url, music, library, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}api/v1/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')}")


def chromium() -> str:
    """Return the path of the browser; without it the test fails."""
    found = needs.find("chromium")
    if found is None:
        pytest.fail(
            "chromium is not installed: apt install chromium, or leave these tests out with -m 'not browser'",
            pytrace=False,
        )
    return found


def until(page: Any, expression: str, *, seconds: float = 30.0) -> None:
    """Wait until JavaScript is true; playwright's own way needs `eval`, which the policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} stays false"
        page.wait_for_timeout(50)


_DROP = """([target, files]) => {
  const transfer = new DataTransfer();
  for (const [name, kind, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: kind }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


def drop(page: Any, *files: tuple[str, str, bytes]) -> None:
    """Drop files (name, media type, content) on the page as a mouse does."""
    page.locator(".drop").wait_for()
    packed = [(name, kind, base64.b64encode(content).decode()) for name, kind, content in files]
    page.evaluate(_DROP, [page.query_selector(".drop"), packed])


def mp3(path: Path) -> tuple[str, str, bytes]:
    """Return what `drop` takes for a file."""
    return path.name, "audio/mpeg", path.read_bytes()


def card(page: Any, name: str) -> Any:
    """Return the answer for a file on the page that recognizes."""
    return page.locator(".answers > li", has=page.get_by_role("heading", name=name, exact=True))
