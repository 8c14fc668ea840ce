"""Losses of labels are those of their papers, for sure predictions and mixed labels too."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from raising import raises

from genrelab.lab.models import Scores
from genrelab.lab.recipes import load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.training.optimization.label_loss import PARAMETERS, LossName
from genrelab.lab.training.optimization.mixup import Blend
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.optimization.views import Views

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.3, -0.2], [-3.0, 1.0, 4.0], [0.5, 0.5, 0.5]])
LABEL = torch.tensor([0, 1, 1, 2])
CLIP = torch.arange(4)
KINDS: tuple[LossName, ...] = ("focal", "additive-margin", "generalized")


def loss(
    name: LossName, parameter: float | None = None, logits: torch.Tensor = LOGITS, **views: object
) -> float:
    objective = Objective(smoothing=[0.0] * 4, class_weights=[1.0] * 3, loss=name, parameter=parameter)
    views = {"label": LABEL, "clip": CLIP} | views
    return float(objective(Scores(logits, logits), Views(**views))["labels"])  # type: ignore[arg-type]


def expected(name: str, value: float) -> float:
    """Compute the loss as the papers write it, item by item."""
    total = 0.0
    for row, label in zip(LOGITS.double().numpy(), LABEL.tolist(), strict=True):
        shifted = row - (value * np.eye(3)[label] if name == "additive-margin" else 0)
        p = np.exp(shifted[label]) / np.exp(shifted).sum()
        total += {
            "focal": -((1 - p) ** value) * math.log(p),
            "additive-margin": -math.log(p),
            "generalized": (1 - p**value) / value,
        }[name]
    return total / len(LABEL)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("value", [None, 0.5, 1.0])
def test_a_loss_is_that_of_its_paper(name: LossName, value: float | None) -> None:
    wanted = expected(name, PARAMETERS[name] if value is None else value)
    assert loss(name, value) == pytest.approx(wanted, rel=1e-5)


def test_towards_their_limits_they_are_cross_entropy_and_absolute_error() -> None:
    plain = float(F.cross_entropy(LOGITS, LABEL))
    for name in KINDS:
        assert loss(name, 1e-4) == pytest.approx(plain, rel=1e-3)
    right = torch.softmax(LOGITS, dim=1)[range(4), LABEL]
    assert loss("generalized", 1.0) == pytest.approx(float((1 - right).mean()), rel=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_sure_predictions_right_or_wrong_have_finite_gradients(name: LossName) -> None:
    logits = torch.tensor([[200.0, -200.0, 0.0], [200.0, -200.0, 0.0]], requires_grad=True)
    objective = Objective(smoothing=[0.0] * 2, class_weights=[1.0] * 3, loss=name, parameter=0.5)
    found = objective(Scores(logits, logits), Views(torch.tensor([0, 1]), CLIP[:2]))["labels"]
    found.backward()
    assert torch.isfinite(found) and logits.grad is not None and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", KINDS)
def test_a_mixed_label_weights_both_genres(name: LossName) -> None:
    """The clip without a label has no part in the margin either."""
    label = torch.tensor([0, 1, -1, 2])
    whole = Blend(torch.ones(4), torch.tensor([1, 2, 3, 0]))
    alone = loss(name, 0.5, label=label)
    assert loss(name, 0.5, label=label, blend=whole) == pytest.approx(alone, rel=1e-6)
    half = Blend(torch.tensor([0.5, 1.0, 1.0, 1.0]), torch.tensor([2, 0, 0, 0]))
    assert math.isfinite(loss(name, 0.5, label=label, blend=half))
    assert loss(name, 0.5, label=label, blend=half) != alone


@pytest.mark.parametrize("name", KINDS)
def test_segments_of_a_view_are_averaged(name: LossName) -> None:
    views = LOGITS.repeat_interleave(3, dim=0)
    assert loss(name, logits=views, segments=3) == pytest.approx(loss(name), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "quoted"),
    [
        (["training.loss=focal", "training.loss_parameter=0"], "loss_parameter"),
        (["training.loss_parameter=2"], "cross-entropy"),
        (["training.loss=generalized", "training.loss_parameter=1.5"], "generalized"),
        (["training.draw=grid", "training.segments_per_clip=null"], "segments_per_clip"),
    ],
)
def test_values_that_mean_nothing_are_refused(changes: list[str], quoted: str) -> None:
    with raises("recipe-value", quoted):
        load_recipe("ms-sincresnet-80", changes=changes)


def test_earlier_recipes_are_written_as_they_were() -> None:
    text = dump_recipe(load_recipe("soundfusion/resnet2d-s"))
    assert "  loss" not in text and "  draw" not in text
