"""Latency, memory and throughput of `genrelab serve`, with 64 clients at once on the loopback.

The songs are real clips, repeated to four minutes (or synthetic ones, if no table is given), with several
names each. In each round the same songs are recognized by `genrelab recognize`, by the server without other
requests, and by the server while 64 clients send 2,000 cheap requests (health, jobs, tracks, statistics),
spread over the time that recognition takes. At the end the clients send 2,000 more as fast as they can, again
during recognition. The start of processes does not count. Other work on the machine affects wall-clock time
more than processor time, so both are reported. Peak memory is that of the server and all of its processes
together.

    python benchmarks/serve.py PATH/TO/clips.csv
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machine import machine

from genrelab.audio.encode import write_mp3
from genrelab.client import Client, ProblemError

CLIENTS = 64
CORES = os.cpu_count() or 1
RATE = 44_100
TIMES = ("p50_ms", "p95_ms", "max_ms")
WARM = 2 * CORES  # songs whose time does not count


@dataclass(frozen=True)
class Sizes:
    """How much to measure."""

    songs: int
    names: int  # of each song
    rounds: int
    requests: int


FULL = Sizes(songs=24, names=50, rounds=3, requests=2000)
QUICK = Sizes(songs=2, names=20, rounds=1, requests=200)


def make_synthetic(folder: Path, count: int) -> list[Path]:
    """Write songs of four minutes: chords with noise, so that they take as long to decode as music."""
    dice = np.random.default_rng(0)
    beat = np.arange(RATE * 4) / RATE
    songs = []
    for number in range(count):
        notes = np.tile(dice.uniform(100, 2000, size=(12, 3)), (5, 1))
        tones = np.concatenate([np.sin(2 * np.pi * chord[:, None] * beat).sum(axis=0) for chord in notes])
        sound = (0.1 * tones + 0.05 * dice.standard_normal(tones.size)).astype(np.float32)
        path = folder / f"{number:04}.mp3"
        write_mp3(path, np.stack([sound, 0.8 * sound]), RATE, bitrate=192)
        songs.append(path)
    return songs


def name_again(songs: Sequence[Path], names: int) -> list[Path]:
    """Give each song several names, without copies: recognition has to do each of them."""
    found = list(songs)
    for number in range(1, names):
        for song in songs:
            found.append(song.with_name(f"{number:03}-{song.name}"))
            os.link(song, found[-1])
    return sorted(found)


class Rate(NamedTuple):
    """How fast recognition is: songs per second, and seconds of the processor per song."""

    songs: float
    processor: float


class Tool:
    """`genrelab recognize` and `genrelab serve` on the same songs."""

    def __init__(self, songs: Sequence[Path], folder: Path, model: Path | None) -> None:
        self.songs = songs
        self._folder = folder
        self._model = [] if model is None else ["--model", str(model)]

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "genrelab", *arguments, *self._model, "--jobs", str(CORES)]

    def recognize(self) -> Rate:
        """Return how fast `genrelab recognize` is."""
        library = self._folder / "command.db"
        options = ["--again", "--quiet", "--format", "json", "--library", str(library)]

        def spent(songs: Sequence[Path]) -> tuple[float, float]:
            began, before = time.perf_counter(), os.times()
            command = self._command("recognize", *map(str, songs), *options)
            subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
            after = os.times()
            used = after.children_user - before.children_user
            used += after.children_system - before.children_system
            return time.perf_counter() - began, used

        start, whole = spent(self.songs[:WARM]), spent(self.songs)
        count = len(self.songs) - WARM
        return Rate(count / (whole[0] - start[0]), (whole[1] - start[1]) / count)

    @contextmanager
    def serve(self) -> Iterator[Served]:
        """Run a server."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        library = str(self._folder / "server.db")
        command = self._command("serve", str(self.songs[0].parent), "--quiet", "--library", library)
        process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
        try:
            yield Served(f"http://127.0.0.1:{port}", process.pid, self.songs[0].parent)
        finally:
            process.terminate()
            process.wait()


