"""Train a recipe on a split of a corpus, stop anywhere, go on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from genrelab.errors import CorpusError, RunError
from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.corpora.derived import derive
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.duration import shortest_samples
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.checkpoints import BEST, LAST, Checkpoints, check_state, load_weights
from genrelab.lab.training.dataset import EpochSampler, EqualBatches, SegmentDataset, TrainingSet
from genrelab.lab.training.interrupt import Interrupt
from genrelab.lab.training.memory import keep_freed_memory
from genrelab.lab.training.progress import RunProgress
from genrelab.lab.training.start import calibrate_start, load_start
from genrelab.lab.training.store import AudioStore, open_store
from genrelab.lab.training.task import GenreTask

_GPU_WORKERS = 4
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Report = Callable[[str, int, int], None]


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
        How many were trained in all.
    seconds : float
        What they took together, validation included.
    device, precision : str
        Where and how.
    start : tuple of str
        What is to be said of the weights that it started with, e.g. which layers were random after all.
    copies : tuple of int
        How many clips each of the recipe's copies was made of.
    """

    network: GenreNetwork
    best_epoch: int
    epochs: int
    seconds: float
    device: str
    precision: str
    start: tuple[str, ...] = ()
    copies: tuple[int, ...] = ()


def parts_used(training: Training, split: Split) -> tuple[Sequence[str], Sequence[str]]:
    """Return the clips that are learned, and the clips that choose the epoch.

    With `choose_epoch_on: test` all clips outside the test part are learned.
    """
    if training.choose_epoch_on == "test":
        return [*split.train, *split.valid], split.test
    return split.train, split.valid


def copied_ids(recipe: Recipe, split: Split) -> Sequence[str]:
    """Return the clips whose copies are learned: those that are learned, unless the recipe asks for a leak.

    With `augment.copies_of: train+valid` the copies of the validation clips are learned, too. Copies of test
    clips never are.
    """
    learned, _ = parts_used(recipe.training, split)
    if recipe.augment.copies_of == "train+valid":
        return list(dict.fromkeys([*learned, *split.valid]))
    return learned


def labels_of(corpus: Corpus, ids: Sequence[str], store: AudioStore) -> dict[str, int]:
    """Return clip id -> class number of those clips that the store holds, in the order of `ids`."""
    number = {genre: index for index, genre in enumerate(corpus.genres)}
    clips = corpus.by_id()
    return {key: number[genre] for key in ids if key in store and (genre := clips[key].genre) is not None}


def resolve_device(
    device: str, precision: Literal["auto", "full", "mixed"] = "auto"
) -> tuple[Literal["cpu", "gpu"], Precision]:
    """Return accelerator and precision.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"}
    precision : {"auto", "full", "mixed"}
        `auto` is mixed on a GPU and full on the CPU.

    Raises
    ------
    RunError
        If a GPU is asked for and there is none.
    """
    if device not in {"auto", "cpu", "gpu"}:
        raise RunError(f"unknown device {device!r}; there are auto, cpu and gpu")
    there = torch.cuda.is_available()
    if device == "gpu" and not there:
        raise RunError("no GPU that torch can use was found; take --device cpu")
    if device == "cpu" or not there:
        return "cpu", "bf16-mixed" if precision == "mixed" else "32-true"
    if precision == "full":
        return "gpu", "32-true"
    return "gpu", "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def train(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    *,
    folder: Path,
    seed: int,
    device: str = "auto",
    report: Report | None = None,
) -> Trained:
    """Train, or go on where a run in `folder` was stopped.

    The same recipe, data, seed, machine and device (and, if the recipe names one, the same file of weights
    to start with) give the same weights, whether or not the run was stopped in between: every epoch draws
    its random values from the seed and its own number.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    split : Split
        `train` is learned, `valid` chooses the epoch; `test` is not touched. With the recipe's
        `training.choose_epoch_on: test`, `train` and `valid` are learned and `test` chooses the epoch:
        what is measured on it afterwards is too high. Copies are learned of `copied_ids`.
    store : AudioStore
        Of this corpus, at the recipe's rate.
    folder : Path
        The run folder; checkpoints, history and the TensorBoard log go there.
    seed : int, 0 to 2**32 - 1
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Called with what is made before training (copies), how much of it is done, and of how much.

    Returns
    -------
    Trained

    Raises
    ------
    CorpusError
        If no clip is left to train or to choose the epoch, or no copy can be made.
    RecipeError
        If the weights to start with are not to be had, or fit another network.
    RunError
        If training breaks down (a loss that is not a number), or the device is not there.
    KeyboardInterrupt
        If it was stopped by Ctrl-C; the finished epochs are kept.
    """
    settings = recipe.training
    accelerator, precision = resolve_device(device, settings.precision)
    keep_freed_memory()
    L.seed_everything(seed, workers=True, verbose=False)
    network = build_network(recipe, genres=len(corpus.genres))
    task = GenreTask(network, settings, seed=seed)
    keep = Checkpoints(folder, network, monitor=settings.monitor, patience=settings.patience)
    learning = training_set(recipe, corpus, split, store, seed=seed, report=report)
    choosing = _choosing_set(recipe, corpus, split, store, network, seed=seed)
    gpu = accelerator == "gpu"
    learn = _learning_loader(learning, settings.batch_size, seed=seed, gpu=gpu)
    choose = DataLoader(choosing, batch_sampler=EqualBatches(choosing, settings.batch_size), **_workers(gpu))
    interrupt = Interrupt()
    _quiet()
    trainer = L.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,
        max_epochs=settings.max_epochs,
        callbacks=[keep, RunProgress(settings.choose_epoch_on), interrupt],
        logger=TensorBoardLogger(folder, name="", version="log"),
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
        first = _learning_loader(learning, settings.batch_size, seed=seed, gpu=False)
        keep.start += calibrate_start(network, (waveform for waveform, *_ in first))
    with interrupt:
        trainer.fit(task, learn, choose, ckpt_path=last if last.is_file() else None, weights_only=True)
    load_weights(network, folder / BEST)
    best = keep.best_epoch()
    if best is None:
        raise RunError(
            f"the {settings.choose_epoch_on} loss of {folder} was never a finite number; "
            "try a lower learning rate"
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
    )


