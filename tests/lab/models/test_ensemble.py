"""Ensembles: averaged probabilities, and one loss per member."""

from __future__ import annotations

import pytest
import torch
from raising import raises
from torch import Tensor

from genrelab.lab.models import MODELS, Scores
from genrelab.lab.models.ensemble import Ensemble
from genrelab.lab.training.optimization.objective import Objective, embedding_lengths
from genrelab.lab.training.optimization.views import Views

SHAPES = {"mel": (1, 96, 320), "mfcc": (1, 36, 64), "cqt": (1, 36, 64)}
FCN = {"kind": "fcn", "inputs": ["mel"], "widths": [3, 4, 5, 4, 3]}
PAIR = {"kind": "mfcc-cqt", "inputs": ["mfcc", "cqt"], "width": 2, "combined": 4, "crop_frames": None}


def ensemble(*members: dict[str, object], inputs: tuple[str, ...] = ("mel", "mfcc", "cqt")) -> Ensemble:
    torch.manual_seed(0)
    given = {name: SHAPES[name] for name in inputs}
    made = MODELS.create("ensemble", {"members": list(members)}, inputs=given, genres=3)
    assert isinstance(made, Ensemble)
    return made


def pictures(items: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(items, *shape, generator=generator) for name, shape in SHAPES.items()}


@torch.no_grad()
def test_probabilities_are_averaged_and_embeddings_concatenated() -> None:
    net = ensemble(FCN, PAIR).eval()
    given = pictures()
    said = net(given)
    alone = [
        net.members[0]({"mel": given["mel"]}),
        net.members[1]({name: given[name] for name in ("mfcc", "cqt")}),
    ]
    mean = sum(each.logits.softmax(-1) for each in alone) / 2
    torch.testing.assert_close(said.logits.softmax(-1), mean)
    torch.testing.assert_close(said.embedding, torch.cat([each.embedding for each in alone], 1))
    assert said.embedding.shape[1] == 3 + 4 + 5 + 4 + 3 + 4
    assert said.learning == said.members and len(said.members) == 2


def test_each_learns_by_a_loss_of_its_own() -> None:
    net, given, label = ensemble(FCN, PAIR).train(), pictures(6), torch.tensor([0, 1, 2, 0, 1, 2])
    objective = Objective(smoothing=[0.1] * 6, class_weights=[1.0, 2.0, 1.0])
    clip = torch.arange(6)
    said: Scores = net(given)
    objective(said, Views(label, clip))["labels"].backward()
    found = [weight.grad.clone() for weight in net.members[1].parameters()]
    net.zero_grad()
    alone = objective(said.members[1]._replace(logits=net(given).members[1].logits), Views(label, clip))
    alone["labels"].backward()
    assert all(weight.grad is None for weight in net.members[0].parameters())
    for mine, weight in zip(found, net.members[1].parameters(), strict=True):
        torch.testing.assert_close(2 * mine, weight.grad)


def test_the_first_items_are_those_of_all_members() -> None:
    said: Scores = ensemble(FCN, PAIR).eval()(pictures()).first(2)
    assert [len(each.logits) for each in (said, *said.members)] == [2, 2, 2]
    assert [len(each.embedding) for each in (said, *said.members)] == [2, 2, 2]


def test_embeddings_are_measured_member_by_member() -> None:
    class Heard(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = ensemble(FCN, PAIR)

        def forward(self, waveform: Tensor) -> Scores:
            return self.body(pictures(len(waveform)))  # type: ignore[no-any-return]

    assert embedding_lengths(Heard(), channels=1, samples=10) == [19, 4]


def test_the_shortest_input_is_that_of_its_members() -> None:
    assert ensemble(FCN, PAIR).shortest_frames == 320
    fixed = {"kind": "simple-cnn", "inputs": ["cqt"]}
    assert ensemble(FCN, fixed, inputs=("mel", "cqt")).shortest_frames is None


@pytest.mark.parametrize(
    ("members", "code", "quoted"),
    [
        ([FCN, {**PAIR, "inputs": ["mfcc", "cqd"]}], "input-unknown", "'cqt'"),
        ([FCN, FCN], "input-unused", "'cqt'"),
        ([FCN], "option-invalid", "members"),
        ([FCN, {**PAIR, "widht": 3}], "option-unknown", "'width'"),
        ([FCN, {"kind": "fcm", "inputs": ["mfcc"]}, PAIR], "kind-unknown", "'fcn'"),
        ([FCN, {"kind": "fcn"}], "option-invalid", "members"),
    ],
)
def test_invalid_members_are_refused(members: list[dict[str, object]], code: str, quoted: str) -> None:
    with raises(code, quoted):
        ensemble(*members)


def test_earlier_recipes_call_it_together() -> None:
    members = {"members": [FCN, PAIR]}
    assert isinstance(MODELS.create("together", members, inputs=SHAPES, genres=3), Ensemble)
