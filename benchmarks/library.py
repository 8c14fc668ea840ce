"""Speed and memory of recognizing a music library, and the time to the first answer.

The songs are real clips, repeated to four minutes, as MP3 with constant and variable bit rate, FLAC and OGG
at 44.1 kHz, stereo. Decoding with resampling, the network alone, `--full` and the default take turns on the
same songs, on all cores, several times. Other work on the machine affects wall-clock time and not processor
time, so both are reported. Peak memory and cold start are measured in child processes.

    python benchmarks/library.py PATH/TO/clips.csv --model model.onnx
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from machine import machine

from genrelab.audio.decode import decode, stream
from genrelab.audio.encode import write_mp3
from genrelab.bundle.bundle import Bundle
from genrelab.recognize import UNSURE, Recognition, Recognizer

RATE = 44_100
SONG_SECONDS = 240
BATCH_SECONDS = 30.0
CORES = os.cpu_count() or 1
KINDS = ("mp3", "vbr.mp3", "flac", "ogg")


@dataclass(frozen=True)
class Sizes:
    """How much to measure."""

    songs: int
    rounds: int
    files: tuple[int, int]
    hours: int
    starts: int


FULL = Sizes(songs=100, rounds=3, files=(100, 2000), hours=10, starts=9)
QUICK = Sizes(songs=4, rounds=1, files=(5, 20), hours=1, starts=2)


def make_songs(table: Path, folder: Path, count: int) -> list[Path]:
    """Write songs, each a repeated clip of more than 25 s from the table, in random order."""
    with table.open(newline="", encoding="utf-8") as file:
        clips = [row["path"] for row in csv.DictReader(file) if float(row["seconds"]) > 25]
    order = np.random.default_rng(0).permutation(len(clips))

    def make(number: int) -> Path:
        clip, _ = decode(table.parent / clips[order[number % len(clips)]], sample_rate=RATE, channels=2)
        samples = SONG_SECONDS * RATE
        song = np.tile(clip, (1, -(-samples // clip.shape[1])))[:, :samples].clip(-1, 1)
        kind = KINDS[number % len(KINDS)]
        path = folder / f"{number:04}.{kind}"
        _write(path, song, kind)
        return path

    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(make, range(count)))


def _write(path: Path, song: np.ndarray[Any, Any], kind: str) -> None:
    if kind == "mp3":
        write_mp3(path, song, RATE, bitrate=192)
        return
    options = {"bitrate_mode": "VARIABLE", "compression_level": 0.3} if kind == "vbr.mp3" else {}
    with soundfile.SoundFile(path, "w", RATE, 2, **options) as file:
        for start in range(0, song.shape[1], 10 * RATE):  # libvorbis crashes on one block of minutes
            file.write(song[:, start : start + 10 * RATE].T)


class Ways:
    """The four operations to time, each on all songs and all cores."""

    def __init__(self, model: Path, songs: Sequence[Path]) -> None:
        self.songs = songs
        self.bundle = Bundle.load(model, threads=1)
        metadata = self.bundle.metadata
        self._form: dict[str, Any] = {"sample_rate": metadata.sample_rate, "channels": metadata.channels}
        length = metadata.segment_samples
        wave, _ = decode(songs[0], **self._form)
        batch = max(1, int(BATCH_SECONDS / metadata.segment_seconds))
        self._batch = np.stack([wave[:, n * length : (n + 1) * length] for n in range(batch)])
        self._segments = (SONG_SECONDS * metadata.sample_rate - length) // metadata.hop_samples + 1
        self._full = Recognizer(self.bundle, full=True)
        self._default = Recognizer(self.bundle)
        self.answers: dict[str, list[Recognition]] = {}

    def decoding(self) -> None:
        """Decode and resample, without the network."""
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(self._decode, self.songs))

    def _decode(self, song: Path) -> int:
        return sum(block.shape[1] for block in stream(song, **self._form))

    def network(self) -> None:
        """Run the network on as many segments as the songs have, from memory."""
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(self._predict, self.songs))

    def _predict(self, _: Path) -> None:
        for first in range(0, self._segments, len(self._batch)):
            self.bundle.predict(self._batch[: self._segments - first])

    def full(self) -> None:
        """Recognize with `--full`."""
        self.answers["full"] = list(self._full.recognize_many(self.songs, jobs=CORES))

    def default(self) -> None:
        """Recognize."""
        self.answers["default"] = list(self._default.recognize_many(self.songs, jobs=CORES))


def measure_rates(model: Path, songs: Sequence[Path], rounds: int) -> dict[str, Any]:
    """Time the four operations in turn and compare them."""
    ways = Ways(model, songs)
    named: dict[str, Callable[[], None]] = {
        "decoding": ways.decoding,
        "network": ways.network,
        "full": ways.full,
        "default": ways.default,
    }
    clock: dict[str, list[float]] = {name: [] for name in named}
    processor: dict[str, list[float]] = {name: [] for name in named}
    for way in named.values():  # warm-up with a few songs
        ways.songs = songs[:CORES]
        way()
    ways.songs = songs
    for _ in range(rounds):
        for name, way in named.items():
            began = time.perf_counter(), time.process_time()
            way()
            clock[name].append((time.perf_counter() - began[0]) / len(songs))
            processor[name].append((time.process_time() - began[1]) / len(songs))
    both = list(zip(ways.answers["full"], ways.answers["default"], strict=True))
    firsts = [(full.genres[:1], default.genres[:1]) for full, default in both]
    errors = [answer.error for answer in [*ways.answers["full"], *ways.answers["default"]] if answer.error]
    return {
        "songs": len(songs),
        "rows": {
            name: {
                "songs_a_second": 1 / statistics.median(clock[name]),
                "times_real_time": SONG_SECONDS / statistics.median(clock[name]),
                "processor_s_a_song": statistics.median(processor[name]),
            }
            for name in named
        },
        **{
            f"{kind}_{ratio}": statistics.median(found)
            for kind, times in (("clock", clock), ("processor", processor))
            for ratio, found in _ratios(times).items()
        },
        "agreement": {
            "answer, `unsure` as one": _share(full.genre == default.genre for full, default in both),
            "first genre": _share(
                full and default and full[0].genre == default[0].genre for full, default in firsts
            ),
            "unsure with --full": _share(full.genre == UNSURE for full, _ in both),
        },
        "errors": errors,
    }


def _share(each: Iterable[object]) -> float:
    return statistics.fmean(map(bool, each))


def _ratios(times: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return two ratios per round: `--full` to the bound 1/(1/D + 1/N), and the default to `--full`."""
    rounds = list(zip(*times.values(), strict=True))
    return {
        "full_of_possible": [(decoding + network) / full for decoding, network, full, _ in rounds],
        "default_over_full": [full / default for _, _, full, default in rounds],
    }


