"""Fixed front-ends compared with librosa: seconds per clip of 30 s at 22,050 Hz.

librosa processes the clips one by one, as programs that use it do; genrelab processes them as one batch.
Both get the same number of threads (--threads, by default two; take one on a shared machine). librosa runs
Fourier transforms and resampling on one thread in any case, and its linear algebra on all threads. Each
side runs in its own processes, and the sides take turns; the table shows medians and their ratio.

    python benchmarks/frontends.py [--quick] [--threads N] [--device cuda]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from machine import machine

RATE = 22_050
SAMPLES = 30 * RATE
TASKS = ("stft", "mel", "mfcc", "cqt")
SIDES = ("librosa", "genrelab")


def sounds(clips: int) -> npt.NDArray[np.float32]:
    """Return noise with a chord, `[clips, samples]`. The cost of a front-end does not depend on the sound."""
    rng = np.random.default_rng(0)
    times = np.arange(SAMPLES) / RATE
    chord = sum(np.sin(2 * np.pi * pitch * times) for pitch in (110.0, 277.2, 659.3))
    return (0.1 * chord + rng.normal(0.0, 0.05, (clips, SAMPLES))).astype(np.float32)


def by_librosa(name: str, waves: npt.NDArray[np.float32]) -> Callable[[], object]:
    """Return a function that runs the task once for each clip."""
    import librosa

    def stft(y: npt.NDArray[np.float32]) -> object:
        return librosa.power_to_db(np.abs(librosa.stft(y)) ** 2)

    def mel(y: npt.NDArray[np.float32]) -> object:
        return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=RATE))

    def mfcc(y: npt.NDArray[np.float32]) -> object:
        return librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=84, window="hamming")

    def cqt(y: npt.NDArray[np.float32]) -> object:
        return librosa.amplitude_to_db(np.abs(librosa.cqt(y, sr=RATE)), ref=np.max)

    one = {"stft": stft, "mel": mel, "mfcc": mfcc, "cqt": cqt}[name]
    return lambda: [one(wave) for wave in waves]


def by_genrelab(
    name: str, waves: npt.NDArray[np.float32], *, device: str, threads: int
) -> Callable[[], object]:
    """Return a function that runs the task once for the batch."""
    import torch

    from genrelab.lab.frontends import FRONTENDS
    from genrelab.lab.training.malloc import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(threads)
    options = {"window": "hamming"} if name == "mfcc" else {}
    frontend = FRONTENDS.create(name, options, sample_rate=RATE, channels=1).to(device)
    batch = torch.from_numpy(waves)[:, None].to(device)

    def once() -> object:
        with torch.inference_mode():
            picture = frontend(batch)
        if device != "cpu":
            torch.cuda.synchronize(device)
        return picture

    return once


def measure(name: str, side: str, *, device: str, threads: int, clips: int, repeats: int) -> float:
    """Return the median seconds per clip, measured in this process."""
    waves = sounds(clips)
    if side == "librosa":
        once = by_librosa(name, waves)
    else:
        once = by_genrelab(name, waves, device=device, threads=threads)
    once()
    once()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / clips


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, fewer clips")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="device of genrelab")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side")
    parser.add_argument("--one", nargs=2, metavar=("TASK", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    clips, repeats, rounds = (2, 3, 1) if options.quick else (8, 5, 5)
    if options.one:
        name, side = options.one
        given = {"device": options.device, "threads": options.threads}
        print(json.dumps(measure(name, side, **given, clips=clips, repeats=repeats)))
        return
    threads = str(options.threads)
    # Passive: threads that wait for each other sleep and leave the core to other processes.
    limits = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
    environment = {**os.environ, **limits}
    figures = {}
    print(f"| front-end (per clip of 30 s, batch of {clips}) | librosa | genrelab | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for name in TASKS:
        found: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side, seconds in found.items():
                command = [sys.executable, __file__, "--one", name, side]
                command += ["--device", options.device, "--threads", threads]
                command += ["--quick"] if options.quick else []
                done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
                seconds.append(json.loads(done.stdout))
        medians = {side: statistics.median(seconds) for side, seconds in found.items()}
        ratio = medians["librosa"] / medians["genrelab"]
        figures[name] = {**medians, "ratio": ratio}
        cells = (name, *(f"{1000 * medians[side]:.1f} ms" for side in SIDES), f"{ratio:.1f}x")
        print(f"| {' | '.join(cells)} |", flush=True)
    result = {
        "benchmark": "frontends",
        "device": options.device,
        "figures": figures,
        "threads": options.threads,
    }
    print(json.dumps(result | machine("torch", "librosa", "numpy")))


if __name__ == "__main__":
    main()
