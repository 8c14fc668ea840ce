"""The tables that can be reproduced, and budgets that shrink their trainings."""

from __future__ import annotations

import dataclasses

import pytest
from raising import raises

from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Split
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.studies.reproduce import Budget, load_table, table_names
from genrelab.lab.studies.reproduce.table import each_fold


@pytest.mark.parametrize("name", table_names())
def test_a_table_names_recipes_of_its_paper_and_figures_that_they_report(name: str) -> None:
    table = load_table(name)
    for row in table.rows:
        recipe = load_recipe(row.recipe)
        assert recipe.paper == table.paper and row.recipe in recipe_names()
        reported = {each.metric for each in recipe.reported}
        assert reported <= set(table.figures) or table.name.startswith("soundfusion")
        assert reported & set(table.figures) or table.paper == "fds", "fds prints no figure"
    assert len({row.recipe for row in table.rows}) == len(table.rows)


def test_the_tables_are_those_of_the_papers() -> None:
    assert set(table_names()) == {
        "soundfusion-1", "soundfusion-2", "ms-sincresnet-1", "mel-augmentation-4", "mel-augmentation-5",
        "mfcc-cqt-1", "fds-2",
    }  # fmt: skip
    with raises("table-unknown", "'soundfusion'", "'soundfusion-1'"):
        load_table("soundfusion")


def test_a_star_stands_for_all_folds() -> None:
    assert each_fold("artist-kfold:*/3") == [f"artist-kfold:{fold}/3" for fold in range(3)]
    assert each_fold("random:60/20/20") == ["random:60/20/20"]


def test_a_budget_shrinks_epochs_and_phases_in_proportion() -> None:
    budget = Budget.parse(["epochs=4", "clips=3,minutes=7"])
    assert budget == Budget(epochs=4, clips=3, minutes=7)
    tuned = load_recipe("mel-augmentation/vgg16-fine-tuned")
    assert (tuned.training.max_epochs, tuned.training.frozen_epochs, tuned.training.step_epochs) == (
        24,
        12,
        12,
    )
    training = budget.limit_recipe(tuned).training
    assert (training.max_epochs, training.frozen_epochs, training.step_epochs) == (4, 2, 2)
    assert Budget(epochs=500).limit_recipe(tuned) is tuned
    two = Budget(epochs=2).limit_recipe(tuned).training
    assert (two.frozen_epochs, two.step_epochs) == (1, 1), "the second phase stays"
    assert "at most 4 epochs" in " ".join(budget.descriptions()) and not Budget().descriptions()


def test_a_budget_takes_the_same_clips_of_each_genre_everywhere() -> None:
    corpus = load_corpus("synthetic:tracks=5,seconds=1")
    small = Budget(clips=2).limit_corpus(corpus)
    assert [sum(clip.genre == genre for clip in small.clips) for genre in corpus.genres] == [2] * 10
    order = [clip.id for clip in corpus.clips]
    assert [clip.id for clip in small.clips] == sorted((c.id for c in small.clips), key=order.index)
    assert small == Budget(clips=2).limit_corpus(load_corpus("synthetic:tracks=5,seconds=1"))
    ids = [clip.id for clip in corpus.clips if clip.genre == "jazz"]
    whole = Split("published", ids[:3], ids[3:4], ids[4:], made="by hand")
    given = dataclasses.replace(corpus, published_splits={"published": whole})
    cut = Budget(clips=2).limit_corpus(given).published_splits["published"]
    kept = {clip.id for clip in small.clips}
    for part in ("train", "valid", "test"):
        assert getattr(cut, part) == [each for each in getattr(whole, part) if each in kept]
    assert cut.made == "by hand, of 2 clips a genre" and len([*cut.train, *cut.valid, *cut.test]) == 2


def test_a_budget_takes_fewer_genres_folds_and_segments() -> None:
    corpus = load_corpus("synthetic:tracks=5,seconds=1")
    budget = Budget.parse(["genres=3,clips=2,folds=1,segments=2,seconds=1"])
    small = budget.limit_corpus(corpus)
    assert len(small.genres) == 3 and set(small.genres) < set(corpus.genres)
    assert sorted(clip.genre or "" for clip in small.clips) == sorted([*small.genres, *small.genres])
    assert small.published_splits["published"].made.endswith("of 3 of the genres and 2 clips a genre")
    assert budget.limit_folds(each_fold("kfold:*/10")) == ["kfold:0/10"]
    assert len(Budget().limit_folds(each_fold("kfold:*/10"))) == 10
    recipe = budget.limit_recipe(load_recipe("sincnet-80-251"))
    assert (recipe.training.segments_per_clip, recipe.training.valid_segments_per_clip) == (2, 2)
    assert recipe.audio.segment_seconds == 1.0
    assert Budget(segments=50).limit_recipe(recipe).training.segments_per_clip == 2
    assert budget.labels() == ["genres3", "clips2", "segments2", "seconds1"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("epochs", "budget-limit"),
        ("epochs=0", "budget-limit"),
        ("epochs=1,epochs=2", "budget-limit"),
        ("epoch=1", "budget-limit-unknown"),
        ("clips=-1", "budget-limit"),
        ("clips=x", "budget-limit"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(text: str, code: str) -> None:
    with raises(code, "--budget"):
        Budget.parse([text])
