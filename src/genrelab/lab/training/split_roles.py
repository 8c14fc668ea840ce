"""What each clip of a split is used for: training, choosing the epoch, testing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from genrelab.lab.corpora.types import Split
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
