"""One step of training by two processes, compared with the same step by one.

`python part_of_step.py STORE` is the second process; the test is the first. A line of JSON, the recipe and
its changes, starts a step.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from genrelab.lab.models import build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.training.distillation.matching import MatchingSource
from genrelab.lab.training.distillation.teacher_set import load_teachers
from genrelab.lab.training.optimization.objective import Distilling, Objective, embedding_lengths
from genrelab.lab.training.optimization.outlier_exposure import Outliers
from genrelab.lab.training.parallel.part import Division, rows_of
from genrelab.lab.training.task import GenreTask

ITEMS, GENRES = 5, 4


class Contiguous(TorchFunctionMode):
    """Give batch norm contiguous pictures.

    In channels-last pictures, which follow convolutions, torch adds up float32 on a CPU: the result of a few
    thousand values per channel differs by 5e-4 from that in float64, and by 1e-2 for a million.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.batch_norm:
            args = (args[0].contiguous(), *args[1:])
        return func(*args, **(kwargs or {}))


class Step(NamedTuple):
    """Loss, gradients, and state after one step."""

    loss: Tensor
    gradients: dict[str, Tensor]
    state: dict[str, Tensor]


def connect(rank: int, store: Path) -> None:
    """Connect two processes."""
    dist.init_process_group(
        "gloo",
        store=dist.FileStore(str(store), 2),
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=100),
    )


def step(recipe: str, changes: list[str], division: Division | None) -> Step:
    """Compute two steps: the first one moves the random values on."""
    chosen = load_recipe(recipe, changes=changes)
    settings, audio = chosen.training, chosen.audio
    torch.manual_seed(0)
    network = build_network(chosen, genres=GENRES, tags=0)
    distill = None
    if chosen.distill is not None:
        source = MatchingSource(chosen.distill, load_teachers(chosen.distill), sample_rate=audio.sample_rate)
        lengths = embedding_lengths(network, channels=audio.channels, samples=audio.segment_samples)
        maps = network.body.map_channels
        distill = Distilling(chosen.distill, source, embeddings=lengths, maps=maps)
    objective = Objective(smoothing=[0.1] * ITEMS, class_weights=[0.5, 1.0, 1.5, 1.0], distill=distill)
    added = settings.not_music
    outliers = Outliers(added, sample_rate=audio.sample_rate) if added is not None else None
    task = GenreTask(network, settings, objective, seed=3, outliers=outliers, division=division)
    task.log_dict = task.log = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    task.train()
    shape = (ITEMS, audio.channels, audio.segment_samples * settings.view_segments)
    waveform = 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    label = torch.tensor([0, 3, -1, 1, 2])  # one without a genre
    batch = [waveform, label, torch.tensor([0, 1, 0, 0, 1]), torch.arange(ITEMS)]
    if division is not None:
        rows = rows_of(division.process, division.processes, ITEMS)
        batch = [each[rows.start : rows.stop] for each in batch]
    task.on_train_batch_start(tuple(batch), 0)
    for _ in range(2):
        task.zero_grad()
        with Contiguous() if division is None else nullcontext():
            loss = task.training_step(tuple(batch), 0)
        loss.backward()
    gradients = {}
    for name, weight in task.named_parameters():
        if weight.grad is not None:
            gradients[name] = weight.grad
            if division is not None:  # as DistributedDataParallel
                dist.all_reduce(weight.grad)
                weight.grad /= division.processes
    return Step(loss.detach(), gradients, dict(network.state_dict()))


if __name__ == "__main__":
    connect(1, Path(sys.argv[1]))
    for line in sys.stdin:
        name, *changed = json.loads(line)
        step(name, changed, Division(1, 2, ITEMS, ITEMS))
    dist.destroy_process_group()
