"""What a recipe may say of distillation and little data, and what it leaves unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from genrelab.errors import RecipeError
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
    ("change", "words"),
    [
        ("distill.regres.pen=1", "unknown key 'distill.regres'; did you mean 'regress'"),
        ("distill.genres.form=[pen]", "did you mean 'from'"),
        ("distill.genres.from=[]", "distill.genres.from"),
        ("distill.genres.folds=1", "distill.genres.folds"),
        ("distill.regress.pen=-1", "distill.regress.pen"),
        ("training.mixup=-1", "training.mixup"),
        ("training.balance=both", "training.balance"),
        ("training.guessed={origins: [], smoothing: 0.1}", "training.guessed.origins"),
        ("training.guessed={origins: [a], smoothing: 1.0}", "training.guessed.smoothing"),
    ],
)
def test_wrong_values_are_told(change: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe("genres-11", changes=[change])


def test_there_must_be_something_to_learn() -> None:
    with pytest.raises(RecipeError, match=r"distill.*there is nothing to learn"):
        load_recipe("resnet2d-s", changes=["distill.targets=t.npz"])
    with pytest.raises(RecipeError, match=r"label_weight=0.*nothing teaches genres"):
        load_recipe("genres-11", changes=["distill.label_weight=0", "distill.genres=null"])
