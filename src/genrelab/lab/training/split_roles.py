"""What each clip of a split is used for: training, choosing the epoch, testing."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from genrelab.lab.corpora.splits.make_split import select_clips
from genrelab.lab.corpora.transforms.transformed_corpus import original_name
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes import Recipe


@dataclass(frozen=True)
class Roles:
    """The roles of a split's clips under a recipe.

    Attributes
    ----------
    learned : tuple of str
        Trained on. With `choose_epoch_on: test` or `none` these are all clips outside the test part.
    choosing : tuple of str
        The epoch is chosen by its figures on them; empty if the last epoch is kept.
    tested : tuple of str
    copied : tuple of str
        Augmented copies of them are trained on: the learned clips and, with the deliberate leak
        `augment.copies_of: train+valid`, the validation clips. Test clips are never copied.
    measured : tuple of str
        Validation and test clips that are not trained on.
    """

    learned: tuple[str, ...]
    choosing: tuple[str, ...]
    tested: tuple[str, ...]
    copied: tuple[str, ...]
    measured: tuple[str, ...]

    @classmethod
    def of(cls, recipe: Recipe, split: Split) -> Roles:
        """Assign the roles."""
        choose = recipe.training.choose_epoch_on
        learned = [*split.train] if choose == "valid" else [*split.train, *split.valid]
        choosing: dict[str, Sequence[str]] = {"valid": split.valid, "test": split.test, "none": ()}
        leaking = split.valid if recipe.augment.copies_of == "train+valid" else ()
        known = set(learned)
        return cls(
            learned=tuple(learned),
            choosing=tuple(choosing[choose]),
            tested=tuple(split.test),
            copied=tuple(dict.fromkeys([*learned, *leaking])),
            measured=tuple(key for key in (*split.valid, *split.test) if key not in known),
        )

    @cached_property
    def copied_unlearned(self) -> tuple[str, ...]:
        """The clips that are copied although they are not trained on: a leak."""
        learned = set(self.learned)
        return tuple(key for key in self.copied if key not in learned)


def as_the_recipe_uses_it(recipe: Recipe, corpus: Corpus, split: Split) -> Split:
    """Return a split with the parts that a recipe makes of it; `made` says what it changed.

    Clips of `leave_out` are in no part. `training.clips_share` reduces the training part; unless the
    validation part chooses the epoch, it is trained on as well.
    """
    split = _without_left_out(recipe, corpus, split)
    choose = recipe.training.choose_epoch_on
    if choose != "valid":
        chosen = "the last epoch kept" if choose == "none" else "the epoch chosen on the test part"
        made = f"{split.made}; all clips outside the test part trained on, {chosen}"
        learned = Roles.of(recipe, split).learned
        split = replace(split, train=learned, valid=(), made=made, findings=())
    return _reduced(split, corpus, recipe.training.clips_share)


def _without_left_out(recipe: Recipe, corpus: Corpus, split: Split) -> Split:
    gone = {
        clip_id for name, clip_ids in recipe.leave_out.items() if _is_of(corpus, name) for clip_id in clip_ids
    }
    gone &= {*split.train, *split.valid, *split.test}
    if not gone:
        return split
    made = f"{split.made}; without {', '.join(sorted(gone))}, as in the paper"
    return replace(select_clips(split, lambda clip_id: clip_id not in gone), made=made, findings=())


def _is_of(corpus: Corpus, name: str) -> bool:
    """Return whether a corpus has the clips of another one, or their pictures."""
    own = original_name(corpus)
    return own == name or (corpus.kind == "pictures" and f"{own}-".startswith(f"{name}-pictures-"))


def _reduced(split: Split, corpus: Corpus, share: float) -> Split:
    if share == 1.0:
        return split
    clips = corpus.by_id()
    by_genre: dict[str | None, list[str]] = defaultdict(list)
    for clip_id in split.train:
        by_genre[clips[clip_id].genre].append(clip_id)
    kept = {
        clip_id
        for ids in by_genre.values()
        for clip_id in sorted(ids, key=_place)[: math.ceil(share * len(ids))]
    }
    made = f"{split.made}; {len(kept)} of {len(split.train)} training clips used"
    return replace(split, train=[key for key in split.train if key in kept], made=made, findings=())


def _place(clip_id: str) -> str:
    return hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()
