"""Muon: orthogonalized steps for kernels, AdamW for all other weights."""

from __future__ import annotations

import copy

import pytest
import torch
from small_mfcc_cqt import SEGMENT, small
from torch import nn

from genrelab.lab.models import build_network
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.optimization.optimizers.muon import Muon, orthogonal
from genrelab.lab.training.task import GenreTask


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_singular_values_come_near_to_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = 30.0 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    turned = orthogonal(matrix)
    values = torch.linalg.svdvals(turned)
    assert float(values.min()) > 0.5 and float(values.max()) < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    within = left.T @ turned @ right.T
    torch.testing.assert_close(within, within.diag().diag(), atol=1e-3, rtol=0)


def test_rows_that_have_faded_are_nothing_and_change_nothing() -> None:
    matrix = torch.randn((8, 40), generator=torch.Generator().manual_seed(0))
    alone = orthogonal(matrix[:5])
    matrix[5:] *= 1e-39
    turned = orthogonal(matrix)
    assert not turned[5:].any()
    torch.testing.assert_close(turned[:5], alone)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon of its own")
def test_the_first_step_is_the_matrix_that_torchs_own_muon_would_take() -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(12, 3, 3, 3))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    gradient = torch.randn_like(kernel)
    kernel.grad, matrix.grad = gradient, gradient.flatten(1).clone()
    before = matrix.detach().clone()
    Muon([kernel], lr=0.1, weight_decay=0.5).step()
    torch.optim.Muon([matrix], lr=0.1, weight_decay=0.5, momentum=0.95, adjust_lr_fn="match_rms_adamw").step()
    mine, theirs = kernel.detach().flatten(1) - before, matrix.detach() - before
    # torch iterates in bfloat16.
    assert float((mine - theirs).norm() / theirs.norm()) < 0.03


def test_all_but_kernels_take_the_steps_of_adamw() -> None:
    torch.manual_seed(0)
    mine = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    theirs = copy.deepcopy(mine)
    settings = {"lr": 0.01, "weight_decay": 0.1}
    optimizers = Muon(mine.parameters(), **settings), torch.optim.AdamW(theirs.parameters(), **settings)
    for _ in range(5):
        x = torch.randn(7, 5)
        for network, optimizer in zip((mine, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            network(x).square().sum().backward()
            optimizer.step()
    for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_weight_without_gradient_stays_and_a_state_can_be_restored() -> None:
    torch.manual_seed(0)
    kernel, still = nn.Parameter(torch.randn(4, 2, 3)), nn.Parameter(torch.randn(3))
    first = Muon([kernel, still], lr=0.1)
    kept = still.detach().clone()
    kernel.grad = torch.randn_like(kernel)
    first.step()
    torch.testing.assert_close(still.detach(), kept, atol=0, rtol=0)
    twin = nn.Parameter(kernel.detach().clone())
    second = Muon([twin, nn.Parameter(kept.clone())], lr=0.1)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    twin.grad = kernel.grad.clone()
    first.step()
    second.step()
    torch.testing.assert_close(twin, kernel, atol=0, rtol=0)


def test_a_recipe_learns_with_it() -> None:
    torch.manual_seed(0)
    recipe = small("training.optimizer=muon", "training.weight_decay=0.1", "training.decay=kernels")
    network = build_network(recipe, genres=3)
    objective = Objective(smoothing=[0.0], class_weights=[1.0] * 3)
    task = GenreTask(network, recipe.training, objective, seed=0)
    found = task.configure_optimizers()
    optimizer = found["optimizer"]  # type: ignore[index, call-overload]
    assert isinstance(optimizer, Muon)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    sound = 0.1 * torch.randn(6, 1, SEGMENT)
    label = torch.tensor([0, 1, 2, 0, 1, 2])
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(sound).logits, label)
        torch.autograd.backward(loss)
        for group in optimizer.param_groups:
            group["lr"] = 0.005
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
