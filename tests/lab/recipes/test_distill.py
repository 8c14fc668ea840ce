"""Recipes: distillation and little data, and their defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from raising import raises

from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.recipes.load import dump_recipe, parse_recipe

NEW = {"distill", "guessed", "balance", "mixup"}


def test_recipes_that_do_not_use_them_are_written_as_before() -> None:
    for name in recipe_names():
        raw = yaml.safe_load(dump_recipe(load_recipe(name)))
        if not name.startswith("builtin/"):
            assert not NEW & (raw.keys() | raw["training"].keys()), name


def test_they_survive_writing_and_reading(tmp_path: Path) -> None:
    recipe = load_recipe("genres-11", changes=["distill.targets=t.npz", "training.balance=sampler"])
    assert recipe.distill is not None and recipe.distill.genres is not None
    text = dump_recipe(recipe)
    assert parse_recipe(yaml.safe_load(text), origin="again") == recipe
    raw = yaml.safe_load(text)
    assert raw["distill"]["genres"]["from"] == list(recipe.distill.genres.arrays)
    assert raw["training"]["balance"] == "sampler"


def test_a_recipe_that_extends_one_may_take_parts_away(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "extends: genres-11\ndistill: {regress: {pen: null, tags: 0.5}, tags: null, genres: null}\n", "utf-8"
    )
    distill = load_recipe(str(tmp_path / "mine.yaml")).distill
    assert distill is not None and distill.genres is None
    assert distill.regress == {"multi": 4.0, "tags": 0.5} and distill.tags == {}
    assert load_recipe("genres-11", changes=["distill=null"]).distill is None


@pytest.mark.parametrize(
    ("change", "code", "quoted"),
    [
        ("distill.regres.pen=1", "recipe-key-unknown", "'distill.regress'"),
        ("distill.genres.form=[pen]", "recipe-key-unknown", "'distill.genres.from'"),
        ("distill.genres.from=[]", "recipe-value", "distill.genres.from"),
        ("distill.genres.folds=1", "recipe-value", "distill.genres.folds"),
        ("distill.regress.pen=-1", "recipe-value", "distill.regress.pen"),
        ("training.mixup=-1", "recipe-value", "training.mixup"),
        ("training.balance=both", "recipe-value", "training.balance"),
        ("training.guessed={origins: [], smoothing: 0.1}", "recipe-value", "training.guessed.origins"),
        ("training.guessed={origins: [a], smoothing: 1.0}", "recipe-value", "training.guessed.smoothing"),
    ],
)
def test_wrong_values_are_refused(change: str, code: str, quoted: str) -> None:
    with raises(code, quoted):
        load_recipe("genres-11", changes=[change])


def test_there_must_be_something_to_learn() -> None:
    with raises("recipe-value", "distill", "regress, tags or genres"):
        load_recipe("resnet2d-s", changes=["distill.targets=t.npz"])
    with raises("recipe-value", "label_weight=0"):
        load_recipe("genres-11", changes=["distill.label_weight=0", "distill.genres=null"])
