"""SOAP: steps in the eigenbasis for matrices and kernels, AdamW for all other weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from genrelab.lab.training.optimization.optimizers.soap import Soap

SETTINGS = {"lr": 0.01, "weight_decay": 0.1}


def trained(weight: nn.Parameter, optimizer: torch.optim.Optimizer, gradients: list[Tensor]) -> Tensor:
    for gradient in gradients:
        weight.grad = gradient.reshape(weight.shape).clone()
        optimizer.step()
    return weight.detach().flatten(1)


def draws(count: int, *shape: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    mixing = torch.randn(shape[-1], shape[-1], generator=generator)
    return [torch.randn(shape, generator=generator) @ mixing for _ in range(count)]


def test_the_first_step_only_makes_the_basis() -> None:
    weight = nn.Parameter(torch.ones(4, 6))
    optimizer = Soap([weight], **SETTINGS)
    (gradient,) = draws(1, 4, 6)
    assert torch.equal(trained(weight, optimizer, [gradient]), torch.ones(4, 6))
    state = optimizer.state[weight]
    for axis, product in enumerate((gradient @ gradient.T, gradient.T @ gradient)):
        basis = state[f"basis_{axis}"]
        torch.testing.assert_close(basis.T @ basis, torch.eye(len(basis)), atol=1e-5, rtol=0)
        inside = basis.T @ product @ basis
        torch.testing.assert_close(inside, inside.diag().diag(), atol=1e-3, rtol=0)
        assert (inside.diag().diff() <= 1e-3).all(), "the largest eigenvalue comes first"


def test_steps_are_adamws_in_the_rotated_space() -> None:
    """Before the basis turns: rotate weights and gradients, take AdamW's steps, rotate back."""
    first, *others = draws(8, 5, 7)
    weight = nn.Parameter(torch.randn(5, 7, generator=torch.Generator().manual_seed(1)))
    optimizer = Soap([weight], **SETTINGS)
    trained(weight, optimizer, [first])
    left, right = (optimizer.state[weight][f"basis_{axis}"] for axis in (0, 1))
    inside = nn.Parameter(left.T @ weight.detach() @ right)
    adamw = torch.optim.AdamW([inside], betas=(0.95, 0.95), **SETTINGS)
    wanted = left @ trained(inside, adamw, [left.T @ each @ right for each in others]) @ right.T
    found = trained(weight, optimizer, others)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_a_kernel_is_a_matrix_of_its_outputs() -> None:
    gradients = draws(25, 6, 18)
    start = torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    kernel, matrix = nn.Parameter(start.clone()), nn.Parameter(start.flatten(1).clone())
    one = trained(kernel, Soap([kernel], **SETTINGS), gradients)
    other = trained(matrix, Soap([matrix], **SETTINGS), gradients)
    torch.testing.assert_close(one, other)


def test_the_basis_follows_the_gradients() -> None:
    """After many steps it is that of the gradients, and its columns stay orthogonal."""
    weight = nn.Parameter(torch.zeros(4, 4))
    optimizer = Soap([weight], every=2, **SETTINGS)
    directions = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(5)))[0]
    sizes = torch.tensor([8.0, 4.0, 2.0, 1.0])
    generator = torch.Generator().manual_seed(6)
    first = torch.randn(4, 4, generator=generator)
    others = [directions * sizes @ torch.randn(4, 4, generator=generator) for _ in range(400)]
    trained(weight, optimizer, [first, *others])
    basis = optimizer.state[weight]["basis_0"]
    torch.testing.assert_close(basis.T @ basis, torch.eye(4), atol=1e-4, rtol=0)
    assert ((directions.T @ basis).abs().diag() > 0.9).all()


@pytest.mark.parametrize(("longest", "rotated"), [(7, {0, 1}), (6, {0}), (4, set())])
def test_a_long_axis_is_not_rotated(longest: int, rotated: set[int]) -> None:
    weight = nn.Parameter(torch.randn(5, 7))
    optimizer = Soap([weight], longest=longest, **SETTINGS)
    trained(weight, optimizer, draws(12, 5, 7))
    assert {axis for axis in (0, 1) if f"basis_{axis}" in optimizer.state[weight]} == rotated
    assert weight.isfinite().all()


def test_vectors_take_the_steps_of_adamw() -> None:
    mine, theirs = (nn.Parameter(torch.ones(5)) for _ in range(2))
    optimizers = Soap([mine], **SETTINGS), torch.optim.AdamW([theirs], betas=(0.95, 0.95), **SETTINGS)
    for gradient in draws(5, 1, 5):
        for weight, optimizer in zip((mine, theirs), optimizers, strict=True):
            weight.grad = gradient[0].clone()
            optimizer.step()
    torch.testing.assert_close(mine, theirs)


def test_a_state_can_be_restored_and_a_weight_without_gradient_stays() -> None:
    gradients = draws(30, 5, 7)
    weight, idle = nn.Parameter(torch.randn(5, 7)), nn.Parameter(torch.ones(3, 3))
    optimizer = Soap([weight, idle], **SETTINGS)
    trained(weight, optimizer, gradients[:14])
    copied, its_idle = nn.Parameter(weight.detach().clone()), nn.Parameter(torch.ones(3, 3))
    restored = Soap([copied, its_idle], **SETTINGS)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert torch.equal(trained(weight, optimizer, gradients[14:]), trained(copied, restored, gradients[14:]))
    assert torch.equal(idle.detach(), torch.ones(3, 3))


def test_correlated_inputs_are_no_obstacle() -> None:
    """A regression on inputs with a condition number of 1e4, where AdamW of the same rate stays far away."""
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(512, 24, generator=generator) * torch.logspace(0, -2, 24)
    x = x @ torch.linalg.qr(torch.randn(24, 24, generator=generator))[0]
    y = x @ torch.randn(24, 6, generator=generator) * 3.0
    left = {}
    for kind in (Soap, torch.optim.AdamW):
        layer = nn.Linear(24, 6, bias=False)
        nn.init.zeros_(layer.weight)
        optimizer = kind(layer.parameters(), lr=0.05, weight_decay=0.0)
        for _ in range(300):
            optimizer.zero_grad()
            loss = (layer(x) - y).square().mean()
            loss.backward()
            optimizer.step()
        left[kind] = loss.item()
    assert left[Soap] < 0.2 * left[torch.optim.AdamW]
