"""Measure the page of `genrelab library map` in chromium: the first picture, and pictures a second."""

from __future__ import annotations

import base64
import json
import re
import struct
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genrelab.library.explore.chart.columns import TrackColumns
from genrelab.library.explore.chart.payload import MAGIC
from genrelab.library.explore.layout import Layout
from genrelab.library.explore.map import Survey, write_map

FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")
GENRES = (
    *("blues", "classical", "country", "disco", "electronic", "hiphop", "jazz", "metal", "pop"),
    *("reggae", "rock", "unsure"),
)
_FIRST = """async () => {
  while (!(window.genrelabMap?.scatter.shown > 0)) await new Promise((go) => setTimeout(go, 20));
}"""
_ZOOM = """async (seconds) => {
  const { scatter } = window.genrelabMap;
  const { gl } = scatter.painter;
  const pauses = [];
  const start = performance.now();
  let before = start;
  scatter.showAll();
  for (let step = 0; performance.now() - start < 1000 * seconds; step += 1) {
    const isIn = Math.floor(step / 40) % 2 === 0;
    scatter.zoomBy(isIn ? 1.1 : 1 / 1.1, 0.4 * scatter.cover.clientWidth, 0.45 * scatter.cover.clientHeight);
    await new Promise((go) => requestAnimationFrame(go));
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the picture
    pauses.push(performance.now() - before);
    before = performance.now();
  }
  return { pauses, budget: scatter.budget, kind: scatter.painter.kind };
}"""


class PageSpeed(NamedTuple):
    """How fast a page is.

    Attributes
    ----------
    first : float
        Seconds from opening to the first picture of the marks.
    rate : float
        Pictures a second while zooming, each drawn to its end; the first second, in which the page finds out
        how fast the machine is, does not count.
    drawn : int
        Marks that a picture has at most while it moves, at the end.
    painter : str
        `webgl2` or `canvas`.
    """

    first: float
    rate: float
    drawn: int
    painter: str


def unpacked(page: bytes, kind: str) -> bytes:
    """Return the data in the elements of one kind, `data` or `names`, joined by line breaks."""
    pattern = rb'<script type="application/octet-stream" class="%b">([^<]*)</script>' % kind.encode()
    return b"\n".join(zlib.decompress(base64.b64decode(text)) for text in re.findall(pattern, page))


def read_data(data: bytes) -> dict[str, Any]:
    """Take the data of a map apart, as pages/scatter/data.js does."""
    assert data.startswith(MAGIC)
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    at = len(MAGIC) + 4 + length
    found: dict[str, Any] = json.loads(data[at - length : at])
    for name, width, count in found["sections"]:
        assert at % width == 0
        found[name] = np.frombuffer(data, f"<u{width}", count, at)
        at += width * count
    assert at == len(data)
    return found


def names_in(page: Path) -> list[str]:
    """Return the names of the tracks of a page, in the order of paths."""
    return unpacked(page.read_bytes(), "names").decode().split("\n")


def measure(page: Path, browser: Any, *, seconds: float = 5.0) -> PageSpeed:
    """Open a page and zoom in and out.

    Parameters
    ----------
    page : Path
        Written by `genrelab library map`.
    browser : playwright Browser
        Chromium, started with `FLAGS`.
    seconds : float
        How long to zoom.

    Returns
    -------
    PageSpeed
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        tab = context.new_page()
        start = time.perf_counter()
        tab.goto(page.resolve().as_uri(), wait_until="commit")
        tab.evaluate(_FIRST)
        first = time.perf_counter() - start
        found = tab.evaluate(_ZOOM, seconds)
    finally:
        context.close()
    pauses = np.array(found["pauses"])
    counted = pauses[np.cumsum(pauses) > 1000]
    return PageSpeed(first, 1000 / float(counted.mean()), found["budget"], found["kind"])


def write_page(path: Path, count: int) -> Path:
    """Write a page of generated tracks, without a library."""
    draw = np.random.default_rng(count)
    centres = draw.random((300, 2))
    of = draw.integers(300, size=count)
    places = np.clip(centres[of] + 0.02 * draw.normal(size=(count, 2)), 0, 1).astype(np.float32)
    paths = [
        b"/music/Artist %05d/Album %06d/%02d Track %07d.mp3" % (n // 100, n // 10, n % 10, n)
        for n in range(count)
    ]
    tracks = TrackColumns(
        np.arange(count), paths, GENRES, (of % len(GENRES)).astype(np.uint16),
        draw.random(count).astype(np.float32), np.zeros(count, np.uint32),
    )  # fmt: skip
    layout = Layout(
        tracks, places, np.zeros((count, min(15, count - 1)), np.int32), np.arange(count), None, 0.5, False
    )
    with path.open("wb") as out:
        write_map(Survey("generated@0", layout, 0, 0), out)
    return path


if __name__ == "__main__":
    import sys

    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        print(json.dumps(measure(Path(sys.argv[1]), chromium)._asdict()))
        chromium.close()
