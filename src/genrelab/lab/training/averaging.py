"""A moving average of a network's weights over the steps of a training (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn


class Averaging(Callback):
    """Average weights and the moments of batch norms; validation hears the average.

    The average is part of the last state, so that a run that goes on ends as an undisturbed one does.

    Parameters
    ----------
    network : nn.Module
        The one that is trained.
    decay : float in 0..1
        A step moves the average by `1 - decay` of the way to the weights. Step t uses (1 + t) / (10 + t)
        where that is less, so that the random start is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.steps = 0
        self.average: dict[str, Tensor] = {}
        self._own: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """Return what the last state keeps of this callback."""
        return {"steps": self.steps, "average": self.average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it up again."""
        self.steps, self.average = state["steps"], state["average"]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin with the weights themselves, or go on where a run was stopped."""
        now = self.network.state_dict()
        kept = self.average or now
        self.average = {key: kept[key].detach().clone().to(value.device) for key, value in now.items()}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the average towards the weights."""
        self.steps += 1
        stays = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[key].lerp_(value, 1.0 - stays)
            else:
                self.average[key].copy_(value)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the average in the place of the weights."""
        self._exchange()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the weights back."""
        self._restore()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the average in the place of the weights for a while."""
        self._exchange()
        try:
            yield
        finally:
            self._restore()

    @torch.no_grad()
    def _exchange(self) -> None:
        now = self.network.state_dict()
        self._own = {key: value.clone() for key, value in now.items()}
        for key, value in now.items():
            value.copy_(self.average[key])

    @torch.no_grad()
    def _restore(self) -> None:
        for key, value in self.network.state_dict().items():
            value.copy_(self._own[key])
        self._own = {}
