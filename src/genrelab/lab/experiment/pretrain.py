"""Pretraining: a network learns from teachers on music without labels, before any genre.

The folder of a pretraining holds `best.safetensors`, for `training.weights` of a recipe with the same inputs
and model; `sounds.csv` with the clips that were trained on, so that leak checks find them in later test
parts; and `pretraining.json` with how well the network predicts the teachers on clips of other artists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genrelab.errors import CorpusError, RecipeError, RunError
from genrelab.files import only_one, replace_text
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.identity import claim, identity_of
from genrelab.lab.plugins import plugins_used, record_plugins
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.known_recordings import write_sounds
from genrelab.lab.training.checkpoints import LAST
from genrelab.lab.training.data_loading import training_set
from genrelab.lab.training.experiment import Experiment, Report
from genrelab.lab.training.optimization.initial_weights import load_start
from genrelab.lab.training.optimization.objective import Distilling
from genrelab.lab.training.optimization.views import Views, cut
from genrelab.lab.training.train import Trained, follow, resolve_device, train

_HELD_OUT = 0.05
_LARGEST = 0.2  # share of the clips
_HELD_OUT_VIEWS = 512


@dataclass(frozen=True)
class Pretrained:
    """A finished pretraining.

    Attributes
    ----------
    folder : Path
    record : dict
        The content of `pretraining.json`.
    """

    folder: Path
    record: Mapping[str, Any]


def pretrain(
    recipe: Recipe,
    corpus: Corpus,
    *,
    seed: int,
    folder: Path,
    device: str = "auto",
    report: Report | None = None,
) -> Pretrained:
    """Train a network on the outputs of teachers, whatever the labels of the music.

    A pretraining that was stopped continues; a finished one is only read again.

    Parameters
    ----------
    recipe : Recipe
        With `distill.teachers`; its genres and the tags of the corpus are left out.
    corpus : Corpus
        All of its clips are used as if they had no labels. At least one clip in twenty is held out, by whole
        artists.
    seed : int
    folder : Path
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Shows progress.

    Raises
    ------
    RecipeError
        If the recipe has no teachers.
    CorpusError
        If there is no clip to train on.
    RunError
        If the folder holds another training or a damaged record, or another process works in it.
    """
    experiment = without_labels(recipe, corpus, seed=seed, report=report)
    resolve_device(device, experiment.recipe.training.precision)
    network = experiment.network()
    if not any((folder / name).is_file() for name in (LAST, folders.PRETRAINING)):
        load_start(network, experiment.recipe.training)  # all may fail, and must before anything is changed
    place = folder.absolute()  # `.` has no name
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with only_one(place.with_name(f".{place.name}.lock")):
            claim(folder, identity_of(experiment), remedy="choose another --to, or delete the folder")
            record_plugins(folder, plugins_used(experiment.recipe, None))
            if not (folder / folders.PRETRAINING).is_file():
                trained = train(experiment, folder=folder, device=device)
                write_sounds(folder, experiment)
                record = _record(experiment, trained)
                replace_text(
                    folder / folders.PRETRAINING, json.dumps(record, indent=1, ensure_ascii=False) + "\n"
                )
    except BlockingIOError as error:
        raise RunError(f"another genrelab is working in {folder}; wait for it", code="run-busy") from error
    return Pretrained(folder, _read(folder / folders.PRETRAINING))


def follow_pretraining(
    recipe: Recipe, corpus: Corpus, *, seed: int, folder: Path, device: str = "auto"
) -> None:
    """Train together with the process that calls `pretrain`, and do nothing else.

    Parameters
    ----------
    recipe, corpus, seed, folder, device
        As for `pretrain`.
    """
    follow(without_labels(recipe, corpus, seed=seed), folder=folder, device=device)


def _read(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not isinstance(record.get("held_out"), dict):
            raise ValueError("it is no record of a pretraining")
    except ValueError as error:
        raise RunError(
            f"cannot read {file}: {error}; delete it and repeat the command, which makes it again",
            code="pretraining-unreadable",
        ) from error
    return record


def without_labels(recipe: Recipe, corpus: Corpus, *, seed: int, report: Report | None = None) -> Experiment:
    """Return the experiment of a pretraining: no labels, some artists held out."""
    distill = recipe.distill
    if distill is None or not distill.teachers:
        raise RecipeError(
            f"the recipe {recipe.name} names no teacher to learn from; give --teacher FILE, the weights of a "
            "network",
            code="pretraining-without-teacher",
        )
    if not (distill.regress or distill.tags):
        raise RecipeError(
            f"the recipe {recipe.name} learns nothing from teachers without labels; set distill.regress or "
            "distill.tags",
            code="pretraining-without-targets",
        )
    training = recipe.training.model_copy(
        update={"choose_epoch_on": "none", "monitor": "last", "patience": None, "balance": "none"}
    )
    free = distill.model_copy(update={"genres": None, "unlabelled": True, "label_weight": 1.0})
    changed = recipe.model_copy(update={"training": training, "distill": free})
    clips = [replace(clip, genre=None, tags=None, label_origin=None) for clip in corpus.clips]
    held = _held_out(clips, seed)
    music = replace(corpus, clips=clips, genres=(), tags=(), published_splits={})
    made = f"{100 * _HELD_OUT:.0f} % of the clips held out by artist, seed {seed}"
    split = Split("pretraining", (), (), [clip.id for clip in clips if clip.id in held], made)
    return Experiment(changed, music, split, seed, report)


def _held_out(clips: Sequence[Clip], seed: int) -> set[str]:
    """Return the clips of drawn artists (a clip by an unknown artist counts as one), by their names.

    Artists are drawn until they have one clip in twenty; those with more than one in five are trained on,
    unless all have.
    """
    groups: dict[str, list[str]] = {}
    for clip in clips:
        groups.setdefault(artist_key(clip.artist) or clip.id, []).append(clip.id)
    found: set[str] = set()
    for group in sorted(groups, key=lambda each: _digest(seed, each)):
        if len(found) >= _HELD_OUT * len(clips):
            break
        if len(groups[group]) <= max(1, _LARGEST * len(clips)):
            found.update(groups[group])
    if len(groups) < 2:
        raise CorpusError("a pretraining needs clips of several artists", code="pretraining-one-artist")
    return found or set(sorted(groups.values(), key=len)[0])


def _digest(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed} {group}".encode("utf-8", "surrogatepass")).digest()


def _record(experiment: Experiment, trained: Trained) -> dict[str, Any]:
    corpus = experiment.corpus
    return {
        "recipe": experiment.recipe.name,
        "corpus": {"name": corpus.name, "licence": corpus.licence, "citation": corpus.citation},
        "seed": experiment.seed,
        "epochs": trained.epochs,
        "steps": trained.steps,
        "seconds": round(trained.seconds, 1),
        "device": trained.device,
        "precision": trained.precision,
        "learned": dict(trained.learned),
        "tags": list(experiment.tags),
        "versions": folders.versions(),
        "held_out": explained_variance(experiment, trained),
    }


def explained_variance(experiment: Experiment, trained: Trained) -> dict[str, Any]:
    """Return which share of the variance of each teacher's arrays a network explains on held-out clips.

    At most 512 views, evenly spread over the clips, without mixing and changes. The linear layers from the
    embedding to the arrays are those of the training. Fewer than two views have no variance to explain.
    """
    apart = set(experiment.split.test)
    clips = tuple(key for key in experiment.split.test if key in experiment.unlabelled_store)
    if not clips or trained.objective is None or trained.objective.distill is None:
        return {"clips": 0}
    turned = replace(experiment, split=replace(experiment.split, test=()))
    everything = training_set(turned)
    own = [
        number
        for number, (part, index) in enumerate(everything.items)
        if part.copy == 0 and part.items[index].clip_id in apart
    ]
    if len(own) < 2:
        return {"clips": len(clips), "views": len(own)}
    chosen = np.linspace(0, len(own) - 1, min(_HELD_OUT_VIEWS, len(own))).astype(int)
    views = [own[int(at)] for at in chosen]
    distill = trained.objective.distill.eval()
    network, segments = trained.network, experiment.recipe.training.view_segments
    count = dict.fromkeys(distill.source.sizes, 0)
    sums = {key: np.zeros((3, size)) for key, size in distill.source.sizes.items()}
    with torch.no_grad():
        for begin in range(0, len(views), 8):
            sound = torch.stack([everything.waveform((0, number)) for number in views[begin : begin + 8]])
            none = torch.zeros(len(sound), dtype=torch.long)
            batch = Views(none, none, None, segments, sound)
            taught = distill.source(batch)
            predicted = distill.predict(0, network(cut(sound, segments)).learning[0], batch)
            for key, targets in taught.arrays.items():
                truth, guess = _rows(targets, key, distill), _rows(predicted[key], key, distill)
                if distill.source.names[key] in distill.settings.tags:
                    guess = 1.0 / (1.0 + np.exp(-guess))
                count[key] += len(truth)
                sums[key] += np.stack(
                    [truth.sum(axis=0), (truth**2).sum(axis=0), ((truth - guess) ** 2).sum(axis=0)]
                )
    found: dict[str, Any] = {"clips": len(clips), "views": len(views)}
    for key, (total, squares, errors) in sums.items():
        # Summed over the values of an array: some of them hardly vary over few clips.
        variance = float((squares / count[key] - (total / count[key]) ** 2).sum())
        found[printable(key)] = round(float(1.0 - errors.sum() / count[key] / max(1e-9, variance)), 4)
    return found


def _rows(values: torch.Tensor, key: str, distill: Distilling) -> npt.NDArray[np.float64]:
    """Return the values of a batch, `[n, d]`: the mean over segments, or all places of maps."""
    if key in distill.source.layers:
        values = values.movedim(2, -1).flatten(0, -2)
    elif values.ndim == 3:
        values = values.mean(dim=1)
    return values.double().numpy()
