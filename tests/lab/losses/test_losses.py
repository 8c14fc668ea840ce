"""Losses of genres against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from raising import raises

from genrelab.lab.losses import LOSSES
from genrelab.lab.recipes import load_recipe
from genrelab.lab.recipes.load import dump_recipe, parse_recipe, read_value
from genrelab.lab.training.optimization.objective import UNLABELLED, Objective
from genrelab.lab.training.optimization.views import Views


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


def objective(name: str, *, smoothing: float = 0.0, genres: torch.Tensor | None = None) -> Objective:
    table = None if genres is None else genres.to(torch.int8).numpy()
    return Objective(
        smoothing=[smoothing] * 4, class_weights=[1.0] * 3, loss=LOSSES.create(name, {}), genres=table
    )


def test_cross_entropy_is_torchs(logits: torch.Tensor) -> None:
    label = torch.tensor([0, 2, 1, UNLABELLED])
    found = objective("cross-entropy", smoothing=0.1).labels(logits, Views(label, torch.arange(4)))
    expected = F.cross_entropy(logits, label, ignore_index=UNLABELLED, label_smoothing=0.1)
    assert torch.allclose(found, expected, atol=1e-6)


def test_binary_is_torchs_over_all_genres_of_labelled_clips(logits: torch.Tensor) -> None:
    label = torch.tensor([0, 2, 1, UNLABELLED])
    genres = torch.tensor([[1, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0]])
    found = objective("binary", genres=genres).labels(logits, Views(label, torch.arange(4)))
    expected = F.binary_cross_entropy_with_logits(logits[:3], genres[:3].float())
    assert torch.allclose(found, expected, atol=1e-6)


def test_binary_smoothing_moves_labels_towards_one_half(logits: torch.Tensor) -> None:
    label, genres = torch.tensor([0, 2, 1, 1]), torch.tensor([[1, 1, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0]])
    found = objective("binary", smoothing=0.2, genres=genres).labels(logits, Views(label, torch.arange(4)))
    expected = F.binary_cross_entropy_with_logits(logits, genres * 0.8 + 0.1)
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_recipe_names_its_loss_with_or_without_options() -> None:
    plain = load_recipe("descriptor-mlp")
    short = load_recipe("descriptor-mlp", changes=["training.loss=binary"])
    long = load_recipe("descriptor-mlp", changes=["training.loss={kind: binary}"])
    assert plain.training.loss.kind == "cross-entropy"
    assert "kind: cross-entropy" not in dump_recipe(plain)  # recipes of earlier runs stay the same
    assert short == long
    again = parse_recipe(read_value(dump_recipe(short), what="a recipe"), origin="test")
    assert again.training.loss.kind == "binary"


def test_an_unknown_loss_names_the_closest() -> None:
    with raises("kind-unknown", "'binery'", "'binary'"):
        LOSSES.create("binery", {})
