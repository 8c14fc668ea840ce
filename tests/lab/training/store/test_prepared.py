"""Prepared batches: epochs take turns with views whose outputs of fixed layers and teachers are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from killed import Killed, same
from published_fcn import write_published
from raising import raises
from safetensors.torch import load_file
from torch import Tensor

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import build_network
from genrelab.lab.models.fcn import FullyConvolutional
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.checkpoints import BEST, Checkpoints
from genrelab.lab.training.data_loading import prepared_batches
from genrelab.lab.training.dataset import TrainingSet
from genrelab.lab.training.distillation.teacher_set import NamedTeacher
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.prepared import FOLDER
from genrelab.lab.training.task import GenreTask
from genrelab.lab.training.train import Trained, train

Go = Callable[..., Trained]
INPUTS = {"mel": {"kind": "mel", "n_fft": 128, "hop_length": 12, "n_mels": 24}}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_published(tmp_path_factory.mktemp("teachers") / "one.safetensors"))


def recipe(*changes: str) -> Recipe:
    small = [
        "audio.sample_rate=8000", "audio.segment_seconds=0.5", "training.batch_size=4",
        "training.max_epochs=4", "training.view_segments=2", "training.precision=full",
        f"inputs={json.dumps(INPUTS)}", "model.widths=[4, 4, 4, 5, 6]", "tags=null",
    ]  # fmt: skip
    return load_recipe("genres-and-tags", changes=[*small, *changes])


def taught(teacher: str, *changes: str) -> Recipe:
    distill = {"teachers": [teacher], "regress": {"pen": 1.0, "layers": 1.0}, "label_weight": 0.5}
    distill |= {"genres": {"from": ["multi"], "folds": 2, "C": 0.1}}
    return recipe("distill=null", f"distill={json.dumps(distill)}", *changes)


@pytest.fixture(scope="module")
def start(go: Go, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Initial weights: one epoch without a teacher."""
    folder = tmp_path_factory.mktemp("start")
    go(recipe("distill=null", "training.max_epochs=1"), folder)
    return str(folder / BEST)


@pytest.fixture(scope="module")
def go(corpus: Corpus, split: Split) -> Go:
    def go(recipe: Recipe, folder: Path) -> Trained:
        folder.mkdir(exist_ok=True)
        return train(Experiment(recipe, corpus, split, 0), folder=folder, device="cpu")

    return go


def fixed(start: str, layers: int = 3, epochs: int | None = 2) -> list[str]:
    prepared = "null" if epochs is None else epochs
    return [
        f"training.weights={start}",
        f"training.fixed_layers={layers}",
        f"training.prepared_epochs={prepared}",
    ]


@pytest.mark.parametrize("layers", range(5))
def test_a_network_is_its_stem_and_the_rest(layers: int) -> None:
    torch.manual_seed(0)
    network = FullyConvolutional(inputs={"mel": (1, 24, 333)}, genres=3, widths=(3, 4, 5, 6, 7)).eval()
    sound = {"mel": torch.randn(2, 1, 24, 333)}
    whole, parts = network(sound), network.finish(network.stem(sound, layers), layers)
    assert torch.equal(whole.logits, parts.logits) and torch.equal(whole.embedding, parts.embedding)
    assert all(map(torch.equal, whole.maps[layers:], parts.maps[layers:]))
    assert [each.numel() for each in parts.maps[:layers]] == [0] * layers
    inside = {id(value) for module in network.first(layers) for value in module.parameters()}
    outside = {id(value) for module in network.layers[layers:] for value in module.parameters()}
    assert inside and outside and not inside & outside


def test_fixed_layers_stay_as_they_were(go: Go, start: str, teacher: str, tmp_path: Path) -> None:
    trained = go(taught(teacher, *fixed(start)), tmp_path / "run")
    before, after = load_file(start), trained.network.state_dict()
    moved = {key for key, value in after.items() if key in before and not torch.equal(value, before[key])}
    kept = {
        key for key in after if key.startswith(("body.normalize", *(f"body.layers.{n}." for n in range(3))))
    }
    assert kept and not moved & kept
    assert {"body.layers.3.0.weight", "body.layers.4.0.weight", "body.classify.weight"} <= moved
    assert not (tmp_path / "run" / FOLDER).exists()


