"""Function matching of maps: the outputs of a teacher's layers, place by place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from published_fcn import CHANNELS, write_published
from raising import raises
from torch import Tensor

from genrelab.lab.models import Scores
from genrelab.lab.models.fcn import FullyConvolutional
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.training.distillation.matching import MatchingSource
from genrelab.lab.training.distillation.teacher_set import NamedTeacher, load_teachers, teachers_digest
from genrelab.lab.training.optimization.objective import Distilling
from genrelab.lab.training.optimization.views import Views

RATE = 16_000
SEGMENT = 81_920  # 5.12 s
REGRESS = {"map1": 0.5, "map4": 2.0, "pen": 1.0}
WIDTHS = (3, 4, 4, 5, 4)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_published(tmp_path_factory.mktemp("teachers") / "one.safetensors"))


@pytest.fixture(scope="module")
def sound() -> Tensor:
    return 0.2 * torch.randn(2, 1, 4 * SEGMENT, generator=torch.Generator().manual_seed(2))


def views_of(sound: Tensor, segments: int = 4) -> Views:
    none = torch.zeros(len(sound), dtype=torch.long)
    return Views(none, none, None, segments, sound)


def source_of(*files: object, **values: Any) -> MatchingSource:
    settings = Distill.model_validate({"teachers": files, "regress": REGRESS, **values})
    return MatchingSource(settings, load_teachers(settings), sample_rate=RATE)


def scores_of(maps: tuple[Tensor, ...], rows: int) -> Scores:
    return Scores(torch.zeros(rows, 3), torch.zeros(rows, 7), maps=maps)


def test_maps_are_standardized_by_channel(file: str, sound: Tensor) -> None:
    source = source_of(file)
    source.standardize([sound[:1], sound[1:]], segments=4)
    taught = source(views_of(sound))
    for number, places in ((1, (48, 80)), (4, (4, 1))):
        found = taught.arrays[f"one.map{number}"]
        assert found.shape == (2, 4, CHANNELS[number - 1], *places)
        by_channel = found.movedim(2, 0).flatten(1)
        torch.testing.assert_close(by_channel.mean(dim=1), torch.zeros(len(by_channel)), atol=1e-4, rtol=0)
        assert (by_channel.std(dim=1) < 1.001).all() and by_channel.std(dim=1).max() > 0.99


def test_the_loss_is_the_distance_at_each_place(file: str, sound: Tensor) -> None:
    source = source_of(file)
    source.standardize([sound], segments=4)
    distilling = Distilling(source.settings, source, embeddings=[7], maps=WIDTHS)
    views, draws = views_of(sound), torch.Generator().manual_seed(4)
    taught = source(views)
    shapes = ((48, 80), (24, 20), (12, 5), (4, 1))
    maps = tuple(torch.randn(8, WIDTHS[at], *shape, generator=draws) for at, shape in enumerate(shapes))
    terms = distilling(0, scores_of(maps, 8), views, taught)
    assert set(terms) == {"regress_one.map1", "regress_one.map4", "regress_one.pen"}
    head = distilling.heads[0][1]  # type: ignore[index]
    assert head.weight.shape == (CHANNELS[3], WIDTHS[3], 1, 1)
    wanted = 2.0 * F.smooth_l1_loss(head(maps[3]), taught.arrays["one.map4"].flatten(0, 1))
    torch.testing.assert_close(terms["regress_one.map4"], wanted)
    weight = torch.zeros(CHANNELS[3], CHANNELS[3], 1, 1)
    weight[range(CHANNELS[3]), range(CHANNELS[3])] = 1.0
    equal = Distilling(source.settings, source, embeddings=[7], maps=(*WIDTHS[:3], CHANNELS[3]))
    equal.heads[0][1].load_state_dict({"weight": weight, "bias": torch.zeros(CHANNELS[3])})  # type: ignore[index]
    found = (*maps[:3], taught.arrays["one.map4"].flatten(0, 1))
    assert equal(0, scores_of(found, 8), views, taught)["regress_one.map4"] == 0.0


def test_a_network_learns_to_give_the_maps_of_a_teacher(file: str, sound: Tensor) -> None:
    """Maps of the same spectrogram come closer to those of the teacher."""
    torch.manual_seed(0)
    source = source_of(file, regress={"map1": 1.0, "map2": 1.0})
    source.standardize([sound], segments=4)
    network = FullyConvolutional(inputs={"mel": (1, 96, 321)}, genres=3, widths=(8, 8, 4, 4, 4)).train()
    distilling = Distilling(source.settings, source, embeddings=[28], maps=network.map_channels)
    teacher: Any = source._teachers[0].network
    mel = teacher.decibels(sound.reshape(8, -1))[:, None]
    optimizer = torch.optim.Adam([*network.parameters(), *distilling.parameters()], lr=0.02)
    losses = []
    for _ in range(25):
        scores = network({"mel": mel})
        loss = torch.stack(
            list(distilling(0, scores, views_of(sound), source(views_of(sound))).values())
        ).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_maps_follow_the_items_of_a_batch() -> None:
    scores = scores_of((torch.arange(6.0).reshape(3, 2, 1, 1),), 3)
    assert scores.first(2).maps[0].flatten().tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_teacher_gives_only_what_it_is_asked_for(file: str, sound: Tensor, tmp_path: Path) -> None:
    other = str(write_published(tmp_path / "two.safetensors", seed=1))
    source = source_of(file, {"weights": other, "gives": ["pen"]})
    assert list(source.sizes) == ["one.map1", "one.map4", "one.pen", "two.pen"]
    assert source.layers == {"one.map1": 0, "one.map4": 3}
    assert set(source(views_of(sound)).arrays) == set(source.sizes)
    both = [load_teachers(Distill.model_validate({"teachers": [each], "regress": {"pen": 1.0}})) for each in (
        other, {"weights": other, "gives": ["pen"]}
    )]  # fmt: skip
    assert teachers_digest(both[0]) != teachers_digest(both[1])


def test_what_cannot_be_matched_is_an_error(file: str, sound: Tensor) -> None:
    def load(*files: object, **values: Any) -> tuple[NamedTeacher, ...]:
        return load_teachers(Distill.model_validate({"teachers": files or [file], **values}))

    with raises("teacher-array-of-segments", "map1", "tags"):
        load(tags={"map1": 1.0})
    with raises("teacher-array-of-segments", "map1", "genres.from"):
        load(genres={"from": ["map1"]})
    with raises("teacher-array-not-given", "map1"):
        load({"weights": file, "gives": ["pen"]}, regress={"map1": 1.0, "pen": 1.0})
    with raises("teacher-array-unknown", "map9"):
        load({"weights": file, "gives": ["map9"]}, regress={"pen": 1.0})
    source = source_of(file)
    with raises("no-maps", 0):
        Distilling(source.settings, source, embeddings=[7])
    with raises("teacher-map-undivided", "one.map4"):
        source(views_of(sound, segments=3))
    distilling = Distilling(source.settings, source, embeddings=[7], maps=WIDTHS)
    maps = tuple(torch.zeros(8, width, 48, 81) for width in WIDTHS)
    with raises("maps-differ", 81, 80):
        distilling(0, scores_of(maps, 8), views_of(sound), source(views_of(sound)))
