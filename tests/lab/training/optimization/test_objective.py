"""The loss: labels as torch counts them, mixed labels, targets, terms without anything to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from genrelab.lab.models import Scores
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.training.distillation.distillation import ClipTargets
from genrelab.lab.training.distillation.taught import TableSource
from genrelab.lab.training.optimization.mixup import Blend, Mixup
from genrelab.lab.training.optimization.objective import Distilling, Objective
from genrelab.lab.training.optimization.views import Views

CLIPS, GENRES, EMBEDDING = 6, 3, 4
RNG = np.random.default_rng(0)
LABEL = torch.tensor([0, 1, 2, 0, -1, -1])
CLIP = torch.arange(CLIPS)
TAGS = RNG.uniform(size=(CLIPS, 2))
PEN = RNG.normal(size=(CLIPS, 5))
TEACHER = RNG.normal(size=(CLIPS, GENRES))


def scores() -> Scores:
    draws = torch.Generator().manual_seed(1)
    return Scores(torch.randn(CLIPS, GENRES, generator=draws), torch.randn(CLIPS, EMBEDDING, generator=draws))


def lesson(taught: list[bool] | None = None) -> ClipTargets:
    has = np.array(taught or [True] * CLIPS)
    return ClipTargets(has, {"pen": PEN}, {"tags": TAGS}, TEACHER, {})


def objective_of(settings: Distill, taught: list[bool] | None, embeddings: list[int]) -> Objective:
    distill = Distilling(settings, TableSource(settings, lesson(taught)), embeddings=embeddings)
    return Objective(smoothing=[0.0] * CLIPS, class_weights=[1.0] * GENRES, distill=distill)


def heads(objective: Objective) -> torch.nn.ModuleList:
    assert objective.distill is not None
    return objective.distill.heads[0]


def distilling(taught: list[bool] | None = None, **values: object) -> Objective:
    settings = Distill.model_validate(values)
    torch.manual_seed(3)
    return objective_of(settings, taught, [EMBEDDING])


def blend() -> Blend:
    return Blend(torch.tensor([0.9, 0.8, 0.7, 0.6, 1.0, 0.5]), torch.tensor([1, 2, 3, 4, 5, 0]))


def test_labels_are_torchs_cross_entropy() -> None:
    logits, label = scores().logits[:4], LABEL[:4]
    for smoothing in (0.0, 0.2):
        plain = Objective(smoothing=[smoothing] * 4, class_weights=[1.0] * GENRES)
        (found,) = plain(Scores(logits, logits), Views(label, CLIP[:4])).values()
        torch.testing.assert_close(found, F.cross_entropy(logits, label, label_smoothing=smoothing))


def test_unlabelled_items_have_no_part_in_it() -> None:
    every = scores()
    plain = Objective(smoothing=[0.1] * CLIPS, class_weights=[1.0] * GENRES)
    found = plain(every, Views(LABEL, CLIP))["labels"]
    torch.testing.assert_close(found, F.cross_entropy(every.logits[:4], LABEL[:4], label_smoothing=0.1))
    assert plain(every, Views(torch.full((CLIPS,), -1), CLIP))["labels"] == 0.0


def test_each_clip_is_smoothed_as_it_should_be() -> None:
    every = scores()
    smoothing = [0.0, 0.3, 0.0, 0.3, 0.0, 0.0]
    plain = Objective(smoothing=smoothing, class_weights=[1.0] * GENRES)
    clip = CLIP.flip(0)  # the clips' numbers count, not their places in the batch
    found = plain(every, Views(LABEL, clip))["labels"]
    each = [
        F.cross_entropy(every.logits[at], LABEL[at], label_smoothing=smoothing[int(clip[at])])
        for at in range(4)
    ]
    torch.testing.assert_close(found, torch.stack(each).mean())


def test_weighted_classes_count_by_their_weight() -> None:
    every, weights = scores(), torch.tensor([0.5, 2.0, 1.0])
    plain = Objective(smoothing=[0.0] * CLIPS, class_weights=weights.tolist())
    each = F.cross_entropy(every.logits[:4], LABEL[:4], reduction="none") * weights[LABEL[:4]]
    torch.testing.assert_close(plain(every, Views(LABEL, CLIP))["labels"], each.mean())


def test_mixed_labels_are_the_mixture_of_losses() -> None:
    every, mixed = scores(), blend()
    plain = Objective(smoothing=[0.1] * CLIPS, class_weights=[1.0, 2.0, 3.0])
    found = plain(every, Views(LABEL, CLIP, mixed))["labels"]
    total = shares = torch.tensor(0.0)
    for at in range(CLIPS):
        partner = int(mixed.partner[at])
        for whose, share in ((at, mixed.share[at]), (partner, 1 - mixed.share[at])):
            if LABEL[whose] >= 0:
                loss = F.cross_entropy(every.logits[at], LABEL[whose], label_smoothing=0.1)
                total = total + share * (1.0 + LABEL[whose]) * loss
                shares = shares + share
    torch.testing.assert_close(found, total / shares)


def test_a_blend_keeps_sums_and_changes_nothing_at_a_share_of_1() -> None:
    drawn = Mixup(0.4)
    drawn.seed(5)
    first = drawn.draw(64, torch.device("cpu"))
    one_hot = F.one_hot(torch.arange(64) % 3, 3).float()
    torch.testing.assert_close(first.of(one_hot).sum(dim=1), torch.ones(64))
    torch.testing.assert_close(first.of(one_hot).sum(), one_hot.sum())
    assert first.share.min() >= 0.5 and first.share.max() <= 1.0
    assert sorted(first.partner.tolist()) == list(range(64))
    waves = torch.randn(64, 2, 10)
    assert torch.equal(Blend(torch.ones(64), first.partner).of(waves), waves)
    torch.testing.assert_close(
        first.of(waves)[7], first.share[7] * waves[7] + (1 - first.share[7]) * waves[first.partner[7]]
    )
    drawn.seed(5)
    assert torch.equal(drawn.draw(64, torch.device("cpu")).share, first.share)
    assert not torch.equal(drawn.draw(64, torch.device("cpu")).share, first.share)


def test_every_term_is_what_torch_says() -> None:
    every = scores()
    objective = distilling(
        regress={"pen": 2.0}, tags={"tags": 3.0}, genres={"from": ["pen"], "weight": 4.0, "temperature": 2.0},
        label_weight=0.5, regress_loss="mse",
    )  # fmt: skip
    terms = objective(every, Views(LABEL, CLIP))
    assert list(terms) == ["labels", "regress_pen", "tags_tags", "genres"]
    torch.testing.assert_close(terms["labels"], 0.5 * F.cross_entropy(every.logits[:4], LABEL[:4]))
    pen, tags = torch.from_numpy(PEN).float(), torch.from_numpy(TAGS).float()
    torch.testing.assert_close(
        terms["regress_pen"], 2.0 * F.mse_loss(heads(objective)[0](every.embedding), pen)
    )
    torch.testing.assert_close(
        terms["tags_tags"],
        3.0 * F.binary_cross_entropy(torch.sigmoid(heads(objective)[1](every.embedding)), tags),
    )
    teacher = torch.from_numpy(TEACHER).float()
    wanted = F.kl_div(F.log_softmax(every.logits / 2, -1), F.softmax(teacher / 2, -1), reduction="batchmean")
    torch.testing.assert_close(terms["genres"], 4.0 * 4.0 * wanted)
    assert not [key for key in objective.state_dict() if not key.startswith("distill.heads.")]


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        ("smooth-l1", F.smooth_l1_loss),
        ("mse", F.mse_loss),
        ("cosine", lambda a, b: 1 - F.cosine_similarity(a, b).mean()),
    ],
)
def test_distances(loss: str, reference: object) -> None:
    every = scores()
    objective = distilling(regress={"pen": 1.0}, regress_loss=loss)
    said = heads(objective)[0](every.embedding)
    found = objective(every, Views(LABEL, CLIP))["regress_pen"]
    assert callable(reference)
    torch.testing.assert_close(found, reference(said, torch.from_numpy(PEN).float()))


def test_clips_without_targets_have_no_part_in_it() -> None:
    every = scores()
    taught = [True, False, True, True, True, False]
    objective = distilling(taught, regress={"pen": 1.0}, regress_loss="mse")
    has = torch.tensor(taught)
    said = heads(objective)[0](every.embedding)[has]
    wanted = F.mse_loss(said, torch.from_numpy(PEN).float()[has])
    torch.testing.assert_close(objective(every, Views(LABEL, CLIP))["regress_pen"], wanted)
    none = distilling([False] * CLIPS, regress={"pen": 1.0}, genres={"from": ["pen"]})
    terms = none(every, Views(LABEL, CLIP))
    assert terms["regress_pen"] == 0.0 and terms["genres"] == 0.0


def test_mixed_targets() -> None:
    every, mixed = scores(), blend()
    taught = [True, True, True, True, True, False]
    objective = distilling(taught, regress={"pen": 1.0}, regress_loss="mse", genres={"from": ["pen"]})
    terms = objective(every, Views(LABEL, CLIP, mixed))
    both = [at for at in range(CLIPS) if taught[at] and taught[int(mixed.partner[at])]]
    assert both == [0, 1, 2, 3], "an item counts where both that it is mixed of have targets"
    pen, teacher = torch.from_numpy(PEN).float(), torch.from_numpy(TEACHER).float().softmax(-1)
    said = heads(objective)[0](every.embedding)
    torch.testing.assert_close(terms["regress_pen"], F.mse_loss(said[both], mixed.of(pen)[both]))
    logs = F.log_softmax(every.logits, -1)
    wanted = F.kl_div(logs[both], mixed.of(teacher)[both], reduction="batchmean")
    torch.testing.assert_close(terms["genres"], wanted)


def test_without_labels_the_term_is_missing() -> None:
    terms = distilling(label_weight=0, genres={"from": ["pen"]})(scores(), Views(LABEL, CLIP))
    assert list(terms) == ["genres"]


def test_of_members_each_term_is_the_mean_and_each_has_heads_of_its_own() -> None:
    values = {"regress": {"pen": 1.0}, "tags": {"tags": 1.0}, "genres": {"from": ["pen"]}}
    torch.manual_seed(5)
    together = objective_of(Distill.model_validate(values), None, [EMBEDDING, 2])
    first, second = scores(), Scores(torch.randn(CLIPS, GENRES), torch.randn(CLIPS, 2))
    both = Scores(torch.zeros(CLIPS, GENRES), torch.zeros(CLIPS, EMBEDDING + 2), (first, second))
    views = Views(LABEL, CLIP, blend())
    found = together(both, views)
    assert together.distill is not None
    taught = together.distill.source(views)
    each = [
        {"labels": together.labels(said.logits, views), **together.distill(number, said, views, taught)}
        for number, said in enumerate((first, second))
    ]
    assert found.keys() == each[0].keys() == {"labels", "regress_pen", "tags_tags", "genres"}
    for name, term in found.items():
        torch.testing.assert_close(term, (each[0][name] + each[1][name]) / 2)
        assert not torch.isclose(each[0][name], each[1][name])
