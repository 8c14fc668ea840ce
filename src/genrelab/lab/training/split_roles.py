"""Which clips of a split are learned, choose the epoch, or are copied."""

from __future__ import annotations

from collections.abc import Sequence

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.store.audio_store import AudioStore


def parts_used(training: Training, split: Split) -> tuple[Sequence[str], Sequence[str]]:
    """Return the clips that are learned, and the clips that choose the epoch.

    With `choose_epoch_on: test` or `none` all clips outside the test part are learned; `none` has no clips
    that choose.
    """
    if training.choose_epoch_on == "test":
        return [*split.train, *split.valid], split.test
    if training.choose_epoch_on == "none":
        return [*split.train, *split.valid], ()
    return split.train, split.valid


def measured_ids(training: Training, split: Split) -> list[str]:
    """Return the clips of a split that are not learned: they choose the epoch, or are tested."""
    learned = set(parts_used(training, split)[0])
    return [key for key in (*split.valid, *split.test) if key not in learned]


def copied_ids(recipe: Recipe, split: Split) -> Sequence[str]:
    """Return the clips whose copies are learned: those that are learned, unless the recipe asks for a leak.

    With `augment.copies_of: train+valid` the copies of the validation clips are learned, too. Copies of test
    clips never are.
    """
    learned, _ = parts_used(recipe.training, split)
    if recipe.augment.copies_of == "train+valid":
        return list(dict.fromkeys([*learned, *split.valid]))
    return learned


def labels_of(corpus: Corpus, ids: Sequence[str], store: AudioStore) -> dict[str, int]:
    """Return clip id -> class number of those clips that the store holds, in the order of `ids`."""
    number = {genre: index for index, genre in enumerate(corpus.genres)}
    clips = corpus.by_id()
    return {key: number[genre] for key in ids if key in store and (genre := clips[key].genre) is not None}
