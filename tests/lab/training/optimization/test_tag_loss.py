"""The loss of tags: masks, mixtures, segments, teachers, and sound that is no music."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from genrelab.lab.recipes.tags import NO_MUSIC, Tags
from genrelab.lab.training.distillation.taught import Taught
from genrelab.lab.training.optimization.mixup import Blend
from genrelab.lab.training.optimization.tag_loss import TagLoss, TagTargets
from genrelab.lab.training.optimization.views import Views

TRUTH = np.array([[1, 0], [-1, 1], [0, -1], [1, 1], [-1, -1]], dtype=np.int8)
TAGS = ("mood:calm", "genre:folk", "style:punk", NO_MUSIC)
CLIP = torch.tensor([3, 0, 1, 2, 4])
LABEL = torch.zeros(5, dtype=torch.long)
BLEND = Blend(torch.tensor([0.9, 0.8, 0.7, 0.6, 1.0]), torch.tensor([1, 2, 3, 4, 0]))


def loss_of(**settings: float) -> TagLoss:
    return TagLoss(Tags.model_validate({"teacher": 0.0, **settings}), TagTargets(TAGS, TRUTH, 1))


def logits(segments: int = 1) -> Tensor:
    return torch.randn(5 * segments, len(TAGS), generator=torch.Generator().manual_seed(0))


def entropy(probability: Tensor, wanted: float | Tensor) -> Tensor:
    return F.binary_cross_entropy(probability, torch.as_tensor(wanted).expand_as(probability))


def test_only_known_tags_count() -> None:
    found = loss_of(labels=2.0)(logits(), Views(LABEL, CLIP), None)
    predicted = torch.sigmoid(logits())
    each = [
        entropy(predicted[row, tag], float(TRUTH[clip, tag]))
        for row, clip in enumerate(CLIP.tolist())
        for tag in (0, 1)
        if TRUTH[clip, tag] >= 0
    ]
    assert list(found) == ["tags_labels"] and len(each) == 6
    torch.testing.assert_close(found["tags_labels"], 2.0 * torch.stack(each).mean())


def test_a_mixture_is_known_where_both_are() -> None:
    found = loss_of(labels=1.0)(logits(), Views(LABEL, CLIP, BLEND), None)["tags_labels"]
    predicted, each = torch.sigmoid(logits()), []
    for row, share in enumerate(BLEND.share.tolist()):
        own, other = TRUTH[CLIP[row]], TRUTH[CLIP[BLEND.partner[row]]]
        each += [
            entropy(predicted[row, tag], share * float(own[tag]) + (1 - share) * float(other[tag]))
            for tag in (0, 1)
            if own[tag] >= 0 and other[tag] >= 0
        ]
    assert len(each) == 3
    torch.testing.assert_close(found, torch.stack(each).mean())


def test_nothing_known_is_no_loss() -> None:
    views = Views(LABEL[:2], torch.tensor([4, 4]))
    assert loss_of(labels=1.0)(logits()[:2], views, None)["tags_labels"] == 0.0
    assert loss_of(labels=0.0)(logits()[:2], views, None) == {}


def test_the_probability_of_a_view_is_the_mean_over_its_segments() -> None:
    many = logits(3)
    found = loss_of(labels=1.0)(many, Views(LABEL, CLIP, segments=3), None)["tags_labels"]
    mean = torch.logit(torch.sigmoid(many).reshape(5, 3, -1).mean(dim=1))
    torch.testing.assert_close(found, loss_of(labels=1.0)(mean, Views(LABEL, CLIP), None)["tags_labels"])


def test_teachers_and_their_heads_teach_every_view() -> None:
    draws = torch.Generator().manual_seed(1)
    heads, teachers = torch.rand(5, 2, generator=draws), torch.rand(5, 1, generator=draws)
    taught = Taught(torch.full((5,), 0.2), {}, None, heads, teachers)
    found = loss_of(labels=0.0, heads=3.0, teacher=0.5)(logits(), Views(LABEL, CLIP, BLEND), taught)
    predicted = torch.sigmoid(logits())
    assert list(found) == ["tags_heads", "tags_teachers"]
    torch.testing.assert_close(found["tags_heads"], 3.0 * entropy(predicted[:, :2], heads))
    torch.testing.assert_close(found["tags_teachers"], 0.5 * entropy(predicted[:, 2:3], teachers))
    half = taught._replace(share=torch.tensor([0.5, 0.5, 0.0, 0.0, 0.0]), tag_teachers=None)
    found = loss_of(labels=0.0, heads=3.0, teacher=0.5)(logits(), Views(LABEL, CLIP), half)
    assert list(found) == ["tags_heads"]
    torch.testing.assert_close(found["tags_heads"], 3.0 * entropy(predicted[:2, :2], heads[:2]))


def test_music_and_no_music_count_alike() -> None:
    music, outliers = logits(), logits()[:2] + 1.0
    found = loss_of(no_music=0.5).content(music, outliers)
    halves = [
        F.binary_cross_entropy_with_logits(each[:, 3], torch.full((len(each),), wanted))
        for each, wanted in ((music, 0.0), (outliers, 1.0))
    ]
    assert found is not None
    torch.testing.assert_close(found, 0.5 * torch.stack(halves).mean())
    assert loss_of(no_music=0.0).content(music, outliers) is None
    without = TagLoss(Tags(no_music=1.0), TagTargets(TAGS[:3], TRUTH, 1))
    assert without.content(music, outliers) is None


@pytest.mark.parametrize("extreme", [-200.0, 200.0])
def test_extreme_logits_stay_finite(extreme: float) -> None:
    far = torch.full((5, len(TAGS)), extreme, requires_grad=True)
    found = loss_of(labels=1.0)(far, Views(LABEL, CLIP), None)["tags_labels"]
    found.backward()
    assert found.isfinite() and far.grad is not None and far.grad.isfinite().all()
