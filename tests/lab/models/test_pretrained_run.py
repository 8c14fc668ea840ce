"""A network that starts with the weights of an earlier run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from networks_with_weights import State, recognizer, waveforms, write
from raising import raises
from torch import Tensor, nn

from genrelab.lab.augment import Pipeline
from genrelab.lab.frontends import Frontend
from genrelab.lab.models import Body, GenreNetwork, Scores, build_network
from genrelab.lab.models.pretrained import load_pretrained, needs_calibration
from genrelab.lab.recipes import load_recipe


class _Dense(Body):
    """A body without a backbone."""

    def __init__(self, genres: int, hidden: int = 5) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(48, hidden), nn.BatchNorm1d(hidden))
        self.last = nn.Linear(hidden, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        features = self.hidden(inputs["mel"].mean(dim=(1, 3)))
        return Scores(self.last(features), features)


def dense(genres: int, *, seed: int, hidden: int = 5) -> GenreNetwork:
    torch.manual_seed(seed)
    mel = recognizer().frontends["input_mel"]
    torch.manual_seed(seed)
    assert isinstance(mel, Frontend)
    return GenreNetwork({"mel": mel}, _Dense(genres, hidden), augment=Pipeline([]), input_augments={})


@pytest.fixture
def run() -> State:
    """The weights of a run with 10 genres."""
    network = dense(10, seed=1)
    network.train()(waveforms())
    return {key: value.clone() for key, value in network.state_dict().items()}


def test_the_weights_of_a_run_fill_a_network_without_backbone(run: State, tmp_path: Path) -> None:
    network = dense(10, seed=2)
    path = write(run, tmp_path / "best.safetensors")
    assert load_pretrained(network, path) == [f"the network starts from the run {path}"]
    assert not needs_calibration(network)
    assert all(value.equal(run[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["best.safetensors", "best.pt"])
def test_a_runs_classifier_of_other_genres_is_left_out(run: State, tmp_path: Path, name: str) -> None:
    network = dense(8, seed=2)
    before = copy.deepcopy(network.state_dict())
    path = write(run, tmp_path / name)
    assert load_pretrained(network, path) == [
        f"the network starts from the run {path}",
        f"body.last starts at random: in {path} it is for 10 genres",
    ]
    for key, value in network.state_dict().items():
        assert value.equal(before[key] if key.startswith("body.last.") else run[key])


def test_a_run_with_other_hidden_layers_is_refused(run: State, tmp_path: Path) -> None:
    network = dense(8, seed=2, hidden=6)
    before = copy.deepcopy(network.state_dict())
    path = write(run, tmp_path / "best.safetensors")
    with raises(
        "weights-do-not-fit",
        path,
        "body.hidden.1.weight (5,) instead of (6,)",
        "body.last.weight (10, 5) instead of (8, 6)",
        "training.weights=none",
    ):
        load_pretrained(network, path)
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())


def test_missing_and_unexpected_weights_of_a_run_are_named(run: State, tmp_path: Path) -> None:
    del run["body.hidden.0.bias"]
    run["body.extra"] = torch.zeros(2)
    run["body.hidden.1.bias"][0] = torch.inf
    path = write(run, tmp_path / "best.safetensors")
    quoted = ("unexpected body.extra", "not finite body.hidden.1.bias", "missing body.hidden.0.bias")
    with raises("weights-do-not-fit", *quoted):
        load_pretrained(dense(8, seed=2), path)


def test_only_a_linear_layer_counts_as_classifier(run: State, tmp_path: Path) -> None:
    network = dense(10, seed=2)
    network.body.gain = nn.BatchNorm1d(3)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    for key in ("weight", "bias", "running_mean", "running_var"):
        weights[f"body.gain.{key}"] = torch.ones(4)
    path = write(weights, tmp_path / "best.safetensors")
    with raises("weights-do-not-fit", "body.gain.weight (4,) instead of (3,)"):
        load_pretrained(network, path)


@pytest.mark.parametrize(("theirs", "ours"), [(3, 0), (0, 3), (3, 4), (3, 3)])
def test_the_layer_of_tags_need_not_fit(run: State, tmp_path: Path, theirs: int, ours: int) -> None:
    draws = torch.Generator().manual_seed(0)
    if theirs:
        run |= {"tags.weight": torch.randn(theirs, 5, generator=draws), "tags.bias": torch.zeros(theirs)}
    network = dense(10, seed=2)
    if ours:
        network.tags = nn.Linear(5, ours)
    before = copy.deepcopy(network.state_dict())
    path = write(run, tmp_path / "best.safetensors")
    _, *notes = load_pretrained(network, path)
    assert (
        notes
        == {
            (3, 0): [f"the layer of tags of {path} is left out: this network has no tags"],
            (0, 3): [f"the layer of tags starts at random: {path} has none"],
            (3, 4): [f"tags starts at random: in {path} it is for 3 tags"],
            (3, 3): [],
        }[theirs, ours]
    )
    for key, value in network.state_dict().items():
        assert value.equal(before[key] if key.startswith("tags.") and theirs != ours else run[key])


def fcn(name: str, *changes: str) -> GenreNetwork:
    return build_network(load_recipe(name, changes=["model.widths=[3, 4, 5, 6, 4]", *changes]), genres=2)


def dense_state(network: GenreNetwork) -> State:
    """Return the weights of a network in the order of their axes, as files have them."""
    return {key: value.contiguous() for key, value in network.state_dict().items()}


def test_a_run_of_the_first_layers_fills_these(tmp_path: Path) -> None:
    low, whole = fcn("genres-and-tags-first-layers"), fcn("genres-and-tags-pretraining")
    before, path = copy.deepcopy(whole.state_dict()), write(dense_state(low), tmp_path / "best.safetensors")
    (note,) = load_pretrained(whole, path)
    assert note.startswith(f"the first 3 layers start from the run {path}")
    for key, value in whole.state_dict().items():
        filled = key.startswith(("body.normalize", "body.layers.0", "body.layers.1", "body.layers.2"))
        assert value.equal(
            low.state_dict()[key] if filled or key.startswith("frontends.") else before[key]
        ), key


@pytest.mark.parametrize("widths", ["[3, 9, 5, 6, 4]", "[3, 4, 9, 6, 4]"])
def test_first_layers_of_another_size_are_refused(widths: str, tmp_path: Path) -> None:
    low, whole = (
        fcn("genres-and-tags-first-layers", f"model.widths={widths}"),
        fcn("genres-and-tags-pretraining"),
    )
    path = write(dense_state(low), tmp_path / "best.safetensors")
    before = copy.deepcopy(whole.state_dict())
    with raises("weights-do-not-fit", path):
        load_pretrained(whole, path)
    assert all(value.equal(before[key]) for key, value in whole.state_dict().items())