class Served:
    """A server that runs, and its peak of memory."""

    def __init__(self, url: str, process: int, folder: Path) -> None:
        self.client = Client(url, timeout=120)
        self._url, self._process, self._folder = url, process, folder
        began = time.perf_counter()
        while True:
            try:
                self.client.health()
                break
            except ProblemError:
                time.sleep(0.02)
        self.ready_seconds = time.perf_counter() - began

    def recognize(self, requests: int = 0, spread_seconds: float = 0.0) -> tuple[Rate, dict[str, Any]]:
        """Return how fast a job is, and what 64 clients saw meanwhile."""
        used = self._processor()
        job = self.client.recognize_on_server([self._folder], again=True)
        load: dict[str, Any] = {}
        if requests:
            command = [sys.executable, __file__, "--client", self._url, str(requests), str(spread_seconds)]
            load = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            load["during"] = not self.client.job(job, results=0).has_ended
        after = self.client.wait(job)
        if after.state != "done" or after.started is None or after.ended is None:
            raise SystemExit(f"the job failed: {after.problem}")
        began, ended = map(datetime.datetime.fromisoformat, (after.started, after.ended))
        used = self._processor() - used
        return Rate(after.done / (ended - began).total_seconds(), used / after.done), load

    def _processor(self) -> float:
        """Return the seconds of the processor of the server and its processes so far."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if str(self._process) in (stat.parent.name, fields[1]):
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """Return the peaks of the server and its processes, added up."""
        found = 0.0
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            number, parent = (int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) for name in ("Pid", "PPid"))  # type: ignore[index]
            if self._process in (number, parent):
                peak = re.search(r"^VmHWM:\s+(\d+) kB", text, re.M)
                found += int(peak[1]) / 1024 if peak else 0.0
        return found


async def send_all(url: str, requests: int, spread_seconds: float) -> dict[str, Any]:
    """Send requests from 64 connections and return errors and latencies, in ms."""
    host, port = re.search(r"//(.*):(\d+)", url).groups()  # type: ignore[union-attr]
    paths = ["/health", "/jobs", "/jobs?state=done&limit=5", "/tracks?limit=20", "/statistics", "/genres"]
    counts = [requests // CLIENTS + (number < requests % CLIENTS) for number in range(CLIENTS)]
    times: list[float] = []
    errors: list[str] = []

    async def use(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        pause = spread_seconds / max(1, counts[number])
        await asyncio.sleep(pause * number / CLIENTS)
        began = time.perf_counter()
        for turn in range(counts[number]):
            await asyncio.sleep(max(0.0, began + turn * pause - time.perf_counter()))
            path = paths[(turn + number) % len(paths)]
            sent = time.perf_counter()
            writer.write(f"GET /api/v1{path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", head, re.I)
            await reader.readexactly(int(length[1]) if length else 0)
            times.append((time.perf_counter() - sent) * 1000)
            if not head.startswith("HTTP/1.1 200"):
                errors.append(f"{path}: {head.splitlines()[0]}")
        writer.close()

    began = time.perf_counter()
    results = await asyncio.gather(*map(use, range(CLIENTS)), return_exceptions=True)
    errors += [repr(each) for each in results if each is not None]
    cuts = statistics.quantiles(times, n=100)
    return {
        "requests": len(times),
        "errors": errors[:10],
        "per_second": len(times) / (time.perf_counter() - began),
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
        "max_ms": max(times),
    }


def measure(tool: Tool, sizes: Sizes) -> dict[str, Any]:
    """Return the figures of all rounds."""
    rates: dict[str, list[Rate]] = {"recognize": [], "server": [], "server_with_load": []}
    loads: list[dict[str, Any]] = []
    with tool.serve() as served:
        served.recognize()
        memory = [served.peak_mib()]
        for _ in range(sizes.rounds):
            rates["recognize"].append(tool.recognize())
            rate, _ = served.recognize()
            rates["server"].append(rate)
            spread = 0.8 * len(tool.songs) / rate.songs
            rate, load = served.recognize(sizes.requests, spread)
            rates["server_with_load"].append(rate)
            loads.append(load)
            memory.append(served.peak_mib())
        _, burst = served.recognize(sizes.requests)
        memory.append(served.peak_mib())
    spread_load: dict[str, Any] = {name: statistics.median([load[name] for load in loads]) for name in TIMES}
    spread_load["requests"] = sum(load["requests"] for load in loads)
    spread_load["errors"] = [error for load in loads for error in load["errors"]]
    spread_load["during"] = all(load["during"] for load in loads)
    found: dict[str, Any] = {name: _compared(some, rates["recognize"]) for name, some in rates.items()}
    return {
        **found,
        "ready_s": served.ready_seconds,
        "peak_mib": memory,
        "spread": spread_load,
        "at_once": burst,
    }


def _compared(rates: list[Rate], command: list[Rate]) -> dict[str, float]:
    """Return medians, and the medians of the ratios to `genrelab recognize` in the same round."""
    pairs = list(zip(rates, command, strict=True))
    return {
        "songs_a_second": statistics.median([rate.songs for rate in rates]),
        "processor_s_a_song": statistics.median([rate.processor for rate in rates]),
        "ratio": statistics.median([rate.songs / other.songs for rate, other in pairs]),
        "processor_ratio": statistics.median([other.processor / rate.processor for rate, other in pairs]),
    }


def print_figures(found: dict[str, Any]) -> None:
    """Print the figures as Markdown."""
    print("| recognition | songs/s | of `recognize` | processor s/song | of `recognize` |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in ("recognize", "server", "server_with_load"):
        text = "{songs_a_second:.2f} | {ratio:.2f} | {processor_s_a_song:.3f} | {processor_ratio:.2f}"
        print(f"| {name} | {text.format(**found[name])} |")
    print("\n| 64 clients | requests | errors | p50 ms | p95 ms | max ms |\n| --- | " + "---: | " * 5)
    for name in ("spread", "at_once"):
        load = found[name]
        figures = "{p50_ms:.0f} | {p95_ms:.0f} | {max_ms:.0f}".format(**load)
        print(f"| {name} | {load['requests']} | {len(load['errors'])} | {figures} |")
    memory = ", ".join(f"{peak:.0f}" for peak in found["peak_mib"])
    print(f"\nPeak memory after each round: {memory} MiB. Ready after {found['ready_s']:.2f} s.", flush=True)


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", help="table of real clips (clips.csv)")
    parser.add_argument("--model", type=Path, help="model file")
    parser.add_argument("--songs", type=int, help="number of different songs")
    parser.add_argument("--rounds", type=int, help="number of rounds")
    parser.add_argument("--quick", action="store_true", help="few songs, one round: a smoke test")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    given = {"songs": options.songs, "rounds": options.rounds}
    sizes = replace(sizes, **{name: value for name, value in given.items() if value})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        music = folder / "music"
        music.mkdir()
        if options.clips is None:
            songs = make_synthetic(music, sizes.songs)
        else:
            from library import make_songs

            songs = make_songs(options.clips, music, sizes.songs)
        songs = name_again(songs, sizes.names)
        found = measure(Tool(songs, folder, options.model), sizes)
    print_figures(found)
    load = {"load_average": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
    packages = machine("starlette", "uvicorn", "onnxruntime", "av")
    print(json.dumps({"benchmark": "serve", "songs": sizes.songs * sizes.names, **found, **packages, **load}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        print(json.dumps(asyncio.run(send_all(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
    else:
        main()
