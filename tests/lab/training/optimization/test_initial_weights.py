"""A training that starts with weights from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import lightning as L
import pytest
import torch
from raising import raises
from safetensors.torch import save_file
from torch import Tensor, nn

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.models import MODELS, Body, Scores, build_network
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import StartRecord
from genrelab.lab.training.checkpoints import Checkpoints
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.initial_weights import calibrate_start, load_start, weights_hash
from genrelab.lab.training.train import train

Make = Callable[..., Recipe]


class OneBackbone(Body):
    """The smallest network of timm with a classifier."""

    def __init__(self, *, inputs: Mapping[str, tuple[int, ...]], genres: int) -> None:
        super().__init__()
        self.backbone = Backbone("test_resnet", channels=inputs["mel"][0])
        self.classifier = nn.Linear(self.backbone.features, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        embedding = self.backbone(inputs["mel"]).mean(dim=(-2, -1))
        return Scores(self.classifier(embedding), embedding)


@pytest.fixture
def recipe(tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a recipe whose network has a backbone, which hardly learns."""
    monkeypatch.setitem(MODELS._makers, "one-backbone", OneBackbone)

    def make(weights: str, *changes: str) -> Recipe:
        slow = ["training.learning_rate=1e-30", "training.optimizer=sgd", "training.momentum=0.0"]
        net = ["model={kind: one-backbone}", f"training.weights={weights}", "training.max_epochs=2"]
        return tiny_recipe(*slow, *net, *changes)

    return make


def weights_file(folder: Path, recipe: Recipe, *, without: str = "-", folded: bool = False) -> Path:
    """Write the backbone of another random network."""
    torch.manual_seed(77)
    body = build_network(recipe, genres=3).body
    assert isinstance(body, OneBackbone)
    weights = dict(body.backbone.net.state_dict())
    if folded:
        weights |= {key: torch.ones_like(weights[key]) for key in weights if key.endswith(".running_var")}
        shifts = [key.replace(".running_mean", ".bias") for key in weights if key.endswith(".running_mean")]
        weights |= {key: torch.linspace(-0.1, 0.1, len(weights[key])) for key in shifts}
        weights |= {key.replace(".bias", ".weight"): torch.ones_like(weights[key]) for key in shifts}
    path = folder / "weights.safetensors"
    save_file({key: value for key, value in weights.items() if not key.startswith(without)}, path)
    return path


@pytest.mark.slow
def test_a_run_starts_there_and_says_so_also_after_a_stop(
    recipe: Make, corpus: Corpus, split: Split, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights_file(tmp_path, recipe("none"), without="conv1.0")
    asked = recipe(str(path))
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == 1:
                raise InterruptedError

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(InterruptedError):
            run_experiment(Experiment(asked, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    kept = path.rename(tmp_path / "moved.safetensors")  # a run that goes on does not need it
    run = run_experiment(Experiment(asked, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    start = run.record.start
    assert start.weights == str(path)
    assert start.sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert any("conv1.0 start at random" in note for note in start.notes)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "weights.safetensors" in page and "conv1.0 start at random" in page
    kept.rename(path)
    expected = build_network(recipe("none"), genres=3)
    load_start(expected, asked.training)
    ours, theirs = run.network().state_dict(), expected.state_dict()
    weights = [key for key in theirs if key.endswith("weight") and ".net." in key and "conv1.0" not in key]
    assert len(weights) > 10
    assert all(torch.allclose(ours[key], theirs[key], atol=1e-20) for key in weights)


def test_without_weights_the_start_is_random(tiny_recipe: Make) -> None:
    recipe = tiny_recipe()
    network = build_network(recipe, genres=3)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert load_start(network, recipe.training) == []
    assert calibrate_start(network, iter([])) == []
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_folded_norms_are_calibrated_on_training_clips(
    recipe: Make, corpus: Corpus, split: Split, tmp_path: Path, cache: Path
) -> None:
    path = weights_file(tmp_path, recipe("none"), folded=True)
    asked = recipe(str(path), "training.max_epochs=1")
    trained = train(Experiment(asked, corpus, split, 0), folder=tmp_path, device="cpu")
    assert any("folded" in note for note in trained.start)
    assert "calibrated on segments of training clips" in trained.start[-1]
    body = trained.network.body
    assert isinstance(body, OneBackbone) and body.backbone.folded == ()
    scale = body.backbone.net.get_parameter("conv1.1.weight")
    assert not torch.allclose(scale, torch.ones_like(scale)), "a calibrated scale is the deviation"


@pytest.mark.slow
def test_missing_weights_touch_nothing(
    recipe: Make, corpus: Corpus, split: Split, tmp_path: Path, cache: Path
) -> None:
    run = run_experiment(
        Experiment(recipe("none", "training.max_epochs=1"), corpus, split, 0),
        base=tmp_path,
        device="cpu",
        model_file=False,
    )
    absent = recipe(str(tmp_path / "absent.pt"), "training.max_epochs=1")
    with raises("weights-missing", "absent.pt"):
        run_experiment(Experiment(absent, corpus, split, 0), base=tmp_path, device="cpu", restart=True)
    assert Run.load(run.folder).record == run.record
    assert run.record.start == StartRecord(weights="none")


@pytest.mark.slow
def test_a_run_is_of_one_file_of_weights(
    recipe: Make, corpus: Corpus, split: Split, tmp_path: Path, cache: Path
) -> None:
    path = weights_file(tmp_path, recipe("none"))
    asked = recipe(str(path))
    run_experiment(Experiment(asked, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    weights_file(tmp_path, recipe("none"), without="conv1.0")
    with raises("another-run", "weights"):
        run_experiment(Experiment(asked, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)


def test_a_file_in_the_home_folder_is_known_by_its_hash_too(
    tmp_path: Path, tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.safetensors").write_bytes(b"weights")
    recipe = tiny_recipe("training.weights=~/a.safetensors")
    assert weights_hash(recipe.training) == hashlib.sha256(b"weights").hexdigest()
