"""Sinc filters: the plain form compared with the fast form, which gives the same result.

Four tasks with the network of the recipe ms-sincresnet-160-spp (480 filters of up to 1,001 taps, 3 s
clips): the front-end forward in training mode, a whole training step, the front-end on a track of 30 s (55
clips, one every 0.5 s), and the whole network on that track. Each form of each task runs in its own
processes, and the forms take turns. The table shows medians, their ratio, and the additional memory that
the task needs.

    python benchmarks/sinc.py [--quick] [--device cuda]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from machine import machine

if TYPE_CHECKING:
    import torch

    from genrelab.lab.frontends import Frontend

RECIPE = "ms-sincresnet-160-spp"
RATE = 16_000
CLIP, TRACK, STEP = 3 * RATE, 30 * RATE, RATE // 2
TOGETHER = 8  # batch size of the plain form on a track
TASKS = ("front-end forward", "training step", "voted track, front-end", "voted track, whole")


def task(name: str, form: str, device: str, clips: int) -> Callable[[], torch.Tensor]:
    """Return a function that runs the task once."""
    import torch
    import torch.nn.functional as F

    from genrelab.lab.models import build_network
    from genrelab.lab.recipes import load_recipe

    torch.manual_seed(0)
    recipe = load_recipe(RECIPE, changes=[f"inputs.picture.form={form}", "augment=null"])
    network = build_network(recipe, genres=10).to(device)
    frontend = cast("Frontend", network.frontends["input_picture"])
    if name == "front-end forward":
        waveform = 0.1 * torch.randn(clips, 1, CLIP, device=device)

        def forward() -> torch.Tensor:
            picture: torch.Tensor = frontend.train()(waveform)
            return picture.detach()

        return forward
    if name == "training step":
        waveform = 0.1 * torch.randn(clips, 1, CLIP, device=device)
        label = torch.arange(clips, device=device) % 10
        optimizer = torch.optim.SGD(network.train().parameters(), lr=1e-5, momentum=0.9, nesterov=True)

        def step() -> torch.Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(waveform).logits, label)
            torch.autograd.backward(loss)
            optimizer.step()
            return loss.detach()

        return step
    network.eval()
    track = 0.1 * torch.randn(1, TRACK, device=device)
    starts = range(0, TRACK - CLIP + 1, STEP)
    whole = name.endswith("whole")

    def shared() -> torch.Tensor:
        with torch.inference_mode():
            if whole:
                return network.score_track(track, starts, CLIP).logits
            return frontend.of_track(track, starts, CLIP)

    def apart() -> torch.Tensor:
        results = []
        with torch.inference_mode():
            for begin in range(0, len(starts), TOGETHER):
                cut = [track[:, start : start + CLIP] for start in starts[begin : begin + TOGETHER]]
                result = (network if whole else frontend)(torch.stack(cut))
                results.append(result.logits if whole else result)
        return torch.cat(results)

    return shared if form == "fast" else apart


def measure(name: str, form: str, device: str, *, clips: int, repeats: int) -> dict[str, float]:
    """Return median seconds and additional peak memory in MiB, measured in this process."""
    import torch

    from genrelab.lab.training.malloc import keep_freed_memory

    keep_freed_memory()
    once = task(name, form, device, clips)
    before = peak(device)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        once()
        if device != "cpu":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return {"seconds": statistics.median(times[1:]), "mebibytes": peak(device) - before}


def peak(device: str) -> float:
    """Return the peak memory of this process so far, in MiB."""
    import torch

    if device != "cpu":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller batches")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--one", nargs=2, metavar=("TASK", "FORM"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    clips, repeats, rounds = (4, 1, 1) if options.quick else (8, 2, 3)
    if options.one:
        name, form = options.one
        print(json.dumps(measure(name, form, options.device, clips=clips, repeats=repeats)))
        return
    figures = {}
    print(f"| task ({clips} clips, or a track) | plain | fast | ratio | memory plain | memory fast |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in TASKS:
        found: dict[str, list[dict[str, float]]] = {"plain": [], "fast": []}
        for _ in range(rounds):
            for form, results in found.items():
                command = [sys.executable, __file__, "--device", options.device, "--one", name, form]
                command += ["--quick"] if options.quick else []
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                results.append(json.loads(done.stdout))
        medians = {
            form: {key: statistics.median(each[key] for each in results) for key in results[0]}
            for form, results in found.items()
        }
        plain, fast = medians["plain"], medians["fast"]
        figures[name] = {**medians, "ratio": plain["seconds"] / fast["seconds"]}
        cells = (
            name,
            *(f"{form['seconds']:.2f} s" for form in (plain, fast)),
            f"{figures[name]['ratio']:.1f}x",
            *(f"{form['mebibytes']:.0f} MiB" for form in (plain, fast)),
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    print(json.dumps({"benchmark": "sinc", "device": options.device, "figures": figures} | machine("torch")))


if __name__ == "__main__":
    main()
