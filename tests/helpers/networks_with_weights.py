"""Networks with backbones of timm, and files of weights, for tests of how networks start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from genrelab.lab.augment import Pipeline
from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.models import Body, GenreNetwork, Scores
from genrelab.lab.models.backbone import Backbone

State = dict[str, Tensor]


def randomize(net: nn.Module, seed: int) -> None:
    """Give batch norms scales, shifts and statistics that differ from those of the start."""
    generator = torch.Generator().manual_seed(seed)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for value, low, high in (
                (norm.weight.data, 0.5, 1.5),
                (norm.bias.data, -0.5, 0.5),
                (norm.running_mean, -0.3, 0.3),
                (norm.running_var, 0.5, 2.0),
            ):
                assert value is not None
                value.copy_(torch.rand(value.shape, generator=generator) * (high - low) + low)


def fold(net: nn.Module) -> State:
    """Return the state of a ResNet whose batch norms are moved into the convolutions before them."""
    state = {key: value.clone() for key, value in net.state_dict().items()}
    for key in list(state):
        if not key.endswith(".running_var"):
            continue
        norm = key.removesuffix(".running_var")
        convolution = norm.replace("bn", "conv") if "bn" in norm else norm[:-1] + "0"
        scale = state[f"{norm}.weight"] / (state[key] + 1e-5).sqrt()
        state[f"{convolution}.weight"] *= scale[:, None, None, None]
        state[f"{norm}.bias"] -= scale * state[f"{norm}.running_mean"]
        state[f"{norm}.weight"].fill_(1)
        state[f"{norm}.running_mean"].fill_(0)
        state[key].fill_(1)
    return state


def write(state: State, path: Path) -> str:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


def picture(channels: int = 3) -> Tensor:
    return torch.randn(2, channels, 64, 64, generator=torch.Generator().manual_seed(3))


def last_map(backbone: Backbone, channels: int = 3) -> Tensor:
    with torch.no_grad():
        result: Tensor = backbone.eval()(picture(channels))
    return result


class _Averaged(Body):
    def __init__(self, backbones: int = 1) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(Backbone("resnet18", channels=1) for _ in range(backbones))
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        maps = [backbone(self.dropout(inputs["mel"])) for backbone in self.backbones]
        embedding = torch.cat(maps, dim=1).mean(dim=(2, 3))
        return Scores(embedding, embedding)


def recognizer(backbones: int = 1) -> GenreNetwork:
    torch.manual_seed(4)
    options = {"n_mels": 48, "n_fft": 512, "hop_length": 256, "mean": -40.0, "std": 20.0}
    mel = FRONTENDS.create("mel", options, sample_rate=8000, channels=1)
    return GenreNetwork({"mel": mel}, _Averaged(backbones), augment=Pipeline([]), input_augments={})


def waveforms(seed: int = 0, items: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.logspace(-2, -0.5, items)[:, None, None]
    return loudness * torch.randn(items, 1, 12000, generator=generator)
