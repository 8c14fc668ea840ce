"""The teacher of docs/research/plugin-teacher.md: an architecture from a file of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import plugin_pages
import pytest
import torch
from raising import raises
from safetensors.torch import save_file

from genrelab.lab.plugins import load_plugin
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.teachers import load_teacher
from genrelab.lab.training.distillation.teacher_set import load_teachers


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The files of the page, and weights of its teacher."""
    plugin_pages.forget_plugins()
    plugin_pages.write_files(tmp_path)
    draws = torch.Generator().manual_seed(0)
    shapes = {"hidden.weight": (6, 257), "hidden.bias": (6,), "tags.weight": (2, 6), "tags.bias": (2,)}
    save_file(
        {key: torch.randn(shape, generator=draws) for key, shape in shapes.items()},
        tmp_path / "bands.safetensors",
    )
    yield tmp_path
    plugin_pages.forget_plugins()


def test_the_page_adds_a_teacher(folder: Path) -> None:
    weights = folder / "bands.safetensors"
    with raises("teacher-unknown", weights, "hidden.weight", "fcn-tagger"):
        load_teacher(weights)
    load_plugin(folder / "bands.py")
    before = torch.random.get_rng_state()
    settings = {"teachers": [str(weights)], "regress": {"hidden": 1.0}, "tags": {"tags": 1.0}}
    (teacher,) = load_teachers(Distill.model_validate(settings))
    assert torch.equal(torch.random.get_rng_state(), before), "a training starts the same with any teacher"
    views = 0.1 * torch.randn(3, 2, 4000, generator=torch.Generator().manual_seed(1))
    answers = teacher.ask(views, sample_rate=8000, segments=4)
    assert {name: tuple(values.shape) for name, values in answers.items()} == {
        "hidden": (3, 6),
        "tags": (3, 2),
    }
    assert teacher.network.sizes == {"hidden": 6, "tags": 2}
    assert not teacher.network.training and not answers["tags"].requires_grad
