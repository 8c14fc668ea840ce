"""Training, which can be stopped at any moment and continued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from genrelab.errors import RunError
from genrelab.files import naming
from genrelab.lab.models.base import GenreNetwork
from genrelab.lab.training.checkpoints import (
    BEST,
    LAST,
    Checkpoints,
    PlainCheckpoints,
    check_state,
    load_weights,
    weights_sample,
)
from genrelab.lab.training.data_loading import (
    choosing_loader,
    choosing_set,
    learning_loader,
    training_set,
)
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.interrupt import Interrupt
from genrelab.lab.training.malloc import keep_freed_memory
from genrelab.lab.training.optimization.initial_weights import calibrate_start, load_start
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.optimization.objective_factory import make_objective
from genrelab.lab.training.optimization.outlier_exposure import Outliers
from genrelab.lab.training.progress import RunProgress, keep_quiet
from genrelab.lab.training.task import GenreTask

LOG = "log"  # TensorBoard's
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes
    ----------
    network : GenreNetwork
        With the weights of the best epoch, in evaluation mode, on the CPU.
    best_epoch : int
        Counted from 0.
    epochs : int
        Number of trained epochs.
    seconds : float
        Duration of all epochs, validation included.
    device, precision : str
    start : tuple of str
        Notes on the initial weights, such as which layers were random after all.
    copies : tuple of int
        How many clips each of the recipe's copies was made of.
    learned : dict
        How many clips were trained on, with and without labels, and with which targets, for the record.
    steps : int
        Of the optimizer, in all epochs.
    moved : float or None
        How far the kept weights are from those at the start, relative to their size; None if unknown.
    objective : Objective or None
        The loss of the last epoch, with the layers that only training needs.
    """

    network: GenreNetwork
    best_epoch: int
    epochs: int
    seconds: float
    device: str
    precision: str
    start: tuple[str, ...] = ()
    copies: tuple[int, ...] = ()
    learned: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0
    moved: float | None = None
    objective: Objective | None = None


def resolve_device(
    device: str, precision: Literal["auto", "full", "mixed", "fast"] = "auto"
) -> tuple[Literal["cpu", "gpu"], Precision]:
    """Return accelerator and precision.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"}
    precision : {"auto", "full", "mixed", "fast"}
        `auto` is mixed on a GPU and full on the CPU; `fast` is mixed on a GPU, and on a processor with units
        for bfloat16.

    Raises
    ------
    RunError
        If a GPU is asked for and there is none.
    """
    if device not in {"auto", "cpu", "gpu"}:
        raise RunError(f"unknown device {device!r}; choose auto, cpu or gpu", code="device-unknown")
    there = torch.cuda.is_available()
    if device == "gpu" and not there:
        raise RunError("torch finds no GPU that it can use; choose --device cpu", code="no-gpu")
    if device == "cpu" or not there:
        half = precision == "mixed" or (precision == "fast" and _bfloat16_units())
        return "cpu", "bf16-mixed" if half else "32-true"
    if precision == "full":
        return "gpu", "32-true"
    return "gpu", "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _bfloat16_units() -> bool:
    """Return whether the processor multiplies bfloat16 numbers itself; emulation is many times slower."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def train(experiment: Experiment, *, folder: Path, device: str = "auto") -> Trained:
    """Train, or continue a training in `folder` that was stopped.

    The same recipe, data, seed, machine and device (and, if the recipe names one, the same file of initial
    weights) give the same weights, whether or not the run was stopped in between: every epoch draws its
    random values from the seed and its own number.

    Parameters
    ----------
    experiment : Experiment
        The part `train` of its split is trained on, `valid` chooses the epoch, `test` is not used. With the
        recipe's `training.choose_epoch_on: test`, `train` and `valid` are trained on and `test` chooses the
        epoch: what is measured on it afterwards is too high. With `none`, nothing chooses.
    folder : Path
        The run folder, for checkpoints, history and the TensorBoard log.
    device : {"auto", "cpu", "gpu"}

    Returns
    -------
    Trained

    Raises
    ------
    CorpusError
        If no clip is left to train on or to choose the epoch, or no copy can be made.
    RecipeError
        If the initial weights cannot be found or fit another network.
    RunError
        If training breaks down (a loss or weights that are not numbers), or the device is not available.
    KeyboardInterrupt
        If it was stopped by Ctrl-C; the finished epochs are kept.
    """
    recipe, seed = experiment.recipe, experiment.seed
    settings = recipe.training
    accelerator, precision = resolve_device(device, settings.precision)
    keep_freed_memory()
    L.seed_everything(seed, workers=True, verbose=False)
    network = experiment.network()
    learning = training_set(experiment)
    choosing = choosing_set(experiment, network)
    objective, about = make_objective(experiment, learning, network)
    outliers = (
        Outliers(settings.not_music, sample_rate=recipe.audio.sample_rate) if settings.not_music else None
    )
    task = GenreTask(network, settings, objective, seed=seed, outliers=outliers)
    keep = Checkpoints(folder, network, monitor=settings.monitor, patience=settings.patience)
    gpu = accelerator == "gpu"
    learn = learning_loader(learning, settings, seed=seed, gpu=gpu)
    choose = choosing_loader(choosing, settings, gpu=gpu)
    interrupt = Interrupt()
    keep_quiet()
    trainer = L.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,
        max_epochs=settings.max_epochs,
        callbacks=[keep, RunProgress(settings.choose_epoch_on), interrupt],
        logger=TensorBoardLogger(folder, name="", version=LOG),
        plugins=[PlainCheckpoints()],
        gradient_clip_val=settings.gradient_clip,
        deterministic="warn",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    last = folder / LAST
    if last.is_file():
        check_state(task, last)
    else:
        keep.start = load_start(network, settings)
        network.to("cuda" if gpu else "cpu")
        first = learning_loader(learning, settings, seed=seed, gpu=False)
        keep.start += calibrate_start(network, (waveform for waveform, *_ in first))
    with interrupt, naming(folder / LOG):
        trainer.fit(task, learn, choose, ckpt_path=last if last.is_file() else None, weights_only=True)
    load_weights(network, folder / BEST)
    best = keep.best_epoch()
    if best is None:
        raise RunError(
            f"the {settings.choose_epoch_on} loss of {folder} was never a finite number; try a lower "
            "learning rate",
            code="loss-never-finite",
        )
    if not all(bool(torch.isfinite(each).all()) for each in network.parameters()):
        raise RunError(
            f"the weights {folder / BEST}, of epoch {best}, are not all finite numbers; try a lower "
            "training.learning_rate or set training.gradient_clip, with --restart",
            code="weights-not-finite",
        )
    seconds = sum(row["seconds"] for row in keep.history)
    return Trained(
        network.cpu().eval(),
        best,
        len(keep.history),
        seconds,
        accelerator,
        precision,
        tuple(keep.start),
        tuple(len(copy.labels) for copy in learning.copies[1:]),
        about,
        len(keep.history) * len(learn),
        _moved(keep.sample, network),
        objective.cpu(),
    )


def _moved(start: torch.Tensor | None, network: GenreNetwork) -> float | None:
    """Return how far the weights are from a sample of them at the start, relative to its size."""
    if start is None:
        return None
    return float((weights_sample(network) - start).norm() / start.norm().clamp_min(1e-30))
