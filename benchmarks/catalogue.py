"""What the engines of a catalogue cost, beside `genrelab recognize` on the same files.

Real clips and broken files are recognized by the command `recognize` without a library, and by each engine of
`genrelab catalogue run`, on the same number of cores. The start of an engine is measured by a catalogue of
one file per worker. Other work on the machine changes wall-clock time, so the processor time of all processes
is measured too: that of every process with the run's mark in its environment, sampled while it runs.

    python benchmarks/catalogue.py PATH/TO/clips.csv --files 500 --engines local,ray
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from machine import machine

from genrelab.catalogue import read_catalogue
from genrelab.catalogue.settings import default_workers

BROKEN = 10
ALLOWED = 0.15
"""Of the time of `recognize`: what an engine may cost beyond its start."""

_MARK = "GENRELAB_BENCHMARK"
_SAMPLE_SECONDS = 0.2
_COMPARED = ("path", "genre", "confidence", "duration", "error_code", "embedding")


@dataclass(frozen=True)
class Took:
    """Seconds of wall-clock time, and of the processor."""

    wall: float
    cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table and a line of JSON; return 1 if an engine costs too much or differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, help="CSV file with a column `path`")
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engines", default="local,ray")
    parser.add_argument("--workers", type=int, default=default_workers())
    parser.add_argument("--quick", action="store_true", help="20 files")
    given = parser.parse_args(arguments)
    engines = given.engines.split(",")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        music = _music(given.clips, 20 if given.quick else given.files, folder)
        few = folder / "few"
        few.mkdir()
        for path in sorted(music.iterdir())[: given.workers]:
            os.symlink(path.resolve(), few / path.name)
        took: dict[str, list[Took]] = {"recognize": [], **{name: [] for name in engines}}
        starts: dict[str, list[Took]] = {name: [] for name in took}
        for number in range(given.rounds):
            for name in took:
                starts[name].append(_run(name, few, folder / f"few-{name}-{number}", given.workers))
                took[name].append(_run(name, music, folder / f"all-{name}-{number}", given.workers))
        tables = {name: _records(folder / f"all-{name}-0") for name in engines}
        equal = {name: table.equals(tables[engines[0]]) for name, table in tables.items()}
        known = _recognized(folder / "all-recognize-0")
        wrong = [name for name, table in tables.items() if _genres(table) != known or not equal[name]]
        files = len(list(music.iterdir()))
    rows = {name: _row(name, took, starts) for name in took}
    print(
        f"{files} files, {BROKEN} of them broken; {given.workers} workers; medians of {given.rounds} rounds\n"
    )
    print(f"{'':12}{'start s':>9}{'wall s':>9}{'CPU s':>9}{'files/s':>9}{'wall beyond start':>20}{'CPU':>7}")
    for name, row in rows.items():
        print(
            f"{name:12}{row['start']:9.1f}{row['wall']:9.1f}{row['cpu']:9.1f}{files / row['wall']:9.2f}"
            f"{row['overhead']:+20.1%}{row['cpu_overhead']:+7.1%}"
        )
    print(
        "\nrecords equal to those of recognize and of each other:",
        "no: " + ", ".join(wrong) if wrong else "yes",
    )
    slow = [name for name in engines if rows[name]["overhead"] > ALLOWED]
    print(
        json.dumps({**machine("ray"), "files": files, "workers": given.workers, "rows": rows, "slow": slow})
    )
    return 1 if wrong or slow else 0


def _music(clips: Path, files: int, folder: Path) -> Path:
    """Make a folder with links to clips, evenly chosen, and broken files."""
    with clips.open(encoding="utf-8", newline="") as file:
        paths = [clips.parent / row["path"] for row in csv.DictReader(file)]
    paths = [path for path in paths if path.suffix in (".mp3", ".opus", ".flac", ".wav") and path.is_file()]
    files = min(files, len(paths))
    music = folder / "music"
    music.mkdir()
    for number in range(files):
        source = paths[number * len(paths) // files]
        os.symlink(source.resolve(), music / f"{number:05}{source.suffix}")
    for number in range(BROKEN):
        content = b"" if number == 0 else paths[number].read_bytes()[: 40 * number]
        (music / f"broken-{number}{paths[number].suffix}").write_bytes(content)
    return music


def _run(name: str, music: Path, out: Path, workers: int) -> Took:
    command = [sys.executable, "-m", "genrelab"]
    if name == "recognize":
        command += ["recognize", str(music), "--no-library", "--format", "jsonl", "--out", str(out)]
        command += ["--jobs", str(workers), "--quiet"]
    else:
        command += ["catalogue", "run", str(music), "--to", str(out), "--engine", name]
        command += ["--workers", str(workers)]
    mark = secrets.token_hex(16)
    with _Sampler(f"{_MARK}={mark}".encode()) as sampler:
        begun = time.monotonic()
        done = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, _MARK: mark},
        )
        wall = time.monotonic() - begun
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")
    return Took(wall, sampler.seconds())


class _Sampler:
    """Adds up the processor time of all processes with a mark in their environment, also after they end."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._others = set(os.listdir("/proc"))
        self._ticks: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def seconds(self) -> float:
        """Return the sum so far, without the last moments of processes that have ended."""
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            for name in set(filter(str.isdigit, os.listdir("/proc"))) - self._others:
                try:
                    self._sample(name)
                except OSError:
                    continue

    def _sample(self, process: str) -> None:
        if process in self._ticks or self._mark in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
            fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
            self._ticks[process] = int(fields[11]) + int(fields[12])


def _row(name: str, took: dict[str, list[Took]], starts: dict[str, list[Took]]) -> dict[str, Any]:
    def median(runs: Sequence[Took], field: str) -> float:
        return float(statistics.median(getattr(run, field) for run in runs))

    def work(which: str, field: str) -> float:
        return float(median(took[which], field) - median(starts[which], field))

    return {
        "start": median(starts[name], "wall"),
        "wall": median(took[name], "wall"),
        "cpu": median(took[name], "cpu"),
        "overhead": work(name, "wall") / work("recognize", "wall") - 1,
        "cpu_overhead": work(name, "cpu") / work("recognize", "cpu") - 1,
    }


def _records(place: Path) -> pa.Table:
    rows = pa.concat_tables(read_catalogue(str(place), columns=list(_COMPARED)))
    return rows.sort_by("path").combine_chunks()


def _genres(records: pa.Table) -> dict[str, str | None]:
    return dict(zip(records["path"].to_pylist(), records["genre"].to_pylist(), strict=True))


def _recognized(out: Path) -> dict[str, str | None]:
    with out.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return {record["path"]: record.get("genre") for record in found}


if __name__ == "__main__":
    sys.exit(main())