def test_views_are_prepared_once(
    go: Go, start: str, teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, seen = [], list[list[Tensor]]()
    ask, loss, begin = NamedTeacher.ask, GenreTask._loss, GenreTask.on_train_batch_start

    def count(self: NamedTeacher, sound: Tensor, **options: Any) -> Any:
        asked.append(len(sound))
        return ask(self, sound, **options)

    def note_epoch(self: GenreTask, batch: Any, batch_index: int) -> None:
        if batch_index == 0:
            seen.append([])
            asked.clear() if len(seen) == 3 else None
        begin(self, batch, batch_index)

    def note(self: GenreTask, scores: Any, batch: Any) -> Tensor:
        seen[-1].append(batch.stem["maps"].clone())
        return loss(self, scores, batch)

    monkeypatch.setattr(NamedTeacher, "ask", count)
    monkeypatch.setattr(GenreTask, "on_train_batch_start", note_epoch)
    monkeypatch.setattr(GenreTask, "_loss", note)
    go(taught(teacher, *fixed(start)), tmp_path / "run")
    assert len(seen) == 4 and not asked, "the third epoch repeats the first one"
    assert all(map(torch.equal, seen[0], seen[2])) and all(map(torch.equal, seen[1], seen[3]))
    assert not any(map(torch.equal, seen[0], seen[1]))


def test_a_killed_training_goes_on_to_the_same_weights(
    go: Go, start: str, teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = go(taught(teacher, *fixed(start)), tmp_path / "whole")
    folder = tmp_path / "killed"
    for epoch, batch in ((0, 2), (1, 1), (3, 0)):
        with monkeypatch.context() as patch:

            def end(self: Checkpoints, trainer: L.Trainer, *rest: Any, at: Any = (epoch, batch)) -> None:
                if (trainer.current_epoch, rest[-1]) == at:
                    raise Killed

            patch.setattr(Checkpoints, "on_train_batch_end", end, raising=False)
            with pytest.raises(Killed):
                go(taught(teacher, *fixed(start)), folder)
        files = sorted(each for each in (folder / FOLDER).rglob("*") if each.is_file())
        files[0].write_bytes(files[0].read_bytes()[:-1] + b"?")  # damaged: computed again
        files[-1].write_bytes(b"")
    (folder / FOLDER / "of another recipe").mkdir()
    assert same(whole, go(taught(teacher, *fixed(start)), folder))


def test_without_fixed_layers_front_ends_are_prepared(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    loss = GenreTask._loss

    def note(self: GenreTask, scores: Any, batch: Any) -> Tensor:
        seen.append(batch.stem["maps"])
        return loss(self, scores, batch)

    monkeypatch.setattr(GenreTask, "_loss", note)
    changes = ("distill=null", "training.prepared_epochs=1", "training.max_epochs=2")
    trained = go(recipe(*changes), tmp_path / "run")
    half = len(seen) // 2
    assert seen[0].shape[1:] == (1, 24, 334) and trained.steps == 2 * half
    assert all(map(torch.equal, seen[:half], seen[half:]))


def test_what_cannot_be_fixed_or_prepared_is_an_error(
    go: Go, start: str, teacher: str, tmp_path: Path, corpus: Corpus, split: Split
) -> None:
    with raises("fixed-layers-random", 2):
        go(recipe("distill=null", "training.fixed_layers=2"), tmp_path / "random")
    with raises("fixed-layers-too-many"):
        go(recipe("distill=null", *fixed(start, layers=6)), tmp_path / "many")
    sinc = build_network(load_recipe("ms-sincresnet-80", changes=["training.weights=none"]), genres=3)
    with raises("prepared-front-end"):
        experiment = Experiment(recipe("training.prepared_epochs=2"), corpus, split, 0)
        prepared_batches(experiment, TrainingSet([]), sinc, tmp_path)
    mapped = json.dumps({"map3": 1.0, "pen": 1.0})
    with raises("map-of-fixed-layer", "map3"):
        go(taught(teacher, *fixed(start), f"distill.regress={mapped}"), tmp_path / "map")
