"""Copies of training clips: further clips that are learned beside the originals.

A recipe's `augment.copies` lists them. One with `input` is a copy of what that front-end makes, changed by an
augmentation whose random values are drawn anew in every epoch. One without is a copy of the sound, changed
once and kept (paper `mel-augmentation`, section 3.2 and table 2: masked spectrograms, stretched and shifted
clips).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Pipeline
from genrelab.lab.corpora.transforms.sound_changes import SOUND_CHANGES, SoundChange


class PictureCopy(NamedTuple):
    """A copy of what one front-end makes.

    Attributes
    ----------
    input : str
        Name of the front-end.
    change : Pipeline
        What is done to it.
    """

    input: str
    change: Pipeline


def make_copy(kind: str, options: Mapping[str, Any]) -> SoundChange | PictureCopy:
    """Make what a recipe says of a copy.

    Parameters
    ----------
    kind : str
        An augmentation where the options hold `input`, else a change of sound.
    options : mapping

    Raises
    ------
    RecipeError
        If there is no such change, or one of its options is wrong.
    """
    if "input" in options:
        if kind in SOUND_CHANGES.names():
            raise RecipeError(
                f"augment.copies: {kind!r} changes the sound; remove its `input`", code="copy-with-input"
            )
        rest = {key: value for key, value in options.items() if key != "input"}
        return PictureCopy(str(options["input"]), Pipeline([AUGMENTATIONS.create(kind, rest)]))
    if kind in AUGMENTATIONS.names():
        raise RecipeError(
            f"augment.copies: {kind!r} is an augmentation; name the `input` that it changes, "
            f"or use a change of sound: {', '.join(SOUND_CHANGES.names())}",
            code="copy-without-input",
        )
    return SOUND_CHANGES.create(kind, options)
