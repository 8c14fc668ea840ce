"""The recurrent network: its steps, its states, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from raising import raises
from torch import Tensor

from genrelab.lab.models import MODELS, build_network
from genrelab.lab.models.crnn import CRNN
from genrelab.lab.recipes import load_recipe

SMALL: dict[str, Any] = {"filters": [4, 6], "pools": [[2, 2], [4, 2]], "units": 5}


def network(shape: tuple[int, int, int] = (1, 16, 24), **options: Any) -> CRNN:
    torch.manual_seed(0)
    made = MODELS.create("crnn", SMALL | options, inputs={"picture": shape}, genres=3)
    assert isinstance(made, CRNN)
    return made.eval()


def picture(columns: int = 24) -> Tensor:
    return torch.randn(2, 1, 16, columns, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_embedding_is_the_last_state_of_each_direction(bidirectional: bool) -> None:
    body = network(bidirectional=bidirectional)
    scores = body({"picture": picture()})
    maps = body.convolutions(picture())
    assert maps.shape == (2, 6, 2, 6), "two bands and six steps are left of 16 x 24"
    _, states = body.recurrent(maps.permute(0, 3, 1, 2).reshape(2, 6, 12))
    last = torch.cat([states[-2], states[-1]], dim=1) if bidirectional else states[-1]
    torch.testing.assert_close(scores.embedding, last)
    assert scores.embedding.shape == (2, 10 if bidirectional else 5) and scores.logits.shape == (2, 3)


def test_the_order_of_what_happens_matters() -> None:
    """Unlike in a network that averages over time."""
    body = network()
    forward, backward = (body({"picture": each}).embedding for each in (picture(), picture().flip(-1)))
    assert (forward - backward).abs().max() > 1e-3


def test_training_reaches_every_weight() -> None:
    body = network(layers=2).train()
    body({"picture": picture()}).logits.square().sum().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in body.recurrent.parameters())
    convolution = body.convolutions[0]
    assert convolution.weight.grad is not None and convolution.weight.grad.abs().sum() > 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("shape", "options", "code", "quoted"),
    [
        ((1, 16, 24), {"pools": [[2, 2]]}, "crnn-pools", "model.pools"),
        ((1, 16, 24), {"filters": []}, "option-invalid", "filters"),
        ((1, 4, 24), {}, "picture-too-small", "4 x 24"),
        ((1, 16, 7), {}, "picture-too-small", "1 steps"),
        ((16, 24), {}, "model-inputs", "a picture"),
    ],
)
def test_what_cannot_be_built_is_refused(
    shape: tuple[int, ...], options: dict[str, Any], code: str, quoted: str
) -> None:
    with raises(code, quoted):
        MODELS.create("crnn", SMALL | options, inputs={"picture": shape}, genres=3)


def test_the_recipe_follows_a_clip_in_sixteen_steps() -> None:
    recipe = load_recipe("mel-augmentation/crnn")
    body = build_network(recipe, genres=10).body
    assert isinstance(body, CRNN)
    maps = body.convolutions.eval()(torch.zeros(1, 1, 256, 256))
    assert maps.shape == (1, 128, 2, 16)
    assert recipe.row is not None and "6" in recipe.row and not recipe.reported
