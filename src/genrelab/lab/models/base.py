"""What every network is: augmentation -> front-ends -> augmentation -> body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genrelab.lab.augment import Pipeline
from genrelab.lab.frontends import Frontend
from genrelab.lab.registry import Registry

Shape = tuple[int, ...]


class Scores(NamedTuple):
    """What a network says of a batch.

    Attributes
    ----------
    logits : Tensor [shape=(batch, genres)]
        softmax of them are the genre probabilities.
    embedding : Tensor [shape=(batch, d)]
        What the last layer sees.
    """

    logits: Tensor
    embedding: Tensor


class Body(nn.Module, ABC):
    """The part with the weights.

    A body is made with `inputs` (name of a front-end -> shape of its output without batch) and
    `genres` (their number), beside its own options.
    """

    @abstractmethod
    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch of front-end outputs."""


MODELS: Registry[Body] = Registry("model")


class GenreNetwork(nn.Module):
    """A whole recognizer: waveform in, genre scores out.

    Parameters
    ----------
    frontends : mapping of str to Frontend
    body : Body
    waveform_augment, picture_augment : Pipeline
        Act in training mode only; the second on every front-end's output of the form
        `[batch, channels, bands, frames]`.
    """

    def __init__(
        self,
        frontends: Mapping[str, Frontend],
        body: Body,
        *,
        waveform_augment: Pipeline,
        picture_augment: Pipeline,
    ) -> None:
        super().__init__()
        self.frontends = nn.ModuleDict(dict(frontends))
        self.body = body
        self.waveform_augment = waveform_augment
        self.picture_augment = picture_augment

    def forward(self, waveform: Tensor) -> Scores:
        """Score `[batch, channels, samples]`, float32 at the recipe's rate."""
        return self._score(self.inputs(waveform))

    def inputs(self, waveform: Tensor) -> dict[str, Tensor]:
        """Return what the body gets, by the front-end's name."""
        if torch.is_autocast_enabled(waveform.device.type):
            # Powers of 1e-10 do not exist in half precision: front-ends always run in float32.
            with torch.autocast(waveform.device.type, enabled=False):
                return self._inputs(waveform.float())
        return self._inputs(waveform)

    def _inputs(self, waveform: Tensor) -> dict[str, Tensor]:
        waveform = self.waveform_augment(waveform)
        inputs = {}
        for name, frontend in self.frontends.items():
            made = frontend(waveform)
            inputs[name] = self.picture_augment(made) if made.ndim == 4 else made
        return inputs

    def _score(self, inputs: Mapping[str, Tensor]) -> Scores:
        scores: Scores = self.body(inputs)
        return scores

    def parameter_count(self) -> int:
        """Return the number of values that training changes."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)
