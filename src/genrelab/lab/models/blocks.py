"""Blocks that several networks share."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.lab.layers.pooling import window_averages

Rank = Literal[1, 2]

_CONV = {1: nn.Conv1d, 2: nn.Conv2d}
_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def conv_norm(rank: Rank, inputs: int, outputs: int, *, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias that keeps the size (except for the stride), then batch norm."""
    convolution = _CONV[rank](inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False)
    return nn.Sequential(convolution, _NORM[rank](outputs))


class BasicBlock(nn.Module):
    """Two convolutions of length 3 and a shortcut (He et al. 2015, figure 2).

    Parameters
    ----------
    rank : {1, 2}
        1 for waveforms, 2 for pictures.
    inputs, outputs : int > 0
        Channels. Where they differ, or the stride is not 1, the shortcut is a 1x1 convolution.
    stride : int > 0
        Of the first convolution and of the shortcut.
    pool : int > 0
        Maximum pooling after the sum; 1 is none.
    """

    def __init__(self, rank: Rank, inputs: int, outputs: int, *, stride: int = 1, pool: int = 1) -> None:
        super().__init__()
        self.first = conv_norm(rank, inputs, outputs, kernel=3, stride=stride)
        self.second = conv_norm(rank, outputs, outputs, kernel=3)
        changes = inputs != outputs or stride != 1
        self.shortcut = (
            conv_norm(rank, inputs, outputs, kernel=1, stride=stride) if changes else nn.Identity()
        )
        pooling = nn.MaxPool1d if rank == 1 else nn.MaxPool2d
        self.pool = pooling(pool) if pool > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Change `[batch, inputs, ...]` into `[batch, outputs, ...]`."""
        out: Tensor = self.second(F.relu(self.first(x)))
        pooled: Tensor = self.pool(F.relu(out + self.shortcut(x)))
        return pooled


class FixedAveragePool(nn.Module):
    """Average a map down (or up) to `side` x `side` values, over the windows of `nn.AdaptiveAvgPool2d`.

    Uses two matrix products: torch's own pooling has no deterministic gradient on CUDA.

    Parameters
    ----------
    side : int > 0
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Change `[..., height, width]` into `[..., side, side]`."""
        if x.device.type != "meta" and torch.is_autocast_enabled(x.device.type):
            # Half precision would round the weights, and the sums between the two multiplications.
            with torch.autocast(x.device.type, enabled=False):
                return self._average(x.float()).to(x.dtype)
        return self._average(x)

    def _average(self, x: Tensor) -> Tensor:
        rows, columns = (window_averages(size, self.side, like=x) for size in x.shape[-2:])
        return rows @ (x @ columns.T)


def initialize(module: nn.Module) -> None:
    """Start convolutions as He et al. (2015) do, from torch's global generator."""
    for part in module.modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")


def average_probabilities(*logits: Tensor) -> Tensor:
    """Return the logarithm of the equally weighted mean of softmax probabilities.

    Its softmax is that mean, so it serves as logits.
    """
    logs = torch.stack([F.log_softmax(each, dim=-1) for each in logits])
    return torch.logsumexp(logs, dim=0) - torch.log(torch.tensor(float(len(logits)), device=logs.device))
