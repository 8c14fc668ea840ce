"""The fully convolutional network: its layers, its embedding, its shortest input."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from raising import raises
from torch import Tensor, nn

from genrelab.lab.models import MODELS, build_network
from genrelab.lab.models.fcn import FullyConvolutional
from genrelab.lab.recipes import load_recipe

WIDTHS = (4, 6, 5, 7, 3)
POOLS = [(2, 4), (2, 4), (2, 4), (3, 5)]


def body(*, bands: int = 96, frames: int = 320, **options: object) -> FullyConvolutional:
    torch.manual_seed(0)
    inputs = {"mel": (1, bands, frames)}
    made = MODELS.create("fcn", {"widths": list(WIDTHS), **options}, inputs=inputs, genres=3)
    assert isinstance(made, FullyConvolutional)
    for norm in made.modules():  # batch norms that have heard and learned something
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            norm.running_mean.uniform_(-0.2, 0.2)
            norm.running_var.uniform_(0.5, 2.0)
            if norm.affine:
                nn.init.uniform_(norm.weight, 0.5, 1.5)
                nn.init.uniform_(norm.bias, -0.3, 0.3)
    return made.eval()


def as_published(net: FullyConvolutional, picture: Tensor) -> Tensor:
    """Compute the embedding with poolings last, as the paper has them, layer by layer."""
    maps, averages = net.normalize(picture), []
    for each, pool in zip(net.layers, [*POOLS, None], strict=True):
        assert isinstance(each, nn.Sequential)
        (norm,) = [part for part in each if isinstance(part, nn.BatchNorm2d)]
        maps = F.relu(norm(each[0](maps)))
        maps = maps.amax((2, 3), keepdim=True) if pool is None else F.max_pool2d(maps, pool)
        averages.append(maps.mean((2, 3)))
    together = torch.cat(averages, 1)
    norm = net.embed
    return (together - norm.running_mean) / torch.sqrt(norm.running_var + norm.eps)


@pytest.mark.parametrize("frames", [320, 333, 1813])
@torch.no_grad()
def test_pooling_first_is_pooling_last(frames: int) -> None:
    net, picture = body(), torch.randn(2, 1, 96, frames)
    scores = net({"mel": picture})
    assert scores.embedding.shape == (2, sum(WIDTHS))
    torch.testing.assert_close(scores.embedding, as_published(net, picture))
    torch.testing.assert_close(scores.logits, net.classify(scores.embedding))


def test_the_published_size_is_the_default() -> None:
    made = MODELS.create("fcn", {}, inputs={"mel": (1, 96, 1366)}, genres=50)
    kernels = [each.weight for each in made.modules() if isinstance(each, nn.Conv2d)]
    assert [len(each) for each in kernels] == [64, 128, 128, 128, 64]
    assert sum(each.numel() for each in kernels) == 442_944


@pytest.mark.parametrize("size", [{"bands": 23}, {"frames": 319}])
def test_a_picture_that_is_too_small_is_refused(size: dict[str, int]) -> None:
    with raises("picture-too-small", *size.values(), "audio.segment_seconds"):
        body(**size)


@pytest.mark.parametrize("frames", [64, 100, 320])
@torch.no_grad()
def test_the_first_layers_alone_compute_what_they_do_below_others(frames: int) -> None:
    whole, low = body(), body(frames=frames, layers=3)
    picture = torch.randn(2, 1, 96, frames)
    missing, unexpected = low.load_state_dict(
        {
            name: value
            for name, value in whole.state_dict().items()
            if name.startswith(("normalize", "layers"))
        },
        strict=False,
    )
    assert all(name.startswith(("embed", "classify")) for name in missing)
    assert {name.split(".")[1] for name in unexpected} == {"3", "4"}  # layers 4 and 5
    scores, maps = low({"mel": picture}), whole.normalize(picture)
    assert (low.shortest_frames, low.depth, low.map_channels) == (64, 2, WIDTHS[:3])
    for found, layer in zip(scores.maps, whole.layers, strict=False):
        maps = layer(maps)
        torch.testing.assert_close(found, maps)
    assert len(scores.maps) == 3 and scores.embedding.shape == (2, sum(WIDTHS[:3]))


def test_three_layers_need_64_frames() -> None:
    with raises("picture-too-small", 63, "audio.segment_seconds"):
        body(frames=63, layers=3)


def test_widths_are_five() -> None:
    with raises("option-invalid", "widths"):
        body(widths=[4, 4])


def test_its_recipe_uses_hops_of_five_seconds() -> None:
    recipe = load_recipe("genres-11-fcn")
    network = build_network(recipe, genres=11)
    (shape,) = [
        each.output_shape(recipe.audio.segment_samples)  # type: ignore[operator]
        for each in network.frontends.values()
    ]
    assert isinstance(network.body, FullyConvolutional)
    assert shape == (1, 96, 320)
