"""SOAP, an optimizer that takes Adam's steps in the eigenbasis of Shampoo's preconditioner.

Vyas et al. (2024, arXiv:2409.11321). The inputs of a convolution kernel are strongly correlated: neighbours
in a spectrogram, and maps of ReLUs, which are all positive. Adam scales each weight by itself and sees
nothing of that. SOAP rotates the gradient so that its components are uncorrelated, scales each of them as
Adam does, and rotates the step back.

`pytorch_optimizer.SOAP` (4.1.0) is not used: it sees a kernel as an array with four axes, or merges axes by
their sizes alone, so that the kernels of one network get preconditioners of different kinds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from genrelab.lab.training.optimization.optimizers.directed import DirectedOptimizer

_EPS = 1e-8


class Soap(DirectedOptimizer):
    """SOAP for weights with two or more axes, AdamW for all others.

    A kernel `[outputs, inputs, ...]` is treated as the matrix `[outputs, inputs x ...]`. An axis longer than
    `longest` is not rotated.

    Parameters
    ----------
    params : iterable
        Weights, or groups of them.
    lr : float >= 0
    weight_decay : float >= 0
        A step subtracts `lr * weight_decay` times the weight.
    betas : float, float
        Decay of the mean of the gradient, and of its square; the latter also of the preconditioner.
    every : int > 0
        Steps between two updates of the eigenbasis.
    longest : int > 0
        Longest axis that is rotated: the work of an update grows with its third power.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.95, 0.95),
        every: int = 10,
        longest: int = 2560,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "betas": betas,
            "every": every,
            "longest": longest,
        }
        super().__init__(params, defaults)

    def direction(self, weight: Tensor, group: dict[str, Any]) -> Tensor | None:
        """Return the direction; None in the first step of a matrix, which has no basis yet."""
        assert weight.grad is not None
        matrix = weight.grad.flatten(1) if weight.ndim > 1 else weight.grad
        found = _direction(matrix, self.state[weight], group)
        return None if found is None else found.reshape(weight.shape)


def _direction(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor | None:
    """Return the direction of a step, and update the state; None in the first step, which has no basis yet.

    The state holds `mean` (of gradients), `square` (mean square of rotated gradients) and, for each rotated
    axis, `cov_K` (mean of the gradient's products with itself) and `basis_K` (its eigenvectors in columns).
    """
    first, second = group["betas"]
    axes = [axis for axis in (0, 1) if gradient.ndim > 1 and gradient.shape[axis] <= group["longest"]]
    if not state:
        state |= {"steps": 0, "mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
        for axis in axes:
            state[f"cov_{axis}"] = _product(gradient, axis) * (1.0 - second)
            state[f"basis_{axis}"] = _eigenvectors(state[f"cov_{axis}"])
        if axes:
            return None
    state["steps"] += 1
    steps = state["steps"]
    mean = state["mean"].lerp_(gradient, 1.0 - first) / (1.0 - first**steps)
    square = state["square"].lerp_(_rotated(gradient, state, axes).square(), 1.0 - second)
    root = (square / (1.0 - second**steps)).sqrt() + _EPS
    direction = _rotated(_rotated(mean, state, axes) / root, state, axes, back=True)
    for axis in axes:
        state[f"cov_{axis}"].lerp_(_product(gradient, axis), 1.0 - second)
        if steps % group["every"] == 0:
            _turn(state, axis)
    return direction


def _product(gradient: Tensor, axis: int) -> Tensor:
    """Return the products of a matrix with itself over the other axis."""
    return gradient @ gradient.T if axis == 0 else gradient.T @ gradient


def _rotated(matrix: Tensor, state: dict[str, Any], axes: Iterable[int], *, back: bool = False) -> Tensor:
    """Rotate a matrix to the eigenbasis, or back."""
    for axis in axes:
        basis = state[f"basis_{axis}"].T if back else state[f"basis_{axis}"]
        matrix = basis.T @ matrix if axis == 0 else matrix @ basis
    return matrix


def _eigenvectors(covariance: Tensor) -> Tensor:
    """Return the eigenvectors in columns, that of the largest eigenvalue first."""
    # In double precision: one gradient leaves many eigenvalues at 0, and the solver does not always converge.
    vectors: Tensor = torch.linalg.eigh(covariance.double())[1]
    return vectors.to(covariance.dtype).flip(1).contiguous()


def _turn(state: dict[str, Any], axis: int) -> None:
    """Bring a basis closer to the eigenvectors, by one round of power iteration; keep its columns sorted."""
    product = state[f"cov_{axis}"] @ state[f"basis_{axis}"]
    order = torch.argsort((state[f"basis_{axis}"] * product).sum(dim=0), descending=True)
    state["square"] = state["square"].index_select(axis, order)
    state[f"basis_{axis}"] = torch.linalg.qr(product.index_select(1, order))[0]
