"""The fully convolutional music tagger, in the form of its public evaluation.

Architecture: Choi, Fazekas and Sandler (2016, arXiv:1606.00298), with the poolings of Won, Ferraro, Bogdanov
and Serra (2020, arXiv:2006.00751), whose weights files this class reads: keys `spec.*`, `spec_bn.*`,
`layer1.*` to `layer5.*`, `dense.*`.

Batch norm is part of the convolutions here. Maximum and ReLU commute, so pooling comes first: the same
function with less work.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import zip_longest
from typing import ClassVar, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.lab.models.weights_file import Weights
from genrelab.lab.teachers.base import TEACHERS, Answers, Teacher

_FFT, _HOP, _BANDS = 512, 256, 96
_POOLS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))  # bands x frames
_EPS = 1e-5  # of batch norms
_FLOOR = 1e-10  # of power, -100 dB
_MAPS = 4  # layers that still have one step per 5.12 s


class FcnTagger(Teacher):
    """Tagger with five convolutions over 96 mel bands.

    Arrays: `layers [batch, segments, 448]`, the averages of the first four layers over each segment; `multi
    [batch, 512]`, the averages of all five layers over the view; `pen [batch, 64]`, the last layer before the
    tags; `tags [batch, n]`, probabilities; `map1` to `map4 [batch, segments, channels, bands, frames]`, the
    outputs of the first four layers, if the segments have the same number of frames in each of them.
    """

    sample_rate: ClassVar[int] = 16_000
    shortest: ClassVar[int] = 4 * 4 * 4 * 5 * 4 * _HOP  # 20.48 s: the pooling of the last layer
    of_segments: ClassVar[frozenset[str]] = frozenset({"layers"})
    of_maps: ClassVar[tuple[str, ...]] = tuple(f"map{number}" for number in range(1, _MAPS + 1))

    window: Tensor
    filters: Tensor

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.register_buffer("window", weights["spec.spectrogram.window"], persistent=False)
        self.register_buffer("filters", weights["spec.mel_scale.fb"], persistent=False)
        scale, shift = _norm(weights, "spec_bn")
        self.scale, self.shift = float(scale), float(shift)
        self.layers = nn.ModuleList()
        for number in range(1, len(_POOLS) + 1):
            kernel, bias = (weights[f"layer{number}.conv.{part}"] for part in ("weight", "bias"))
            scale, shift = _norm(weights, f"layer{number}.bn")
            layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
            layer.weight.data = kernel * scale[:, None, None, None]
            cast(Tensor, layer.bias).data = bias * scale + shift
            self.layers.append(layer)
        outputs, inputs = weights["dense.weight"].shape
        self.dense = nn.Linear(inputs, outputs)
        self.dense.weight.data, self.dense.bias.data = weights["dense.weight"], weights["dense.bias"]
        self.requires_grad_(False)
        # On a CPU, convolutions copy maps in channels-first layout.
        self.eval().to(memory_format=torch.channels_last)

    @classmethod
    def from_weights(cls, weights: Weights) -> Self | None:
        """Build the network from the content of a weights file; None for another architecture."""
        shapes = {"spec.spectrogram.window": (_FFT,), "spec.mel_scale.fb": (_FFT // 2 + 1, _BANDS)}
        shapes |= _norm_shapes("spec_bn", 1)
        channels = 1
        for number in range(1, len(_POOLS) + 1):
            name = f"layer{number}"
            kernel = weights.get(f"{name}.conv.weight")
            if kernel is None or kernel.ndim != 4:
                return None
            shapes[f"{name}.conv.weight"] = (len(kernel), channels, 3, 3)
            channels = len(kernel)
            shapes |= {f"{name}.conv.bias": (channels,)} | _norm_shapes(f"{name}.bn", channels)
        tags = weights["dense.bias"].numel() if "dense.bias" in weights else 0
        shapes |= {"dense.weight": (tags, channels), "dense.bias": (tags,)}
        found = {key: tuple(value.shape) for key, value in weights.items() if "num_batches" not in key}
        if found != shapes or not tags or not all(weights[key].is_floating_point() for key in shapes):
            return None
        return cls(weights)

    @property
    def sizes(self) -> dict[str, int]:
        """Name of each array -> the length of its last axis, or the channels of a map."""
        widths = [cast(nn.Conv2d, layer).out_channels for layer in self.layers]
        return {
            "layers": sum(widths[:_MAPS]),
            "multi": sum(widths),
            "pen": widths[-1],
            "tags": self.dense.out_features,
            **dict(zip(self.of_maps, widths, strict=False)),
        }

    def least_samples(self, arrays: Collection[str] | None) -> int:
        """Return the fewest samples of a view: maps of low layers need less than the last layer."""
        if arrays is None or not set(arrays) <= set(self.of_maps):
            return self.shortest
        layers = 1 + max((self.of_maps.index(name) for name in arrays), default=0)
        return math.prod(frames for _, frames in _POOLS[:layers]) * _HOP

    def answer(self, waveform: Tensor, segments: int) -> Answers:
        """Return the arrays for a batch of views: all, unless the views are short."""
        maps = self.scale * self.decibels(waveform)[:, None] + self.shift
        maps = maps.contiguous(memory_format=torch.channels_last)
        steps, whole = [], []
        kept: Answers = {}
        for layer, pool, name in zip_longest(self.layers, _POOLS, self.of_maps):
            if maps.shape[-1] < pool[1]:  # a view for maps of low layers alone
                return kept
            maps = F.relu(F.max_pool2d(layer(maps), pool))
            if name is not None and maps.shape[-1] % segments == 0:
                kept[name] = torch.stack(maps.chunk(segments, dim=-1), dim=1)
            over_bands = maps.float().mean(dim=2)
            steps.append(F.adaptive_avg_pool1d(over_bands, segments))
            whole.append(over_bands.mean(dim=2))
        pen = maps.flatten(1)
        return {
            "layers": torch.cat(steps[:_MAPS], dim=1).movedim(1, 2),
            "multi": torch.cat(whole, dim=1),
            "pen": pen,
            "tags": torch.sigmoid(self.dense(pen).float()),
            **kept,
        }

    def decibels(self, waveform: Tensor) -> Tensor:
        """Return the mel spectrogram `[batch, bands, frames]` in decibels."""
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(),
                _FFT,
                _HOP,
                window=self.window,
                center=True,
                pad_mode="reflect",
                return_complex=True,
            )
            power = torch.einsum("bft,fm->bmt", spectrum.real**2 + spectrum.imag**2, self.filters)
            return 10.0 * torch.log10(power.clamp_min(_FLOOR))


def _norm_shapes(name: str, length: int) -> dict[str, tuple[int, ...]]:
    """Return key -> shape of the weights of a batch norm."""
    return {f"{name}.{part}": (length,) for part in ("weight", "bias", "running_mean", "running_var")}


def _norm(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    """Return scale and shift of a batch norm."""
    scale = weights[f"{name}.weight"] / torch.sqrt(weights[f"{name}.running_var"] + _EPS)
    return scale, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * scale


TEACHERS.add("fcn-tagger", FcnTagger)
