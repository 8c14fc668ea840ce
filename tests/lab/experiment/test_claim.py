"""A run folder is about certain tags; with other ones, no run goes on in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from raising import raises

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.identity import claim, identity_of
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.experiment import Experiment


def test_changed_tags_are_noticed_and_a_corpus_without_tags_claims_what_it_always_did(
    corpus: Corpus, split: Split, tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    def identity(*tags: str) -> dict[str, str]:
        first = dataclasses.replace(corpus.clips[0], tags=tags or None)
        music = dataclasses.replace(corpus, clips=[first, *corpus.clips[1:]])
        return identity_of(Experiment(tiny_recipe(), music, split, 0))

    plain, calm = identity(), identity("mood:calm")
    assert plain.keys() == {"recipe.yaml", "split.csv", "sound.sha256"}
    assert calm.keys() - plain.keys() == {"tags.sha256"}
    assert {key: calm[key] for key in plain} == plain, "tags change neither sound nor split"
    claim(tmp_path / "calm", calm)
    claim(tmp_path / "calm", calm)
    claim(tmp_path / "plain", plain)
    for folder, other in (("calm", identity("mood:sad")), ("calm", plain), ("plain", calm)):
        before = sorted(path.name for path in (tmp_path / folder).iterdir())
        with raises("another-run", tmp_path / folder, "tags", "--restart"):
            claim(tmp_path / folder, other)
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == before
