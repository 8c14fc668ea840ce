"""Networks of timm as feature extractors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from model_metadata import metadata
from raising import raises
from torch import Tensor, nn

from genrelab.bundle.bundle import Bundle
from genrelab.lab.augment import Pipeline
from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.models import Body, GenreNetwork, Scores
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.training.export import TOLERANCE, export


def picture(channels: int = 3, side: int = 64) -> Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("architecture", "features"), [("resnet18", 512), ("mobilenetv1_100", 1024), ("vgg16", 512)]
)
def test_last_map_and_no_weight_without_use(architecture: str, features: int) -> None:
    backbone = Backbone(architecture)
    assert backbone.features == features
    result = backbone(picture())
    assert result.shape == (2, features, 2, 2)
    result.square().mean().backward()
    unused = [name for name, parameter in backbone.named_parameters() if parameter.grad is None]
    assert not unused


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_takes_any_number_of_channels(channels: int) -> None:
    assert Backbone("resnet18", channels=channels)(picture(channels, 33)).shape == (2, 512, 2, 2)


def test_random_start_is_timms_and_from_the_global_generator() -> None:
    torch.manual_seed(5)
    backbone = Backbone("resnet18").eval()
    torch.manual_seed(5)
    reference = timm.create_model("resnet18", num_classes=0).eval()
    with torch.no_grad():
        torch.testing.assert_close(backbone(picture()).mean(dim=(2, 3)), reference(picture()))


def test_tags_of_weights_are_architectures_too() -> None:
    assert Backbone("resnet18.tv_in1k").net.pretrained_cfg["tag"] == "tv_in1k"  # type: ignore[index]


@pytest.mark.parametrize("name", ["resnet81", "resnet18.tv_in2k"])
def test_a_misspelt_name_is_an_error_with_the_nearest(name: str) -> None:
    with raises("backbone-unknown", f"'{name}'", "resnet18"):
        Backbone(name)


@pytest.mark.parametrize("name", ["hf-hub:someone/something", "local-dir:/somewhere", ""])
def test_only_networks_inside_timm_are_built(name: str) -> None:
    with raises("backbone-unknown", f"'{name}'"):
        Backbone(name)


class _Averaged(Body):
    def __init__(self, genres: int) -> None:
        super().__init__()
        self.backbone = Backbone("resnet18", channels=1)
        self.classify = nn.Linear(self.backbone.features, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        embedding = self.backbone(inputs["mel"]).mean(dim=(2, 3))
        return Scores(self.classify(embedding), embedding)


@pytest.mark.slow
def test_the_model_file_computes_the_same(tmp_path: Path) -> None:
    torch.manual_seed(1)
    mel = FRONTENDS.create("mel", {"n_mels": 40}, sample_rate=8000, channels=1)
    network = GenreNetwork({"mel": mel}, _Averaged(3), augment=Pipeline([]), input_augments={})
    waveforms = 0.1 * torch.randn(3, 1, 16000)
    with torch.no_grad():
        network.train()(waveforms)  # other running statistics than those of the start
    about = metadata(
        ("blues", "jazz", "rock"),
        sample_rate=8000,
        channels=1,
        segment_seconds=2.0,
        hop_seconds=2.0,
        recipe="backbone",
    )
    assert export(network, about, tmp_path / "model.onnx") <= TOLERANCE
    probabilities, *_ = Bundle.load(tmp_path / "model.onnx").predict(waveforms.numpy())
    with torch.no_grad():
        expected = network.eval()(waveforms).logits.softmax(-1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE)
