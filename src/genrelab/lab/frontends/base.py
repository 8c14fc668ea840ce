"""What every front-end is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from genrelab.lab.registry import Registry


class Frontend(nn.Module, ABC):
    """A fixed or learned change of representation.

    A front-end is made with `sample_rate` (Hz) and `channels` of the waveform that it will get,
    beside its own options, and takes float32 `[batch, channels, samples]`.
    """

    @abstractmethod
    def forward(self, waveform: Tensor) -> Tensor:
        """Return float32 `[batch, channels, bands, frames]`, or `[batch, channels, samples]`."""

    @abstractmethod
    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return the shape that `forward` gives for one item of `samples` samples, without batch."""


FRONTENDS: Registry[Frontend] = Registry("front-end")
