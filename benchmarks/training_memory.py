"""Effect of `keep_freed_memory` on a training step on the CPU.

Each form runs in its own process, and the forms take turns. The table compares the median time of a step
under the default of the C library with the one under `keep_freed_memory`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from machine import machine


def step_seconds(recipe: str, *, keep: bool, items: int, steps: int) -> float:
    """Return the median seconds of a training step, measured in this process."""
    import torch
    import torch.nn.functional as F

    from genrelab.lab.models import build_network
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.training.malloc import keep_freed_memory

    if keep:
        keep_freed_memory()
    torch.manual_seed(0)
    chosen = load_recipe(recipe)
    network = build_network(chosen, genres=10).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    waveform = 0.1 * torch.randn(items, chosen.audio.channels, chosen.audio.segment_samples)
    label = torch.arange(items) % 10
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = F.cross_entropy(network(waveform).logits, label)
        torch.autograd.backward(loss)
        optimizer.step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--one", nargs=2, metavar=("RECIPE", "FORM"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    items, steps, rounds = (16, 3, 2) if options.quick else (32, 5, 5)
    if options.one:
        recipe, form = options.one
        print(step_seconds(recipe, keep=form == "keep", items=items, steps=steps))
        return
    figures: dict[str, dict[str, float]] = {}
    for recipe in ("resnet1d-s", "resnet2d-s", "soundfusion-1"):
        times: dict[str, list[float]] = {"default": [], "keep": []}
        for _ in range(rounds):
            for form, measured in times.items():
                command = [sys.executable, __file__, "--one", recipe, form]
                command += ["--quick"] if options.quick else []
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                measured.append(float(done.stdout))
        default, keep = (statistics.median(measured) for measured in times.values())
        figures[recipe] = {"default_s": default, "keep_s": keep, "ratio": default / keep}
        print(f"{recipe:14} default {default:7.3f} s   kept {keep:7.3f} s   {default / keep:.2f}x")
    print(json.dumps({"benchmark": "training_memory", "items": items, "figures": figures} | machine("torch")))


if __name__ == "__main__":
    main()
