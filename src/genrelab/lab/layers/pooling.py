"""Averages over equal windows of an axis, where torch's own pooling is unsuitable.

torch's adaptive pooling has no deterministic gradient on CUDA, and no ONNX form where the windows
overlap. Matrix products have both.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def window_averages(size: int, count: int, *, like: Tensor) -> Tensor:
    """Return the matrix that averages `size` values to `count`.

    Window `i` goes from floor(i size / count) to ceil((i + 1) size / count), as in torch's adaptive
    pooling; windows overlap where `count` does not divide `size`.

    Returns
    -------
    Tensor [shape=(count, size)]
        On the device and of the type of `like`; rows sum to 1.
    """
    place = torch.arange(size, device=like.device)
    window = torch.arange(count, device=like.device)[:, None]
    # In whole numbers, begin <= place is (place + 1) * count > window * size; the end likewise.
    inside = (place * count < (window + 1) * size) & ((place + 1) * count > window * size)
    weights = inside.to(like.dtype)
    return weights / weights.sum(dim=1, keepdim=True)


def average_last(x: Tensor, count: int) -> Tensor:
    """Average the last axis to `count` values: `torch.nn.functional.adaptive_avg_pool1d`.

    Uses torch's pooling on the CPU, and a matrix on other devices and in model files. The windows repeat
    after `size / gcd(size, count)` values, so the matrix is small for common lengths (375 x 8
    for 48,000 samples and 1,024 windows).

    Parameters
    ----------
    x : Tensor [shape=(..., size)]
    count : int > 0

    Returns
    -------
    Tensor [shape=(..., count)]
    """
    if x.device.type == "cpu" and not torch.compiler.is_exporting():
        pooled = F.adaptive_avg_pool1d(x.reshape(1, -1, x.shape[-1]), count)
        return pooled.reshape(*x.shape[:-1], count)
    size = x.shape[-1]
    repeats = math.gcd(size, count)
    matrix = window_averages(size // repeats, count // repeats, like=x)
    averages = x.reshape(*x.shape[:-1], repeats, size // repeats) @ matrix.T
    return averages.reshape(*x.shape[:-1], count)
