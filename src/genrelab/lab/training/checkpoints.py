"""The files that let a run stop and resume at any time: best weights, last state, history.

Each file is written under another name and then moved into place: a kill at any time leaves the old or the
new file. The best weights and the history are written before the last state: a run that is killed between
them repeats one epoch with the same result.
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
    """Save the run after every epoch.

    Parameters
    ----------
    folder : Path
    network : GenreNetwork
        The network in training.
    monitor : str
        `valid_loss` (lower is better) or `valid_accuracy` (higher is better), of the part that chooses the
        epoch, or `last`: each epoch counts as better than the previous one.
    patience : int or None
        Number of epochs without a better monitor after which training ends; None disables this.

    Attributes
    ----------
    history : list of dict
        One row per epoch, see `read_history`.
    start : list of str
        Notes on the initial weights; kept when a run resumes.
    sample : Tensor or None
        Some of the initial weights, see `weights_sample`; None in runs of earlier versions.
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
        """Return the epoch with the best monitored value; the first one among equals."""
        if self.monitor == "last":
            return int(self.history[-1]["epoch"]) if self.history else None
        rows = [row for row in self.history if math.isfinite(row[self.monitor])]
        if not rows:
            return None
        return int(max(rows, key=lambda row: self.sign * row[self.monitor])["epoch"])

    def out_of_patience(self) -> bool:
        """Return whether the best epoch is too long ago."""
        if self.patience is None or not self.history:
            return False
        best = self.best_epoch()
        since = len(self.history) if best is None else self.history[-1]["epoch"] - best
        return since >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this callback."""
        return {"history": self.history, "start": self.start, "sample": self.sample}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of this callback."""
        self.history = state["history"]
        self.start = state["start"]
        self.sample = state.get("sample")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Sample the initial weights; stop if a run was killed after its last epoch."""
        if not self.history:
            self.sample = weights_sample(self.network)
        trainer.should_stop = self.out_of_patience()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock of an epoch and record its learning rate, which changes before the epoch ends."""
        if batch_idx == 0:
            self.started = time.monotonic()
            self.learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Record the epoch, and save its weights if they are the best so far."""
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
        if trainer.is_global_zero:
            best = self.best_epoch()
            if best is None or best == trainer.current_epoch:
                replace_file(self.folder / BEST, lambda path: save_weights(self.network, path))
            replace_file(self.folder / HISTORY, self._write_history)
            replace_file(self.folder / LAST, trainer.save_checkpoint)
        else:  # takes part, and writes nothing
            trainer.save_checkpoint(self.folder / LAST)
        stop = trainer.should_stop or self.out_of_patience()
        trainer.should_stop = bool(trainer.strategy.broadcast(stop))

    def _write_history(self, path: Path) -> None:
        best = self.best_epoch()
        rows = [{**row, "best": float(int(row["epoch"]) == best)} for row in self.history]
        pd.DataFrame(rows).to_csv(path, index=False)


def read_history(folder: Path) -> list[Row]:
    """Return the rows of a run's history: epoch, losses, accuracies, learning rate, seconds, best (0, 1)."""
    frame = pd.read_csv(folder / HISTORY)
    return [{str(key): float(value) for key, value in row.items()} for row in frame.to_dict("records")]


def weights_sample(network: nn.Module) -> torch.Tensor:
    """Return up to 64 evenly spaced values of each weight of a network, to measure how far they move."""
    return torch.cat(
        [
            flat[:: max(1, len(flat) // _SAMPLED)][:_SAMPLED].double().cpu()
            for flat in (each.detach().flatten() for each in network.parameters())
        ]
    )


class PlainCheckpoints(TorchCheckpointIO):
    """Write checkpoints in their folder; Lightning would start them in the folder of temporary files."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint; if the disk is full, the error names this file."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).write_bytes(content.getbuffer())


def save_weights(network: GenreNetwork, path: Path) -> None:
    """Write a network's weights as safetensors."""
    path.write_bytes(save({key: value.contiguous().cpu() for key, value in network.state_dict().items()}))


def load_weights(network: GenreNetwork, path: Path) -> None:
    """Load weights from a file of `save_weights`.

    Raises
    ------
    RunError
        If the file is missing or damaged, or belongs to another network; the message names keys.
    """
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"cannot read the weights {path}: {error}. Train again with --restart",
            code="run-weights-unreadable",
        ) from error
    _check_fit(weights, network, path)
    network.load_state_dict(weights)


def check_state(task: nn.Module, path: Path) -> None:
    """Raise unless training can resume from a checkpoint.

    Raises
    ------
    RunError
        If the file is damaged, or belongs to another network; the message names keys.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"cannot resume from {path}: it is damaged ({reason}); --restart trains from the start",
            code="checkpoint-damaged",
        ) from error
    _check_fit(weights, task, path)


def _check_fit(weights: Mapping[str, torch.Tensor], module: nn.Module, path: Path) -> None:
    """Raise unless weights match the keys and shapes of a module."""
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
