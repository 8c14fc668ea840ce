"""Searches that come with genrelab, as files, and as typed; what they become."""

from __future__ import annotations

from pathlib import Path

import pytest
from raising import raises

from genrelab.lab.recipes import load_recipe
from genrelab.lab.studies.search import Plan, load_plan, plan_names, settle, typed
from genrelab.lab.studies.search.axes import Choices, Range


def test_the_grid_of_the_paper() -> None:
    search = settle(load_plan("soundfusion-masks"), genres=8)
    assert search.trials == 27 and search.sampler == "grid" and search.monitor == "valid_accuracy"
    trials = [search.values_of(number, [], seed=0) for number in range(1, 28)]
    assert len({tuple(values.items()) for values in trials}) == 27
    assert [values["augment.inputs.mel.*.count"] for values in trials[:4]] == [1, 2, 3, 1]
    best = {
        "augment.probability": 1.0,
        "augment.inputs.mel.*.max_share": 0.3,
        "augment.inputs.mel.*.count": 2,
    }
    assert best in trials, "what the paper found best is among them"
    recipe = search.recipe_of({**best, "augment.inputs.mel.*.count": 3})
    masks = [(part.kind, part.options()) for part in recipe.augment.inputs["mel"]]
    assert masks == [(kind, {"count": 3, "max_share": 0.3}) for kind in ("frequency-mask", "time-mask")]
    assert recipe.augment.probability == 1.0


def test_the_grid_over_waveform_augmentation() -> None:
    search = settle(load_plan("soundfusion-waveform"), genres=8)
    trials = [search.values_of(number, [], seed=0) for number in range(1, 1 + search.trials)]
    assert len({str(values) for values in trials}) == search.trials == 18
    recipe = load_recipe("soundfusion/resnet1d-s")
    same = [values for values in trials if search.recipe_of(values) == recipe]
    assert len(same) == 1, "what the paper found best is among them"
    assert search.words(same[0]) == (
        'probability = 1, std = 0.02, waveform.1 = {"kind": "gain", "low": -12.0, "high": 12.0}'
    )


def test_the_batches_and_the_reduced_dataset_of_the_smallest_network() -> None:
    search = settle(load_plan("soundfusion-simple-cnn"), genres=8)
    recipes = [search.recipe_of(search.values_of(number, [], seed=0)) for number in range(1, 9)]
    assert {each.name for each in recipes} == {"soundfusion/simple-cnn"}
    settings = [(each.training.batch_size, each.training.clips_share) for each in recipes]
    assert settings == [(size, share) for size in (32, 64, 128, 256) for share in (0.25, 1.0)]


def test_the_widths_of_figure_1() -> None:
    search = settle(load_plan("soundfusion-width"), genres=8)
    recipes = [search.recipe_of(search.values_of(number, [], seed=0)) for number in range(1, 7)]
    sizes = [
        (recipe.model.kind, recipe.model.options()["width"], recipe.training.batch_size) for recipe in recipes
    ]
    rows = [(16, 32), (32, 32), (64, 16)]
    assert sizes == [(kind, *row) for kind in ("resnet1d", "resnet2d") for row in rows]
    assert search.test_figures, "the figure shows test accuracies"


@pytest.mark.parametrize("name", plan_names())
def test_every_plan_of_a_paper_names_its_place(name: str) -> None:
    plan = load_plan(name)
    assert plan.name == name and plan.title
    assert plan.paper is None or (name.startswith(f"{plan.paper}-") and plan.place and plan.assumed)


def test_options_override_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "recipe: resnet2d-s\nset: training.max_epochs=2\n"
        "space: {training.learning_rate: 1e-4..1e-2:log, model.width: [8, 16]}\ntrials: 30"
    )
    plan = typed(
        load_plan(str(path)),
        grid=[],
        space=["model.width=4..8"],
        set=["model.dropout=0"],
        seeds=3,
        trials=None,
    )
    search = settle(plan)
    assert search.name == "mine" and search.seeds == 3 and search.trials == 30 and search.sampler == "tpe"
    assert search.axes == {"training.learning_rate": Range(1e-4, 1e-2, log=True), "model.width": Range(4, 8)}
    assert search.changes == ("training.max_epochs=2", "model.dropout=0")
    recipe = search.recipe_of({"training.learning_rate": 5e-5, "model.width": 5})
    assert recipe.training.learning_rate == 5e-5 and recipe.training.max_epochs == 2
    assert recipe.model.options() == {"width": 5, "dropout": 0}


def test_recipes_can_be_searched_over() -> None:
    plan = typed(Plan(), grid=["recipe=simple-cnn,simple-vgg", "model.width=4,8"], space=[])
    search = settle(plan)
    assert [search.recipe_of(search.values_of(number, [], seed=0)).model.kind for number in range(1, 5)] == [
        "simple-cnn", "simple-cnn", "simple-vgg", "simple-vgg",
    ]  # fmt: skip
    assert set(search.bases()) == {"simple-cnn", "simple-vgg"}
    drawn = settle(typed(Plan(), grid=[], space=["recipe=simple-cnn,simple-vgg", "model.width=4..8"]))
    assert drawn.axes["recipe"] == Choices(("simple-cnn", "simple-vgg"))


@pytest.mark.parametrize(
    ("text", "code", "quoted"),
    [
        ("gird: {model.width: [8]}", "plan-key", "'grid'"),
        ("- 1", "plan-not-a-mapping", "list"),
        ("a: [", "plan-unreadable", "mine.yaml"),
        ("monitor: test_accuracy", "plan-value", "monitor = 'test_accuracy'"),
        ("seeds: 0", "plan-value", "seeds = 0"),
        ("name: a/b", "plan-value", "name = 'a/b'"),
        ("grid: {model.width: 8}", "plan-value", "grid.model.width"),
    ],
)
def test_wrong_files_are_refused(text: str, code: str, quoted: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with raises(code, quoted):
        load_plan(str(path))


def test_what_cannot_be_searched_is_refused(tmp_path: Path) -> None:
    with raises("plan-unreadable", "absent.yaml"):
        load_plan(str(tmp_path / "absent.yaml"))
    with raises("search-recipe"):
        settle(Plan(grid={"model.width": [8, 16]}))
    with raises("axis-empty", "model.width"):
        settle(Plan(recipe="resnet2d-s", grid={"model.width": []}))
    with raises("grid-too-large", "100,000", "10,000"):
        settle(Plan(recipe="resnet2d-s", grid={f"k{i}": list(range(10)) for i in range(5)}))
    with raises("sampler-without-axes", "grid"):
        settle(Plan(recipe="resnet2d-s", space={"model.width": [8, 16]}, sampler="grid"))
    with raises("kind-unknown", "'mel'"):
        settle(Plan(recipe="resnet2d-s", grid={"inputs.mel.kind": ["mel", "mell"]}))
    with raises("option-invalid", "'width' = 0"):
        settle(Plan(recipe="resnet2d-s", space={"model.width": "0..8"}))
    with raises("axis-twice", "--grid", "model.width"):
        typed(Plan(), grid=["model.width=1", "model.width=2"], space=[])
