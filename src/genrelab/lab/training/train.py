"""Training, which can be stopped at any moment and continued."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

import genrelab
from genrelab.errors import RunError
from genrelab.files import naming
from genrelab.lab.models.base import GenreNetwork
from genrelab.lab.recipes.load import dump_recipe
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
    division_of,
    keep_outputs,
    learning_loader,
    training_set,
)
from genrelab.lab.training.dataset import SegmentDataset, TrainingSet
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.interrupt import Interrupt
from genrelab.lab.training.malloc import keep_freed_memory
from genrelab.lab.training.optimization.initial_weights import calibrate_start, load_start
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.optimization.objective_factory import make_objective
from genrelab.lab.training.optimization.outlier_exposure import Outliers
from genrelab.lab.training.parallel.group import current
from genrelab.lab.training.parallel.lightning import callbacks, plugins, trainer_options
from genrelab.lab.training.parallel.place import check_batch
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


@dataclass(frozen=True)
class _Setup:
    """What a process trains with."""

    task: GenreTask
    keep: Checkpoints
    trainer: L.Trainer
    learning: TrainingSet
    learn: DataLoader[Any]
    choose: DataLoader[Any] | None
    about: Mapping[str, Any]
    gpu: bool


def train(experiment: Experiment, *, folder: Path, device: str = "auto") -> Trained:
    """Train, or continue a training in `folder` that was stopped.

    The same recipe, data, seed, machine and device (and, if the recipe names one, the same file of initial
    weights) give the same weights, whether or not the run was stopped in between: every epoch draws its
    random values from the seed and its own number. If this process leads a group, all processes of the group
    train; the others call `follow`.

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
        If training breaks down (a loss or weights that are not numbers), the device is not available, or
        another process of the group has failed.
    KeyboardInterrupt
        If it was stopped by Ctrl-C; the finished epochs are kept.
    """
    group, settings = current(), experiment.recipe.training
    if group is not None:
        check_batch(settings.batch_size, group.place.size)
        group.start()
    interrupt = Interrupt()
    shown = [RunProgress(settings.choose_epoch_on), interrupt]
    setup = _prepare(experiment, folder, device, shown)
    network, keep = setup.task.network, setup.keep
    resumed = (folder / LAST).is_file()
    if group is not None:
        waiting = experiment.progress("waiting for the other processes")
        group.lead(_found(experiment, setup, folder, resumed), waiting)
    _begin(experiment, setup, folder, resumed)
    with interrupt, naming(folder / LOG):
        _fit(setup, folder, resumed)
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
    accelerator, precision = resolve_device(device, settings.precision)
    return Trained(
        network.cpu().eval(),
        best,
        len(keep.history),
        seconds,
        accelerator if group is None else f"{group.place.size} x {accelerator}",
        precision,
        tuple(keep.start),
        tuple(len(copy.labels) for copy in setup.learning.copies[1:]),
        setup.about,
        len(keep.history) * len(setup.learn),
        _moved(keep.sample, network),
        setup.task.objective.cpu(),
    )


def follow(experiment: Experiment, *, folder: Path, device: str = "auto") -> None:
    """Train together with process 0, which calls `train`; return after the last epoch.

    Parameters
    ----------
    experiment, folder, device
        As for `train`.

    Raises
    ------
    GenrelabError
        If this process cannot train, has prepared something else than process 0, or another one has failed.
    """
    group = current()
    assert group is not None
    group.start()
    told = group.ready()
    if told is None:  # the run is finished
        return
    setup = _prepare(replace(experiment, report=None, verify=group.first_here), folder, device, [])
    resumed = bool(told["resumed"])
    group.prepared(told, _found(experiment, setup, folder, resumed))
    _begin(experiment, setup, folder, resumed)
    _fit(setup, folder, resumed)


def _prepare(experiment: Experiment, folder: Path, device: str, shown: Sequence[Callback]) -> _Setup:
    """Open the stores, and build the network, its loss and the trainer."""
    recipe, seed, group = experiment.recipe, experiment.seed, current()
    settings, place = recipe.training, None if group is None else group.place
    accelerator, precision = resolve_device(device, settings.precision)
    gpu = accelerator == "gpu"
    keep_freed_memory()
    L.seed_everything(seed, workers=True, verbose=False)
    network = experiment.network()
    learning = training_set(experiment)
    choosing = choosing_set(experiment, network)
    objective, about = make_objective(experiment, learning, network)
    if group is None:
        _keep_outputs(experiment, network, learning, choosing, gpu)
    outliers = (
        Outliers(settings.not_music, sample_rate=recipe.audio.sample_rate) if settings.not_music else None
    )
    division = None if place is None else division_of(learning, settings, place)
    task = GenreTask(network, settings, objective, seed=seed, outliers=outliers, division=division)
    keep = Checkpoints(folder, network, monitor=settings.monitor, patience=settings.patience)
    learn = learning_loader(learning, settings, seed=seed, gpu=gpu, place=place)
    choose = choosing_loader(choosing, settings, gpu=gpu, place=place)
    keep_quiet()
    trainer = L.Trainer(
        accelerator=accelerator,
        precision=precision,
        max_epochs=settings.max_epochs,
        callbacks=[keep, *shown, *callbacks(group)],
        logger=TensorBoardLogger(folder, name="", version=LOG),
        plugins=[PlainCheckpoints(), *plugins(group)],
        gradient_clip_val=settings.gradient_clip,
        deterministic="warn",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        **trainer_options(group),
    )
    return _Setup(task, keep, trainer, learning, learn, choose, about, gpu)


def _keep_outputs(
    experiment: Experiment,
    network: GenreNetwork,
    learning: TrainingSet,
    choosing: SegmentDataset | None,
    gpu: bool,
) -> None:
    """Keep outputs of front-ends, computed on the device of the training."""
    network.frontends.to("cuda" if gpu else "cpu")
    keep_outputs(experiment, network, learning, choosing)
    network.frontends.to("cpu")


def _found(experiment: Experiment, setup: _Setup, folder: Path, resumed: bool) -> dict[str, Any]:
    """Return what all processes of a group must find alike."""
    last = folder / LAST
    sound = [
        [key, each.store.checksum(key)]
        for each in (*setup.learning.copies, *setup.learning.unlabelled)
        for key in each.labels
    ]
    chosen = [] if setup.choose is None else [each.clip_id for each in setup.choose.dataset.items]  # type: ignore[attr-defined]
    return {
        "resumed": resumed,
        "recipe": _hash(dump_recipe(experiment.recipe)),
        "seed": experiment.seed,
        "training clips": _hash(json.dumps(sound)),
        "clips that choose the epoch": _hash(json.dumps(chosen)),
        LAST: hashlib.sha256(last.read_bytes()).hexdigest() if resumed and last.is_file() else None,
        "version of genrelab": genrelab.__version__,
        "version of torch": torch.__version__,
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _begin(experiment: Experiment, setup: _Setup, folder: Path, resumed: bool) -> None:
    """Check the last state, or make the initial weights."""
    group, settings, network = current(), experiment.recipe.training, setup.task.network
    if resumed:
        check_state(setup.task, folder / LAST)
        return
    setup.keep.start = load_start(network, settings)
    network.to(f"cuda:{group.place.local}" if setup.gpu and group else "cuda" if setup.gpu else "cpu")
    first = learning_loader(setup.learning, settings, seed=experiment.seed, gpu=False)
    setup.keep.start += calibrate_start(network, (waveform for waveform, *_ in first))


def _fit(setup: _Setup, folder: Path, resumed: bool) -> None:
    """Train, from the last state if there is one."""
    group, last = current(), folder / LAST if resumed else None
    with nullcontext() if group is None else group.training(gpu=setup.gpu):
        setup.trainer.fit(setup.task, setup.learn, setup.choose, ckpt_path=last, weights_only=True)


def _moved(start: torch.Tensor | None, network: GenreNetwork) -> float | None:
    """Return how far the weights are from a sample of them at the start, relative to its size."""
    if start is None:
        return None
    return float((weights_sample(network) - start).norm() / start.norm().clamp_min(1e-30))
