"""What a run keeps so that it can be stopped anywhere: best weights, last state, history.

Each file is written beside and then moved into place, so that a kill at any moment leaves the old one
or the new one. The best weights and the history are written before the last state: a run killed
between them repeats one epoch and writes the same again.
"""

from __future__ import annotations

import io
import math
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.io import TorchCheckpointIO
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from genrelab.errors import RunError
from genrelab.files import replace_file
from genrelab.lab.models import GenreNetwork

LAST = "last.ckpt"
BEST = "best.safetensors"
HISTORY = "history.csv"

_SAMPLED = 64

Row = dict[str, float]


class Checkpoints(Callback):
    """Keep the run after every epoch.

    Parameters
    ----------
    folder : Path
    network : GenreNetwork
        The one that is trained.
    monitor : str
        `valid_loss` (lower is better) or `valid_accuracy` (higher is better), of the part that chooses, or
        `last`, where each epoch is better than the one before.
    patience : int or None
        Epochs without a better monitor after which training ends; None never ends it.

    Attributes
    ----------
    history : list of dict
        A row an epoch, see `read_history`.
    start : list of str
        What is to be said of the weights that training started with; kept for a run that goes on.
    sample : Tensor or None
        Some of these weights, see `weights_sample`; None in a run that an earlier genrelab began.
    """

    def __init__(self, folder: Path, network: GenreNetwork, *, monitor: str, patience: int | None) -> None:
        self.folder = folder
        self.network = network
        self.monitor = monitor
        self.patience = patience
        self.history: list[Row] = []
        self.start: list[str] = []
        self.sample: torch.Tensor | None = None
        self.started = 0.0
        self.learning_rate = 0.0

    @property
    def sign(self) -> float:
        """1 where a higher value of the monitor is better, else -1."""
        return -1.0 if self.monitor.endswith("loss") else 1.0

    def best_epoch(self) -> int | None:
        """Return the epoch whose monitored value is best; the first among equals."""
        if self.monitor == "last":
            return int(self.history[-1]["epoch"]) if self.history else None
        rows = [row for row in self.history if math.isfinite(row[self.monitor])]
        if not rows:
            return None
        return int(max(rows, key=lambda row: self.sign * row[self.monitor])["epoch"])

    def out_of_patience(self) -> bool:
        """Tell whether the best epoch lies too far back."""
        if self.patience is None or not self.history:
            return False
        best = self.best_epoch()
        since = len(self.history) if best is None else self.history[-1]["epoch"] - best
        return since >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return what the last state keeps of this callback."""
        return {"history": self.history, "start": self.start, "sample": self.sample}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it up again."""
        self.history = state["history"]
        self.start = state["start"]
        self.sample = state.get("sample")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Sample the weights at the start; end when a run was killed between its last epoch and its end."""
        if not self.history:
            self.sample = weights_sample(self.network)
        trainer.should_stop = self.out_of_patience()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock of an epoch, and note its learning rate: at its end the next one's is set."""
        if batch_idx == 0:
            self.started = time.monotonic()
            self.learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the epoch and keep its weights if they are the best so far."""
        values = trainer.callback_metrics
        names = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
        found = {name: float(values.get(name, math.nan)) for name in names}
        row = {"epoch": float(trainer.current_epoch), **found}
        row["learning_rate"] = self.learning_rate
        row["seconds"] = round(time.monotonic() - self.started, 3)
        if not math.isfinite(row["train_loss"]):
            raise RunError(
                f"the training loss became {row['train_loss']} in epoch {trainer.current_epoch}; "
                "try a lower training.learning_rate or set training.gradient_clip",
                code="loss-not-finite",
            )
        self.history = [*self.history, row]
        best = self.best_epoch()
        if best is None or best == trainer.current_epoch:
            replace_file(self.folder / BEST, lambda path: save_weights(self.network, path))
        replace_file(self.folder / HISTORY, self._write_history)
        replace_file(self.folder / LAST, trainer.save_checkpoint)
        trainer.should_stop = trainer.should_stop or self.out_of_patience()

    def _write_history(self, path: Path) -> None:
        best = self.best_epoch()
        rows = [{**row, "best": float(int(row["epoch"]) == best)} for row in self.history]
        pd.DataFrame(rows).to_csv(path, index=False)


def read_history(folder: Path) -> list[Row]:
    """Return the rows of a run's history: epoch, losses, accuracies, learning rate, seconds, best (0, 1)."""
    frame = pd.read_csv(folder / HISTORY)
    return [{str(key): float(value) for key, value in row.items()} for row in frame.to_dict("records")]


def weights_sample(network: nn.Module) -> torch.Tensor:
    """Return up to 64 evenly spaced values of each of a network's weights, to see how far they move."""
    return torch.cat(
        [
            flat[:: max(1, len(flat) // _SAMPLED)][:_SAMPLED].double().cpu()
            for flat in (each.detach().flatten() for each in network.parameters())
        ]
    )


class PlainCheckpoints(TorchCheckpointIO):
    """Write a checkpoint where it belongs: Lightning begins it in the folder of temporary files."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write it; if the disk is full, the error is of this file."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).write_bytes(content.getbuffer())


def save_weights(network: GenreNetwork, path: Path) -> None:
    """Write a network's weights as safetensors."""
    path.write_bytes(save({key: value.contiguous().cpu() for key, value in network.state_dict().items()}))


def load_weights(network: GenreNetwork, path: Path) -> None:
    """Read weights that `save_weights` wrote.

    Raises
    ------
    RunError
        If the file is missing or damaged, or belongs to another network; keys are named.
    """
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"cannot read the weights {path}: {error}. Train again with --restart",
            code="run-weights-unreadable",
        ) from error
    _compare(weights, network, path)
    network.load_state_dict(weights)


def check_state(task: nn.Module, path: Path) -> None:
    """Refuse a last state that training cannot go on from.

    Raises
    ------
    RunError
        If the file is damaged, or belongs to another network; keys are named.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"cannot resume from {path}: it is damaged ({reason}); --restart trains from the start",
            code="checkpoint-damaged",
        ) from error
    _compare(weights, task, path)


def _compare(weights: Mapping[str, torch.Tensor], module: nn.Module, path: Path) -> None:
    """Raise unless weights have the keys and shapes of a module."""
    own = module.state_dict()
    missing, unexpected = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    shapes = [key for key in own.keys() & weights.keys() if own[key].shape != weights[key].shape]
    if missing or unexpected or shapes:
        raise RunError(
            f"{path} contains the weights of another network: missing {missing[:5]}, "
            f"unexpected {unexpected[:5]}, of another shape {sorted(shapes)[:5]}; "
            "--restart trains from the start",
            code="weights-of-another-network",
        )
