"""What a recipe makes of a split: clips that its paper removed, a share of the training clips, two parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from genrelab.lab.corpora import make_split
from genrelab.lab.corpora.transforms.sound_changes import Loudness
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe, load_recipe, recipe_names
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.split_roles import as_the_recipe_uses_it

Make = Callable[..., Recipe]


def test_every_recipe_of_fds_leaves_the_corrupt_clip_out_of_gtzan() -> None:
    recipes = [load_recipe(name) for name in recipe_names() if name.startswith("fds/")]
    assert len(recipes) == 9
    assert all(recipe.leave_out == {"gtzan": ("jazz.00054",)} for recipe in recipes)
    assert all("leave_out" in recipe.sources for recipe in recipes)
    others = [load_recipe(name) for name in recipe_names() if not name.startswith("fds/")]
    assert not any(recipe.leave_out or "leave_out:" in dump_recipe(recipe) for recipe in others)


@pytest.mark.parametrize("gone", ["high-0", "low-4", "noise-7"])
def test_a_clip_that_the_paper_removed_is_in_no_part(
    tiny_recipe: Make, corpus: Corpus, split: Split, gone: str
) -> None:
    recipe = tiny_recipe(f"leave_out={{tones: [{gone}, not-there]}}")
    for music in (corpus, derive(corpus, Loudness(-30.0))):
        used = Experiment(recipe, music, split, 0).as_used().split
        parts = zip((split.train, split.valid, split.test), (used.train, used.valid, used.test), strict=True)
        assert all(list(now) == [key for key in before if key != gone] for before, now in parts)
        assert used.name == split.name and used.made == f"by hand; without {gone}, as in the paper"
    other = replace(corpus, name="other")
    assert as_the_recipe_uses_it(recipe, other, split) is split, "in another corpus the id is another clip"
    assert as_the_recipe_uses_it(tiny_recipe(), corpus, split) is split
    for name in ("tones-pictures", "tones-pictures-64x64"):
        pictures = replace(corpus, name=name, kind="pictures")
        assert gone not in as_the_recipe_uses_it(recipe, pictures, split).train, "pictures of the same clips"
    for music in (replace(corpus, name="tones-pictures"), replace(pictures, name="tones-picturesque")):
        assert as_the_recipe_uses_it(recipe, music, split) is split


def test_a_share_of_the_training_clips_is_one_of_each_genre_and_nested(
    tiny_recipe: Make, corpus: Corpus, split: Split
) -> None:
    def used(share: float, *changes: str) -> Split:
        recipe = tiny_recipe(f"training.clips_share={share}", *changes)
        return as_the_recipe_uses_it(recipe, corpus, split)

    quarter, half = used(0.25), used(0.5)
    for each, count in ((quarter, 1), (half, 2)):
        assert Counter(key.split("-")[0] for key in each.train) == dict.fromkeys(corpus.genres, count)
        assert (list(each.valid), list(each.test)) == (list(split.valid), list(split.test))
    assert set(quarter.train) < set(half.train) < set(split.train)
    assert quarter.made == "by hand; 3 of 12 training clips used"
    assert used(0.01).train == quarter.train, "at least one clip of each genre"
    both = used(0.5, "training.choose_epoch_on=none", "training.monitor=last", "training.patience=null")
    assert len(both.train) == 9 and not both.valid, "half of training and validation clips"
    assert "clips_share:" not in dump_recipe(tiny_recipe()), "recipes of earlier runs stay the same"


def test_a_run_says_what_its_recipe_made_of_a_split_of_two_parts(
    tiny_recipe: Make, corpus: Corpus, tmp_path: Path, cache: Path
) -> None:
    """Clips left out, silence in short clips, kept masks and the last epoch, from training to the record."""
    mask = {"kind": "frequency-mask", "input": "mel", "count": 1, "max_share": 0.5, "kept": True}
    recipe = tiny_recipe(
        "leave_out={tones: [high-1]}",
        "audio.clip_seconds=2",
        "audio.overlap=0",
        f"augment={json.dumps({'copies': [mask]})}",
        "training.choose_epoch_on=none",
        "training.monitor=last",
        "training.patience=null",
        "training.max_epochs=1",
    )
    split = make_split(corpus, "random:70/30", seed=0)
    run = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    record = run.record
    made = (
        "70/30 train/test, no validation part, stratified by genre, files undivided, seed 0; without high-1"
    )
    assert record.split.made.startswith(made)
    assert record.split.clips["valid"] == 0 and sum(record.split.clips.values()) == 23
    assert "high-1" not in (run.folder / "split.csv").read_text()
    assert record.epoch.chosen_on == "none" and record.epoch.trained == 1
    predictions = run.predictions()
    assert len(predictions.clip_ids) == 4 * record.split.clips["test"], "clips of 1.5 s have 2 s"
