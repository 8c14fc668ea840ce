"""Muon, an optimizer that orthogonalizes the steps of convolution kernels (Jordan et al. 2024).

One optimizer updates all weights: kernels by Muon, other weights by AdamW. `torch.optim.Muon` takes matrices
only. `timm.optim.Muon` (1.0.31) is not used because no setting of it gives the same weights. On the shapes of
`genres-11`, at equal rates and coefficients:

- it iterates in bfloat16, which no option changes: steps of kernels differ by up to 2 %;
- it gives kernels with one input channel to AdamW: their steps have another direction and size;
- in float32 (patched in), no kernel is equal bit for bit either: 7e-6 of the step after one step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from genrelab.lab.training.optimization.optimizers.directed import DirectedOptimizer

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Jordan's polynomial
_ROUNDS = 5
_LEAST = 1e-7  # of a matrix with norm 1; smaller values have no effect
_ADAMW_STEP = 0.2  # root mean square of AdamW's steps, as a share of the learning rate


def is_kernel(parameter: Tensor) -> bool:
    """Return whether a weight is the kernel of a convolution."""
    return parameter.ndim >= 3


def orthogonal(matrix: Tensor) -> Tensor:
    """Move the singular values of a matrix close to 1 (0.7 to 1.2), and keep its singular vectors.

    Five rounds of a Newton-Schulz iteration, in the matrix's own precision.

    Parameters
    ----------
    matrix : Tensor [shape=(rows, columns)]
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    # Means of dead filters keep shrinking; products of subnormal numbers take a hundred times as long.
    x = torch.where(x.abs() < _LEAST, 0.0, x)
    a, b, c = _COEFFICIENTS
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    turned: Tensor = x.T if tall else x
    return turned


class Muon(DirectedOptimizer):
    """Muon for the kernels of convolutions, AdamW for all other weights.

    A kernel `[outputs, inputs, ...]` is treated as the matrix `[outputs, inputs x ...]`. The root mean square
    of its steps matches AdamW's, so both use the same learning rate (Liu et al. 2025, arXiv:2502.16982,
    section 2.2).

    Parameters
    ----------
    params : iterable
        Weights, or groups of them.
    lr : float >= 0
    weight_decay : float >= 0
        A step subtracts `lr * weight_decay` times the weight.
    momentum : float in 0..1
        Nesterov momentum of kernels.
    betas, eps
        Of AdamW.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "betas": betas,
            "eps": eps,
        }
        super().__init__(params, defaults)

    def direction(self, weight: Tensor, group: dict[str, Any]) -> Tensor | None:
        """Return Muon's direction for kernels, AdamW's for other weights."""
        assert weight.grad is not None
        return (_turned if is_kernel(weight) else _scaled)(weight.grad, self.state[weight], group)


def _turned(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """Return the direction of Muon, and update the mean in the state."""
    if not state:
        state["mean"] = torch.zeros_like(gradient)
    mean = state["mean"].lerp_(gradient, 1.0 - group["momentum"])
    matrix = gradient.lerp(mean, group["momentum"]).flatten(1)
    turned = orthogonal(matrix).reshape(gradient.shape)
    step: Tensor = turned * (_ADAMW_STEP * max(matrix.shape) ** 0.5)
    return step


def _scaled(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """Return the direction of AdamW, and update the moments in the state."""
    if not state:
        state |= {"steps": 0, "mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
    first, second = group["betas"]
    state["steps"] += 1
    mean = state["mean"].lerp_(gradient, 1.0 - first) / (1.0 - first ** state["steps"])
    square = state["square"].lerp_(gradient.square(), 1.0 - second) / (1.0 - second ** state["steps"])
    scaled: Tensor = mean / (square.sqrt() + group["eps"])
    return scaled
