"""Time and memory of the commands on libraries of up to a million tracks.

For each number of rows, a synthetic library is written (`tests/helpers/big_library.py`) with an empty file
for each track, of the size and time in the library, so that `recognize` passes over known files without
reading audio. `upgrade` is the first opening for writing, which derives columns that rows of older formats
lack. `check` runs after the files are deleted: it looks for each file. Each command is a process of
its own and runs once; `similar` runs twice, because the first run prepares the vectors. The page of
`library map` is opened in chromium: the first picture, and pictures a second while zooming.

Bars hold for processor time, because other work on the machine affects wall-clock time; that of
`library map` is for two cores. The exit code is 1 if a bar is missed. Bars of time count from a million rows,
bars of memory always.

    python benchmarks/scale.py --rows 10000,100000,1000000 --folder /path/with/30/GB
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import machine

HELPERS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
MEMORY = 300  # MiB
MAP_MEMORY = 3 * 1024
LARGE = 1_000_000  # rows from which the bars of time count
COMMANDS = ("recognize", "list", "show", "tags", "check", "similar", "map", "page")

_MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from big_library import make_library
make_library(Path(sys.argv[2]), int(sys.argv[3]), folder=sys.argv[4], files=True)
"""

_UPGRADE = """
import sys
from pathlib import Path
from genrelab.library import Library
Library(Path(sys.argv[1])).close()
"""

# Runs between this process and the measured one: the peak of a child includes the memory of its parent.
_BETWEEN = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], "wb"), stderr=subprocess.PIPE, check=False)
took = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
rest = done.stderr.decode("utf-8", "replace")[-600:]
print(json.dumps([used.ru_utime + used.ru_stime, took, used.ru_maxrss, done.returncode, rest]))
"""


@dataclass(frozen=True)
class Bar:
    """What a command may need at a million rows.

    Parameters
    ----------
    seconds : float or None
        Of the processor.
    rate : float or None
        Rows per second of the processor.
    memory : float
        Peak, in MiB; at any number of rows.
    """

    seconds: float | None = None
    rate: float | None = None
    memory: float = MEMORY


BARS = {
    "recognize": Bar(rate=20_000),
    "list": Bar(rate=30_000),
    "show": Bar(seconds=5),
    "tags": Bar(seconds=5),
    "check": Bar(),
    "upgrade": Bar(),
    "similar": Bar(seconds=1.5),
    "map": Bar(seconds=2 * 8 * 60, memory=MAP_MEMORY),
}
FIRST_SIMILAR = "similar, first"
LEAST_PICTURES = 20.0  # a second


@dataclass(frozen=True)
class Row:
    """One measured command.

    Parameters
    ----------
    command : str
    rows : int
    processor, wall : float
        In seconds.
    memory : float
        Peak, in MiB.
    missed : tuple of str
        The bars that it missed.
    """

    command: str
    rows: int
    processor: float
    wall: float
    memory: float
    missed: tuple[str, ...] = ()

    def cells(self) -> list[str]:
        """Return the row as texts."""
        figures = [f"{self.rows:,}", self.command, f"{self.processor:.2f}", f"{self.wall:.2f}"]
        rate = f"{self.rows / self.processor:,.0f}" if self.processor else ""
        return [*figures, f"{self.memory:.0f}", rate, "; ".join(self.missed) or "met"]


TITLES = ("rows", "command", "processor s", "wall s", "peak MiB", "rows per processor s", "bars")


def judged(command: str, rows: int, processor: float, wall: float, memory: float) -> Row:
    """Return a row with the bars that it misses."""
    bar, missed = BARS.get(command), list[str]()
    if bar is not None and memory > bar.memory:
        missed.append(f"memory over {bar.memory:,.0f} MiB")
    if bar is not None and rows >= LARGE:
        if bar.seconds is not None and processor > bar.seconds:
            missed.append(f"over {bar.seconds:g} s")
        if bar.rate is not None and rows / processor < bar.rate:
            missed.append(f"under {bar.rate:,.0f} rows/s")
    return Row(command, rows, processor, wall, memory, tuple(missed))


def run(
    command: Sequence[str | Path], out: Path, *, codes: Sequence[int] = (0, 1)
) -> tuple[float, float, float]:
    """Run a process; return seconds of the processor, wall-clock seconds and peak memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", _BETWEEN, str(out), *map(str, command)],
        stdout=subprocess.PIPE,
        check=True,
    )
    processor, wall, peak, code, rest = json.loads(done.stdout)
    if code not in codes:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {code}: {rest}")
    return processor, wall, peak / (2**20 if sys.platform == "darwin" else 2**10)


