"""Cost of a training step on the CPU: plain forms compared with those that training uses.

Three comparisons: forward and backward pass of genres-11 with contiguous and with `channels_last` memory
layout, in float32 and bfloat16; genres-11-fcn with pooling after and before batch norm and ReLU; the
augmentation `speed` per item at arbitrary lengths and batched at lengths with a fast Fourier transform. One
thread, one process; the two forms take turns. The figures are the minimum processor time of several rounds.

    python benchmarks/training_step.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from machine import machine
from torch import Tensor, nn

from genrelab.lab.augment import Speed
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.fcn import FullyConvolutional
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.malloc import keep_freed_memory

RECIPE, POOLED = "genres-11", "genres-11-fcn"
Job = Callable[[], object]


def step(network: GenreNetwork, pictures: dict[str, Tensor], precision: str) -> Job:
    """Return a function that runs one forward and backward pass."""
    label = torch.arange(len(next(iter(pictures.values())))) % 11

    def once() -> None:
        network.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network.body(pictures).logits
        torch.autograd.backward(F.cross_entropy(logits.float(), label))

    return once


def network_jobs(recipe: Recipe, items: int, precision: str) -> tuple[Job, Job]:
    """Return the step of a network in contiguous layout, and in the layout that training uses."""
    shape = recipe.audio.channels, recipe.audio.segment_samples
    plain, used = build_network(recipe, genres=11), build_network(recipe, genres=11)
    plain.to(memory_format=torch.contiguous_format)
    with torch.no_grad():
        pictures = used.eval().inputs(0.1 * torch.randn(items, *shape))
    return step(plain.train(), pictures, precision), step(used.train(), pictures, precision)


def pooling_jobs(recipe: Recipe, items: int, precision: str) -> tuple[Job, Job]:
    """Return the step with pooling last in each layer, as published, and with pooling first."""
    plain, used = build_network(recipe, genres=11), build_network(recipe, genres=11)
    for body in [each for each in plain.modules() if isinstance(each, FullyConvolutional)]:
        for number, layer in enumerate(body.layers):
            assert isinstance(layer, nn.Sequential)
            order = sorted(layer, key=lambda part: isinstance(part, nn.MaxPool2d))
            body.layers[number] = nn.Sequential(*order)
    with torch.no_grad():
        sound = 0.1 * torch.randn(items, recipe.audio.channels, recipe.audio.segment_samples)
        pictures = used.eval().inputs(sound)
    return step(plain.train(), pictures, precision), step(used.train(), pictures, precision)


def speed_jobs(recipe: Recipe, items: int) -> tuple[Job, Job]:
    """Return both forms of the change of speed."""
    samples = recipe.audio.segment_samples
    batch = 0.1 * torch.randn(items, recipe.audio.channels, samples)
    change = Speed()
    speeds = change.draw(batch, torch.Generator().manual_seed(0))

    def plain() -> Tensor:
        spectrum, played = torch.fft.rfft(batch), []
        for item, speed in zip(spectrum, speeds.tolist(), strict=True):
            length = round(samples / speed)
            wave = torch.fft.irfft(item[..., : length // 2 + 1], n=length) * (length / samples)
            played.append(wave.repeat(1, -(-samples // length))[..., :samples])
        return torch.stack(played)

    return plain, lambda: change.apply(batch, speeds)


def seconds_of(jobs: tuple[Job, Job], rounds: int) -> list[float]:
    """Return the minimum processor time of each of two jobs."""
    least = [float("inf")] * len(jobs)
    for round_ in range(rounds + 1):
        for number, job in enumerate(jobs):
            begin = time.process_time()
            job()
            if round_:  # the first round is a warm-up
                least[number] = min(least[number], time.process_time() - begin)
    return least


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller batches, fewer rounds")
    items, rounds = (8, 2) if parser.parse_args().quick else (35, 5)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    keep_freed_memory()
    figures: dict[str, dict[str, float]] = {}

    def measure(name: str, jobs: tuple[Job, Job]) -> None:
        plain, used = seconds_of(jobs, rounds)
        figures[name] = {"plain_s": plain, "used_s": used, "ratio": plain / used}
        print(f"{name:36} plain {plain:7.3f} s   used {used:7.3f} s   {plain / used:.2f}x", flush=True)

    recipe, pooled = load_recipe(RECIPE), load_recipe(POOLED)
    measure("speed", speed_jobs(recipe, items))
    for precision in ("float32", "bfloat16"):
        measure(f"network, {precision}", network_jobs(recipe, items, precision))
        measure(f"poolings, {precision}", pooling_jobs(pooled, items, precision))
    print(json.dumps({"benchmark": "training_step", "items": items, "figures": figures} | machine("torch")))


if __name__ == "__main__":
    main()