def measure_memory(model: Path, songs: Sequence[Path], folder: Path, sizes: Sizes) -> dict[str, float]:
    """Return the peak resident memory, in MiB, of processes that recognize many files or one long file."""
    peaks: dict[str, float] = {}
    for count in sizes.files:
        files = [songs[number % len(songs)] for number in range(count)]
        peaks[f"{count} files"] = _child(model, *files)[1]
    long = make_long(songs[0], folder / "long.mp3", sizes.hours)
    peaks[f"{sizes.hours} hours"] = _child(model, long)[1]
    peaks[f"{sizes.hours} hours --full"] = _child(model, long, "--full")[1]
    return peaks


def make_long(song: Path, path: Path, hours: int) -> Path:
    """Write a long MP3: the frames of one song, repeated, without the header that states its length."""
    data = song.read_bytes()
    frames = data[data.index(b"\xff\xfb", data.index(b"Info")) :]
    with path.open("wb") as file:
        for _ in range(hours * 3600 // SONG_SECONDS):
            file.write(frames)
    return path


# Runs between this process and the measured one: the peak of a child includes the memory of its parent.
_BETWEEN = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=False)
took = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
errors = [error for line in done.stdout.splitlines() if (error := json.loads(line)["error"])]
print(json.dumps([took, used.ru_maxrss, used.ru_utime + used.ru_stime, done.returncode, errors]))
"""


def _child(model: Path, *arguments: Path | str) -> tuple[float, float, float]:
    """Run `genrelab recognize`; return wall-clock seconds, peak memory in MiB and processor seconds."""
    command = [sys.executable, "-m", "genrelab", "recognize", "--format", "jsonl", "--no-library"]
    done = subprocess.run(
        [sys.executable, "-c", _BETWEEN, *command, "--model", *map(str, [model, *arguments])],
        stdout=subprocess.PIPE,
        check=True,
    )
    took, peak, processor, code, errors = json.loads(done.stdout)
    if errors or code not in (0, 1):  # 1: a file is unsure
        raise SystemExit(f"recognize ended with {code}: {errors}")
    return took, peak / (2**20 if sys.platform == "darwin" else 2**10), processor


def measure_start(model: Path, song: Path, starts: int) -> dict[str, Any]:
    """Return the median times of cold starts on one file, and the import times."""
    runs = [_child(model, song) for _ in range(starts)]
    return {
        "clock_s": statistics.median(run[0] for run in runs),
        "processor_s": statistics.median(run[2] for run in runs),
        "imports_ms": import_times(model, song),
    }


def import_times(model: Path, song: Path) -> dict[str, float]:
    """Return the import time of the ten slowest packages, in milliseconds, slowest first."""
    command = [sys.executable, "-X", "importtime", "-m", "genrelab", "recognize", "--no-library"]
    command += ["--model", str(model), str(song)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):  # 1: the file is unsure
        raise SystemExit(f"recognize ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    spent: dict[str, float] = defaultdict(float)
    for own, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)", done.stderr.decode()):
        package = name.split(".")[0]
        spent["standard library" if package in sys.stdlib_module_names else package] += int(own) / 1000
    slowest = sorted(spent.items(), key=lambda item: -item[1])
    return {"all": sum(spent.values()), **dict(slowest[:10])}


def print_rates(rates: dict[str, Any]) -> None:
    """Print rates and ratios as Markdown."""
    print(f"\n| {rates['songs']} songs of 4 min | songs/s | x real time | processor s per song |")
    print("| --- | ---: | ---: | ---: |")
    for name, row in rates["rows"].items():
        figures = row["songs_a_second"], row["times_real_time"], row["processor_s_a_song"]
        print("| {} | {:.2f} | {:.0f} | {:.3f} |".format(name, *figures))
    print("\n| | wall clock | processor |\n| --- | ---: | ---: |")
    for ratio in ("full_of_possible", "default_over_full"):
        print(f"| {ratio} | {rates[f'clock_{ratio}']:.2f} | {rates[f'processor_{ratio}']:.2f} |")
    print("\n| default and `--full` | songs |\n| --- | ---: |")
    for name, share in rates["agreement"].items():
        print(f"| {name} | {share:.1%} |", flush=True)


def print_memory(peaks: dict[str, float]) -> None:
    """Print peak memory as Markdown."""
    print("\n| peak memory | MiB |\n| --- | ---: |")
    for name, peak in peaks.items():
        print(f"| {name} | {peak:.0f} |", flush=True)


def print_start(start: dict[str, Any]) -> None:
    """Print the cold start and its import times as Markdown."""
    print(f"\nCold start: {start['clock_s']:.2f} s wall clock, {start['processor_s']:.2f} s processor.")
    print("\n| import | ms |\n| --- | ---: |")
    for name, spent in start["imports_ms"].items():
        print(f"| {name} | {spent:.0f} |")


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="table of real clips (clips.csv)")
    parser.add_argument("--model", type=Path, required=True, help="model file")
    parser.add_argument("--songs", type=int, help="number of songs")
    parser.add_argument("--rounds", type=int, help="number of rounds")
    parser.add_argument(
        "--tables", nargs="+", choices=("rates", "memory", "start"), default=["rates", "memory", "start"]
    )
    parser.add_argument("--quick", action="store_true", help="few songs, one round: a smoke test")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        songs = make_songs(options.clips, folder, options.songs or sizes.songs)
        result: dict[str, Any] = {
            "benchmark": "library",
            "model": Bundle.load(options.model, threads=1).identity,
        }
        if "rates" in options.tables:
            result["rates"] = measure_rates(options.model, songs, options.rounds or sizes.rounds)
            print_rates(result["rates"])
        if "memory" in options.tables:
            result["memory_mib"] = measure_memory(options.model, songs, folder, sizes)
            print_memory(result["memory_mib"])
        if "start" in options.tables:
            result["cold_start"] = measure_start(options.model, songs[0], sizes.starts)
            print_start(result["cold_start"])
    load = {"load_average": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
    print(json.dumps(result | machine("numpy", "onnxruntime", "soundfile", "soxr", "av") | load))


if __name__ == "__main__":
    main()
