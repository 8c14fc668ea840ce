"""The networks of paper `ms-sincresnet`: the sizes it gives at every stage, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import timm
import torch
import torch.nn.functional as F
from raising import raises
from torch import Tensor, nn

from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.ms_sincresnet import SincNet, SincResNet, SpatialPyramid
from genrelab.lab.recipes import load_recipe

CLIP = 48_000  # samples of 3 s at 16 kHz (2.2.1)


def network(name: str, *changes: str, genres: int = 10) -> GenreNetwork:
    torch.manual_seed(0)
    return build_network(load_recipe(f"ms-sincresnet/{name}", changes=changes), genres=genres)


def clips(items: int = 1, samples: int = CLIP) -> Tensor:
    return 0.1 * torch.randn(items, 1, samples, generator=torch.Generator().manual_seed(1))


@contextmanager
def watched(**modules: nn.Module) -> Iterator[dict[str, list[tuple[int, ...]]]]:
    """Note the shapes that modules give, by name."""
    shapes: dict[str, list[tuple[int, ...]]] = {name: [] for name in modules}

    def note(name: str, out: Tensor) -> None:
        shapes[name].append(tuple(out.shape))

    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: note(name, out))
        for name, module in modules.items()
    ]
    yield shapes
    for hook in hooks:
        hook.remove()


def sizes(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("filters", "last_map"), [(160, (1, 512, 5, 32)), (80, (1, 512, 3, 32))])
def test_stages_of_ms_sincresnet(filters: int, last_map: tuple[int, ...]) -> None:
    net = network(f"ms-sincresnet-{filters}-spp").eval()
    body = net.body
    assert isinstance(body, SincResNet)
    parts = {
        "picture": net.frontends["input_picture"],
        "maps": body.backbone,
        "pyramid": body.pool,
        "hidden": body.hidden,
    }
    with watched(**parts) as shapes, torch.no_grad():
        scores = net(clips())
    assert shapes == {
        "picture": [(1, 3, filters, 1024)],
        "maps": [last_map],
        "pyramid": [(1, 2560)],
        "hidden": [(1, 512)],
    }
    assert scores.embedding.shape == (1, 512) and scores.logits.shape == (1, 10)


def test_without_the_pyramid_each_map_is_averaged() -> None:
    net = network("ms-sincresnet-160", "inputs.picture.filters=32", "inputs.picture.frames=128").eval()
    body = net.body
    assert isinstance(body, SincResNet)
    with watched(maps=body.backbone) as shapes, torch.no_grad():
        inputs = net.inputs(clips(2, 4000))
        scores = body(inputs)
        maps = body.backbone(inputs["picture"])
    assert shapes["maps"][0] == (2, 512, 1, 4)
    torch.testing.assert_close(scores.embedding, maps.mean(dim=(2, 3)))
    torch.testing.assert_close(scores.logits, body.classify(scores.embedding))


@pytest.mark.parametrize("size", [(5, 32), (3, 32), (2, 2), (1, 1), (7, 13)])
def test_the_pyramid_is_averages_of_the_whole_and_of_its_quarters(size: tuple[int, int]) -> None:
    maps = torch.randn(2, 6, *size, generator=torch.Generator().manual_seed(0))
    expected = [F.adaptive_avg_pool2d(maps, side).flatten(1) for side in (1, 2)]
    torch.testing.assert_close(SpatialPyramid()(maps), torch.cat(expected, dim=1))


@pytest.mark.parametrize("genres", [6, 10])
def test_parameters_are_resnet18s_and_four_values_a_filter(genres: int) -> None:
    """Two cut-offs (2.1), and gain and shift of batch norm."""
    resnet = sizes(timm.create_model("resnet18", num_classes=0))
    assert resnet == 11_176_512
    plain = resnet + 512 * genres + genres
    assert sizes(timm.create_model("resnet18", num_classes=genres)) == plain
    for filters in (80, 160):
        net = network(f"ms-sincresnet-{filters}", genres=genres)
        assert net.parameter_count() == plain + 3 * filters * 4
    pyramid = network("ms-sincresnet-160-spp", genres=genres)
    assert pyramid.parameter_count() == plain + 3 * 160 * 4 + 2560 * 512 + 512
    one_channel = 2 * 64 * 7 * 7  # kernels of the first layer that a picture of one channel has not
    assert network("resnet18-mel", genres=genres).parameter_count() == plain - one_channel


def test_the_three_banks_of_equal_lengths_learn_apart() -> None:
    net = network("sincresnet-80-251", "inputs.picture.filters=16", "inputs.picture.frames=64").train()
    net(clips(2, 3000)).logits.square().sum().backward()
    banks = list(net.frontends["input_picture"].banks)  # type: ignore[arg-type]
    assert len(banks) == 3
    first, second, third = (bank.low.grad for bank in banks)
    assert not torch.equal(first, second) and not torch.equal(second, third)


def test_stages_of_sincnet() -> None:
    """Of a clip of 3 s; each pooling leaves a third, each convolution takes 4 samples."""
    net = network("sincnet-80-251", "model.units=64").eval()
    body = net.body
    assert isinstance(body, SincNet)
    parts = {
        "bands": net.frontends["input_bands"],
        "first": body.convolutions[0],
        "second": body.convolutions[1],
        **{f"norm{number}": norm for number, norm in enumerate(body.norms)},
        "dense": body.dense,
    }
    with watched(**parts) as shapes, torch.no_grad():
        scores = net(clips())
    assert shapes == {
        "bands": [(1, 80, CLIP)],
        "norm0": [(1, 80, 16_000)],
        "first": [(1, 60, 15_996)],
        "norm1": [(1, 60, 5332)],
        "second": [(1, 60, 5328)],
        "norm2": [(1, 60, 1776)],
        "dense": [(1, 64)],
    }
    assert body.dense[0].in_features == 60 * 107  # type: ignore[union-attr]
    assert scores.logits.shape == (1, 10)


@pytest.mark.parametrize(("filters", "length"), [(80, 251), (160, 1001)])
def test_parameters_of_sincnet(filters: int, length: int) -> None:
    net = network(f"sincnet-{filters}-{length}")
    norms = 2 * (filters + 60 + 60)
    convolutions = filters * 60 * 5 + 60 + 60 * 60 * 5 + 60
    dense = 60 * 107 * 2048 + 2 * 2048 * 2048 + 3 * 2 * 2048  # batch norm's shift stands for a bias
    assert net.parameter_count() == 2 * filters + norms + convolutions + dense + 2048 * 10 + 10


def test_sincnets_layers_are_those_of_the_paper_in_their_order() -> None:
    """The absolute value, maximum over 3, layer normalization, leaky ReLU; average over even windows."""
    net = network("sincnet-80-251", "inputs.bands.filters=8", "model.units=16", "model.steps=7").eval()
    body = net.body
    assert isinstance(body, SincNet)
    with torch.no_grad():
        for parameter in body.norms.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
        bands = net.inputs(clips(2, 2000))["bands"]
        x = bands.abs()
        for layer, norm in enumerate(body.norms):
            if layer > 0:
                x = body.convolutions[layer - 1](x)
            x = F.max_pool1d(x, 3)
            deviation = (x.var(dim=(1, 2), correction=0, keepdim=True) + 1e-5).sqrt()
            x = (x - x.mean(dim=(1, 2), keepdim=True)) / deviation
            x = x * norm.weight[:, None] + norm.bias[:, None]
            x = torch.where(x > 0, x, 0.2 * x)
        features = body.dense(F.adaptive_avg_pool1d(x, 7).flatten(1))
        scores = body({"bands": bands})
    torch.testing.assert_close(scores.embedding, features)
    torch.testing.assert_close(scores.logits, body.classify(features))


@pytest.mark.parametrize(
    ("name", "changes", "code", "quoted"),
    [
        ("ms-sincresnet-160", ["inputs.more={kind: mel}"], "model-inputs", "picture ("),
        ("ms-sincresnet-160", ["inputs={wave: {kind: waveform}}"], "model-inputs", "wave ("),
        ("sincnet-80-251", ["inputs={picture: {kind: mel}}"], "model-inputs", "picture ("),
        ("sincnet-80-251", ["inputs.bands.lengths=[251, 501]"], "sinc-lengths", "frames"),
        ("sincnet-80-251", ["audio.segment_seconds=0.003"], "segment-too-short", "48 samples"),
        ("sincnet-80-251", ["model.units=0"], "option-invalid", "units"),
        ("ms-sincresnet-160", ["audio.channels=2"], "sinc-channels", "audio.channels"),
        ("ms-sincresnet-160", ["model.pyramids=true"], "option-unknown", "'pyramid'"),
    ],
)
def test_what_does_not_fit_together_is_refused(name: str, changes: list[str], code: str, quoted: str) -> None:
    with raises(code, quoted):
        network(name, *changes)


def test_the_shortest_segment_that_sincnet_takes() -> None:
    """75 samples make 25, less 4 make 7, less 4 make 1."""
    small = ["model.units=4", "model.steps=3"]
    net = network("sincnet-80-251", "audio.segment_seconds=0.0046875", *small).eval()
    assert net(clips(1, 75)).logits.shape == (1, 10)
    with raises("segment-too-short", 74):
        network("sincnet-80-251", "audio.segment_seconds=0.004625", *small)


def test_a_tracks_scores_are_those_of_its_segments() -> None:
    changes = [
        "inputs.picture.filters=16",
        "inputs.picture.frames=64",
        "inputs.picture.lengths=[31, 51, 101]",
    ]
    net = network("ms-sincresnet-160-spp", *changes)
    with torch.no_grad():
        net.train()(clips(4, 4000))
        net.eval()
        track, starts = clips(1, 12_000)[0], [0, 700, 1400, 8000]
        together = net.score_track(track, starts, 4000)
        alone = net(torch.stack([track[:, start : start + 4000] for start in starts]))
    assert net.shares_tracks
    for found, expected in ((together.logits, alone.logits), (together.embedding, alone.embedding)):
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
    assert not network("sincnet-80-251", "model.units=4").shares_tracks
    assert not network("resnet18-mel").shares_tracks