def training_set(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    *,
    seed: int,
    report: Report | None = None,
) -> TrainingSet:
    """Return what a recipe learns of a split: the segments of clips, and of their copies.

    The sound of copies is made of the whole corpus and kept, as a store is, for other splits and seeds.

    Parameters
    ----------
    recipe, corpus, split, store, seed, report
        As `train` takes them.

    Raises
    ------
    CorpusError
        If no clip is left to train, or no copy can be made.
    """
    audio, drawn = recipe.audio, recipe.training.segments_per_clip
    learned, _ = parts_used(recipe.training, split)
    labels = _labels(corpus, split, store, "train", learned)
    made = [SegmentDataset(store, labels, audio, seed=seed, drawn=drawn)]
    for number, part in enumerate(recipe.augment.copies, start=1):
        copy = make_copy(part.kind, part.options())
        where = store
        if not isinstance(copy, PictureCopy):
            where = open_store(
                derive(corpus, copy),
                sample_rate=audio.sample_rate,
                channels=audio.channels,
                report=partial(report, f"copying with {copy.name}") if report else None,
            )
        labels = labels_of(corpus, copied_ids(recipe, split), where)
        made.append(SegmentDataset(where, labels, audio, seed=seed, drawn=drawn, copy=number))
    return TrainingSet(made)


def _choosing_set(
    recipe: Recipe, corpus: Corpus, split: Split, store: AudioStore, network: GenreNetwork, *, seed: int
) -> SegmentDataset:
    settings, audio = recipe.training, recipe.audio
    _, choosing = parts_used(settings, split)
    labels = _labels(corpus, split, store, settings.choose_epoch_on, choosing)
    spread, shortest = settings.valid_segments_per_clip, shortest_samples(network, audio)
    return SegmentDataset(store, labels, audio, seed=seed, spread=spread, testing=True, shortest=shortest)


def _labels(corpus: Corpus, split: Split, store: AudioStore, part: str, ids: Sequence[str]) -> dict[str, int]:
    labels = labels_of(corpus, ids, store)
    if not labels:
        raise CorpusError(
            f"the {part} part of the split {split.name!r} of {corpus.name!r} holds no usable clip"
        )
    return labels


def _learning_loader(dataset: TrainingSet, size: int, *, seed: int, gpu: bool) -> DataLoader[Any]:
    return DataLoader(
        dataset,
        batch_size=size,
        sampler=EpochSampler(len(dataset), seed=seed, shuffle=True),
        # A last batch of one item has no variance for batch norm.
        drop_last=len(dataset) > size and len(dataset) % size == 1,
        **_workers(gpu),
    )


def _workers(gpu: bool) -> dict[str, Any]:
    return {
        "num_workers": _GPU_WORKERS if gpu else 0,
        "persistent_workers": gpu,
        "pin_memory": gpu,
    }


def _quiet() -> None:
    """Keep Lightning's advertisements and hints about workers out of a user's terminal."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
