"""The step that optimizers share: decay a weight, then move it in a direction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class DirectedOptimizer(torch.optim.Optimizer):
    """Moves each weight against a direction that follows from its gradient; weight decay is decoupled."""

    @abstractmethod
    def direction(self, weight: Tensor, group: dict[str, Any]) -> Tensor | None:
        """Return the direction of a weight with a gradient, of its shape; None leaves the weight alone."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; return the result of `closure`, if given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                direction = None if weight.grad is None else self.direction(weight, group)
                if direction is not None:
                    weight.mul_(1.0 - group["lr"] * group["weight_decay"])
                    weight.add_(direction, alpha=-group["lr"])
        return loss
