"""The compact residual network: shapes, any duration, options, a model file, gradients."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from genrelab.errors import RecipeError
from genrelab.lab.models import MODELS, Body, build_network
from genrelab.lab.models.pooled_resnet import BandNorm
from genrelab.lab.models.pooling import TimePool
from genrelab.lab.recipes import Recipe, load_recipe


def body(shape: tuple[int, ...] = (1, 64, 100), **options: object) -> Body:
    torch.manual_seed(0)
    return MODELS.create("pooled-resnet", options, inputs={"mel": shape}, genres=5)


def small(*changes: str) -> Recipe:
    return load_recipe(
        "genres-11",
        changes=[
            "audio.segment_seconds=0.5",
            "augment=null",
            "model={kind: pooled-resnet, widths: [4, 6], blocks: [1, 2]}",
            *changes,
        ],
    )


@pytest.mark.parametrize(
    ("separable", "bands", "pooling"),
    list(itertools.product([False, True], ["mean", "kept"], ["mean", "mean-max", "attentive"])),
)
def test_every_option_scores_any_duration_and_learns(separable: bool, bands: str, pooling: str) -> None:
    net = body(
        (1, 21, 100), widths=[4, 6, 8], blocks=[1, 2, 1], separable=separable, bands=bands, pooling=pooling,
        embedding=16, stem_stride=2,
    )  # fmt: skip
    for frames in (1, 2, 7, 100, 333):
        scores = net.eval()({"mel": torch.randn(3, 1, 21, frames)})
        assert scores.logits.shape == (3, 5) and scores.embedding.shape == (3, 16)
        assert bool(scores.logits.isfinite().all())
    net.train()({"mel": torch.randn(4, 1, 21, 50)}).logits.square().sum().backward()
    missing = [key for key, each in net.named_parameters() if each.grad is None or not each.grad.any()]
    # What stands before a batch norm in training has no say in the mean.
    assert [key for key in missing if not key.endswith("bias")] == []


def test_the_default_is_compact() -> None:
    count = sum(each.numel() for each in body((1, 80, 313)).parameters())
    assert 500_000 <= count <= 1_200_000
    fewer = sum(each.numel() for each in body((1, 80, 313), separable=True).parameters())
    assert fewer < count / 3


def test_bands_are_normalized_each_for_itself() -> None:
    norm = BandNorm(2, 3).train()
    picture = torch.randn(8, 2, 3, 50) * torch.tensor([1.0, 5.0, 9.0])[:, None] + torch.arange(6.0).reshape(
        2, 3, 1
    )
    done = norm(picture)
    torch.testing.assert_close(done.mean(dim=(0, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(done.std(dim=(0, 3), correction=0), torch.ones(2, 3), atol=1e-3, rtol=0)
    louder = norm.eval()(picture + 1.0) - norm(picture)
    assert louder[:, :, 0].mean() > 2 * louder[:, :, 2].mean(), "a band's own deviation counts"


def test_pooling_over_time() -> None:
    x = torch.randn(2, 8, 13)
    torch.testing.assert_close(TimePool(8, "mean")(x), x.mean(-1))
    torch.testing.assert_close(TimePool(8, "mean-max")(x), x.mean(-1) + x.max(-1).values)
    attentive = TimePool(8, "attentive")
    torch.nn.init.zeros_(attentive.attention[2].weight)
    torch.nn.init.zeros_(attentive.attention[2].bias)
    expected = torch.cat([x.mean(-1), x.std(-1, correction=0)], dim=-1)
    torch.testing.assert_close(attentive(x), expected, atol=1e-4, rtol=1e-4)


def test_a_recipe_may_hear_sound_as_long_as_it_is() -> None:
    network = build_network(small("audio.padding=none"), genres=11).eval()
    for samples in (300, 4000, 8000, 30000):
        assert network(torch.randn(2, 1, samples)).logits.shape == (2, 11)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": [8, 8], "blocks": [1]}, "as many blocks as widths"),
        ({"widths": [], "blocks": []}, "as many blocks as widths"),
        ({"stem_kernel": 4}, "must be odd"),
        ({"pooling": "max"}, "pooling"),
        ({"widths": [0], "blocks": [1]}, "widths"),
    ],
)
def test_wrong_options_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        body((1, 64, 100), **json.loads(json.dumps(options)))


def test_only_one_picture() -> None:
    with pytest.raises(RecipeError, match="one input, a picture"):
        MODELS.create("pooled-resnet", {}, inputs={"a": (1, 8, 8), "b": (1, 8, 8)}, genres=3)


@pytest.mark.parametrize("separable", [False, True])
def test_the_layout_in_memory_changes_rounding_alone(separable: bool) -> None:
    used, plain = (
        body((1, 32, 40), widths=[8, 16], blocks=[1, 1], bands="kept", separable=separable) for _ in range(2)
    )
    plain.to(memory_format=torch.contiguous_format)
    picture = torch.randn(6, 1, 32, 40)
    outputs, gradients = [], []
    for net in (used, plain):
        net.eval()
        loss = net({"mel": picture}).logits.logsumexp(dim=1).sum()
        torch.autograd.backward(loss)
        outputs.append(net({"mel": picture}))
        gradients.append([each.grad for each in net.parameters()])
    maps = [net.stages(net.stem(net.normalize(picture))) for net in (used, plain)]
    assert [each.is_contiguous(memory_format=torch.channels_last) for each in maps] == [True, False]
    torch.testing.assert_close(outputs[0], outputs[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-3)
