"""Files of weights in the published form of the fully convolutional tagger, small and random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import librosa
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

POOLS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
CHANNELS = (4, 6, 5, 6, 3)
TAGS = ("calm", "fast", "loud", "sung")


def published(
    *, seed: int = 0, channels: Sequence[int] = CHANNELS, tags: int = len(TAGS)
) -> dict[str, Tensor]:
    """Return random weights, by the keys of the public evaluation."""
    draws = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draws)

    def norm(name: str, length: int, *, mean: float = 0.0, variance: float = 1.0) -> dict[str, Tensor]:
        return {
            f"{name}.weight": 1.0 + 0.2 * normal(length),
            f"{name}.bias": 0.2 * normal(length),
            f"{name}.running_mean": mean + 0.2 * normal(length),
            f"{name}.running_var": variance * (1.0 + 0.2 * normal(length).abs()),
            f"{name}.num_batches_tracked": torch.tensor(7),
        }

    mel = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=96, htk=True, norm=None)
    found = {
        "spec.spectrogram.window": torch.hann_window(512),
        "spec.mel_scale.fb": torch.from_numpy(mel.T.copy()).float(),
        **norm("spec_bn", 1, mean=-30.0, variance=400.0),
    }
    inputs = 1
    for number, outputs in enumerate(channels, start=1):
        found[f"layer{number}.conv.weight"] = normal(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        found[f"layer{number}.conv.bias"] = 0.1 * normal(outputs)
        found |= norm(f"layer{number}.bn", outputs)
        # Some gains are negative, for which pooling and batch norm may not change places.
        found[f"layer{number}.bn.weight"][::3] *= -1
        inputs = outputs
    found["dense.weight"], found["dense.bias"] = normal(tags, inputs), 0.1 * normal(tags)
    return found


def write_published(path: Path, weights: dict[str, Tensor] | None = None, *, seed: int = 0) -> Path:
    """Write weights to a file, random ones by default."""
    save_file({key: each.contiguous() for key, each in (weights or published(seed=seed)).items()}, path)
    return path


def reference(weights: dict[str, Tensor], waveform: Tensor) -> dict[str, Tensor]:
    """Compute the network as published: convolution, batch norm, ReLU, pooling; step by step."""

    def norm(name: str, values: Tensor) -> Tensor:
        parts = (weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(values, *parts, training=False, eps=1e-5)

    spectrum = torch.stft(
        waveform, 512, 256, window=weights["spec.spectrogram.window"], center=True, pad_mode="reflect",
        return_complex=True,
    )  # fmt: skip
    power = spectrum.abs().square().transpose(1, 2) @ weights["spec.mel_scale.fb"]
    maps = norm("spec_bn", 10 * torch.log10(power.clamp(min=1e-10)).transpose(1, 2)[:, None])
    averages = []
    for number, pool in enumerate(POOLS, start=1):
        name = f"layer{number}"
        maps = F.conv2d(maps, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"], padding=1)
        maps = F.max_pool2d(F.relu(norm(f"{name}.bn", maps)), pool)
        averages.append(maps.mean(dim=(2, 3)))
    pen = maps.flatten(1)
    tags = torch.sigmoid(pen @ weights["dense.weight"].T + weights["dense.bias"])
    return {"multi": torch.cat(averages, dim=1), "pen": pen, "tags": tags}