def measure(rows: int, folder: Path, commands: Sequence[str]) -> Iterator[Row]:
    """Write a library with files, run the commands, and delete all."""
    library, music = folder / "music.db", Path(os.path.realpath(folder)) / "music"
    out = folder / "out"
    program = [sys.executable, "-m", "genrelab"]
    run([sys.executable, "-c", _MAKE, HELPERS, library, str(rows), music], out, codes=(0,))
    yield judged("upgrade", rows, *run([sys.executable, "-c", _UPGRADE, library], out, codes=(0,)))

    def timed(name: str, *arguments: str | Path) -> Row:
        return judged(name, rows, *run([*program, *arguments, "--library", library], out))

    if "recognize" in commands:
        yield timed("recognize", "recognize", music, "--format", "csv", "--quiet")
        check_lines(out, rows, "recognize")
    if "list" in commands:
        yield timed("list", "library", "list", "--format", "csv")
        check_lines(out, rows, "list")
    if "similar" in commands:
        song = next(path for path in music.rglob("*.mp3"))
        for name in (FIRST_SIMILAR, "similar"):
            yield timed(name, "similar", song)
    page = folder / "map.html"
    if "map" in commands or "page" in commands:
        yield timed("map", "library", "map", "--out", page)
    if "page" in commands:
        yield measure_page(page, rows, out)
    for name in ("show", "tags"):
        if name in commands:
            yield timed(name, "library", name)
    shutil.rmtree(music)
    if "check" in commands:
        yield timed("check", "library", "check", "--format", "json")


def check_lines(out: Path, rows: int, command: str) -> None:
    """Raise unless an output has one line per row and a heading."""
    with out.open("rb") as file:
        lines = sum(1 for _ in file)
    if lines != rows + 1:
        raise SystemExit(f"{command} wrote {lines} lines for {rows} rows")


def measure_page(page: Path, rows: int, out: Path) -> Row:
    """Open the page in chromium; its row names the time of the first picture and the pictures a second."""
    processor, wall, memory = run([sys.executable, HELPERS / "map_pages.py", page], out, codes=(0,))
    found = json.loads(out.read_text(encoding="utf-8"))
    missed = (f"under {LEAST_PICTURES:g} pictures/s",) if found["rate"] < LEAST_PICTURES else ()
    name = f"page: first picture {found['first']:.2f} s, {found['rate']:.0f} pictures/s ({found['painter']})"
    return Row(name, rows, processor, wall, memory, missed)


def main() -> None:
    """Print the table and one line of JSON; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="10000,100000,1000000", help="numbers of tracks, with commas")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--folder", type=Path, help="where to write libraries and files")
    parser.add_argument("--quick", action="store_true", help="300 tracks and no page: a smoke test")
    options = parser.parse_args()
    sizes = [300] if options.quick else [int(text) for text in options.rows.split(",")]
    commands = [name for name in options.commands if not (options.quick and name == "page")]
    measured: list[Row] = []
    print(f"| {' | '.join(TITLES)} |\n|{' --- |' * len(TITLES)}")
    start = time.perf_counter()
    for rows in sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            for row in measure(rows, Path(name), commands):
                measured.append(row)
                print(f"| {' | '.join(row.cells())} |", flush=True)
    missed = [f"{row.command} at {row.rows:,}: {'; '.join(row.missed)}" for row in measured if row.missed]
    figures: dict[str, Any] = {
        "benchmark": "scale",
        "rows": [
            {"command": row.command, "rows": row.rows, "processor_s": row.processor, "wall_s": row.wall}
            | {"peak_mib": row.memory}
            for row in measured
        ],
        "missed": missed,
        "wall_s": time.perf_counter() - start,
    }
    load = {"load_average": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
    print(json.dumps(figures | machine("numpy", "onnxruntime") | load))
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
