"""What a training shows on the terminal: a progress bar, and no messages of the libraries."""

from __future__ import annotations

import logging
import math
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from genrelab.console import Pace, PlainConsole


class RunProgress(Callback):
    """Show the run on standard error: a bar on a terminal, lines elsewhere.

    There is a line per epoch, and within an epoch one every 30 s. The remaining time covers all epochs; early
    stopping may end the run sooner.

    Parameters
    ----------
    chosen_on : {"valid", "test", "none"}
        The part that chooses the epoch, for the text; with `none` its figures are omitted.
    """

    def __init__(self, chosen_on: str = "valid") -> None:
        self.chosen_on = chosen_on
        self.console = PlainConsole(file=sys.stderr)
        self.bar: Progress | None = None
        self.pace: Pace | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the bar, at the epoch where the run resumes."""
        batches = int(trainer.num_training_batches)
        done = batches * trainer.current_epoch
        if not self.console.is_terminal:
            self.pace = Pace(done)
            return
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            TimeRemainingColumn(),
            TextColumn("left  {task.fields[numbers]}"),
            console=self.console,
        )
        total = batches * (trainer.max_epochs or 1)
        self.task = self.bar.add_task("epoch", total=total, completed=done, numbers="")
        self.bar.start()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the bar, or print a line if the last one is long ago."""
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        if self.bar is not None:
            self.bar.update(self.task, advance=1, description=epoch)
        elif self.pace is not None and self.pace.due():
            batches, step = int(trainer.num_training_batches), batch_idx + 1
            loss = float(outputs["loss"]) if isinstance(outputs, Mapping) else math.nan
            left = self.pace.left(batches * trainer.current_epoch + step, batches * (trainer.max_epochs or 1))
            parts = [epoch, f"step {step}/{batches}", f"loss {loss:.3f}", left]
            self.console.print("  ".join(filter(None, parts)), soft_wrap=True)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Print a line if the last one is long ago."""
        if self.pace is not None and self.pace.due():
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            batches = sum(int(number) for number in trainer.num_val_batches)
            self.console.print(f"{epoch}  {self.chosen_on}: step {batch_idx + 1}/{batches}", soft_wrap=True)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the epoch's figures."""
        values = trainer.callback_metrics
        shown = {name: float(values[name]) for name in values}
        parts = [
            (name, part) for name, part in (("train", "train"), ("valid", self.chosen_on)) if part != "none"
        ]

        def figures(name: str, digits: int) -> str:
            loss, accuracy = f"loss {shown[f'{name}_loss']:.3f}", shown.get(f"{name}_accuracy", math.nan)
            return loss if math.isnan(accuracy) else f"{loss} accuracy {accuracy:.{digits}f}"

        short, numbers = (
            "  ".join(f"{part}{colon} {figures(name, digits)}" for name, part in parts)
            for colon, digits in (("", 2), (":", 3))
        )
        if self.bar is not None:
            self.bar.update(self.task, numbers=short)
        else:
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            self.console.print(f"{epoch}  {numbers}", soft_wrap=True)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove the bar."""
        self._stop()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Remove the bar."""
        self._stop()

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def keep_quiet() -> None:
    """Suppress advertisements, hints about workers and duplicate tracebacks of the libraries."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*defined a `validation_step` but have no.*")
    warnings.filterwarnings("ignore", message=".*when logging on epoch level in distributed setting.*")
    warnings.filterwarnings("ignore", message=".*broadcast_buffers. is deprecated.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
    threading.excepthook = _report_thread_error


_REPORT = threading.excepthook


def _report_thread_error(about: threading.ExceptHookArgs) -> None:
    """Report errors of threads, but not of TensorBoard's writer: the main thread raises the same error."""
    if not type(about.thread).__module__.startswith("tensorboard."):
        _REPORT(about)
