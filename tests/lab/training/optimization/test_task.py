"""What the optimizer is given."""

from __future__ import annotations

import torch

from genrelab.lab.frontends import Sinc
from genrelab.lab.models import build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.task import GenreTask, decay_groups

PLAIN = Objective(smoothing=[0.0], class_weights=[1.0] * 3)


def test_all_weights_decay_but_the_cut_offs() -> None:
    changes = ["inputs.bands.filters=8", "audio.segment_seconds=0.2", "model.units=8", "model.steps=4"]
    recipe = load_recipe(
        "sincnet-80-251", changes=[*changes, "training.warmup_epochs=0", "training.warmup_learning_rate=null"]
    )
    network = build_network(recipe, genres=3)
    decayed, spared = decay_groups(network, 0.5)
    sinc = next(each for each in network.frontends.values() if isinstance(each, Sinc))
    assert {id(each) for each in spared["params"]} == {id(each) for each in sinc.banks.parameters()}
    assert len(decayed["params"]) + len(spared["params"]) == len(list(network.parameters()))
    cutoffs = [each.detach().clone() for each in sinc.banks.parameters()]
    others = [each.detach().clone() for each in network.body.parameters()]
    optimizer = GenreTask(network, recipe.training, PLAIN, seed=0).configure_optimizers()["optimizer"]
    for each in network.parameters():
        each.grad = torch.zeros_like(each)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    assert all(torch.equal(was, now) for was, now in zip(cutoffs, sinc.banks.parameters(), strict=True))
    moved = [not torch.equal(was, now) for was, now in zip(others, network.body.parameters(), strict=True)]
    assert any(moved)


def test_without_learned_filters_there_is_one_group() -> None:
    network = build_network(load_recipe("resnet2d-s"), genres=3)
    assert [group["weight_decay"] for group in decay_groups(network, 0.1)] == [0.1]
