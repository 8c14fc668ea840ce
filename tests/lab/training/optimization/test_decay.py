"""Which weights decay, and that decay is the gradient of a sum of squares in the loss."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from raising import raises
from small_mfcc_cqt import SHORTEST, lively, small
from torch import Tensor, nn

from genrelab.lab.frontends import Sinc
from genrelab.lab.models import build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.task import GenreTask, decay_groups

PLAIN = Objective(smoothing=[0.0], class_weights=[1.0] * 10)

ALPHA = 0.05


def kernels(network: nn.Module) -> list[nn.Parameter]:
    """What the paper calls kernel weights, found by the kind of layer."""
    kinds = nn.Conv1d | nn.Conv2d | nn.Linear
    return [module.weight for module in network.modules() if isinstance(module, kinds)]


def test_kernels_are_the_weights_of_convolutions_and_dense_layers() -> None:
    network = build_network(small(), genres=3)
    decayed, spared = decay_groups(network, 0.1, which="kernels")
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert {id(each) for each in decayed["params"]} == {id(each) for each in kernels(network)}
    assert len(decayed["params"]) == 2 * 5 + 1 + 1
    names = {id(each): name for name, each in network.named_parameters()}
    assert all(names[id(each)].endswith((".bias", ".weight")) for each in spared["params"])
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {id(norm.weight) for norm in norms} <= {id(each) for each in spared["params"]}
    assert len(decayed["params"]) + len(spared["params"]) == len(list(network.parameters()))


def test_all_is_what_it_was() -> None:
    network = build_network(small(), genres=3)
    (group,) = decay_groups(network, 0.1, which="all")
    assert len(group["params"]) == len(list(network.parameters()))
    assert load_recipe("resnet2d-s").training.decay == "all"


def test_what_a_module_spares_is_spared_among_the_kernels() -> None:
    changes = ["inputs.bands.filters=8", "audio.segment_seconds=0.2", "model.units=8", "model.steps=4"]
    network = build_network(load_recipe("sincnet-80-251", changes=changes), genres=3)
    decayed, spared = decay_groups(network, 0.5, which="kernels")
    sinc = next(each for each in network.frontends.values() if isinstance(each, Sinc))
    assert {id(each) for each in sinc.banks.parameters()} <= {id(each) for each in spared["params"]}
    assert all(each.ndim >= 2 for each in decayed["params"])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_decay_is_the_gradient_of_the_papers_term(optimizer: str) -> None:
    """Steps with weight_decay = 2 alpha are steps on cross-entropy + alpha x sum of squared kernels."""
    recipe = small(
        f"training.weight_decay={2 * ALPHA}", "training.decay=kernels", f"training.optimizer={optimizer}"
    )
    decaying = lively(recipe)
    explicit, plain = copy.deepcopy(decaying), copy.deepcopy(decaying)
    sound = 0.1 * torch.randn(4, 1, SHORTEST, generator=torch.Generator().manual_seed(2))
    label = torch.tensor([0, 1, 2, 0])

    def cross_entropy(network: nn.Module) -> Tensor:
        return F.cross_entropy(network(sound).logits, label)

    def with_term(network: nn.Module) -> Tensor:
        total: Tensor = sum((each.square().sum() for each in kernels(network)), torch.zeros(()))
        return cross_entropy(network) + ALPHA * total

    undecayed = small("training.weight_decay=0.0", f"training.optimizer={optimizer}")
    for network, recipe_of, loss in (
        (decaying, recipe, cross_entropy),
        (explicit, undecayed, with_term),
        (plain, undecayed, cross_entropy),
    ):
        made = GenreTask(network, recipe_of.training, PLAIN, seed=0).configure_optimizers()["optimizer"]  # type: ignore[index, call-overload]
        for group in made.param_groups:
            group["lr"] = 1e-2
        for _ in range(2):
            made.zero_grad()
            loss(network).backward()
            made.step()
    ours, theirs, without = (net.state_dict() for net in (decaying, explicit, plain))
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-4, rtol=1e-3, msg=name)
    moved = [(ours[name] - without[name]).abs().max() for name in ours if "conv" in name or "combine" in name]
    assert max(moved) > 1e-3, "decay has an effect here"


def test_a_recipe_decays_all_or_kernels() -> None:
    assert small().training.weight_decay == 0.002
    with raises("recipe-value", "training.decay = 'biases'"):
        small("training.decay=biases")
