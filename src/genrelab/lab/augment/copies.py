"""Copies of training clips: changed clips that are added to the originals.

A recipe lists them under `augment.copies`. A copy with `input` changes the output of that front-end by an
augmentation, with new random values in each epoch or, with `kept: true`, with one set of random values for
each clip of a run, as if the changed pictures had been saved before training. A copy without `input` changes
the sound once, and is kept (paper `mel-augmentation`, section 3.2 and table 2: masked spectrograms, stretched
and shifted clips).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Pipeline
from genrelab.lab.corpora.transforms.sound_changes import SOUND_CHANGES, SoundChange


class PictureCopy(NamedTuple):
    """A copy of the output of one front-end.

    Attributes
    ----------
    input : str
        Name of the front-end.
    change : Pipeline
        The change.
    kept : bool
        Whether each clip keeps its random values in all epochs.
    """

    input: str
    change: Pipeline
    kept: bool = False


def make_copy(kind: str, options: Mapping[str, Any]) -> SoundChange | PictureCopy:
    """Make a copy from its entry in a recipe.

    Parameters
    ----------
    kind : str
        Name of an augmentation if the options contain `input`, else of a change of sound.
    options : mapping

    Raises
    ------
    RecipeError
        If the change is unknown, or an option is invalid.
    """
    if "input" in options:
        if kind in SOUND_CHANGES.names():
            raise RecipeError(
                f"augment.copies: {kind!r} changes the sound; remove its `input`", code="copy-with-input"
            )
        rest = {key: value for key, value in options.items() if key not in ("input", "kept")}
        kept = options.get("kept", False)
        if not isinstance(kept, bool):
            raise RecipeError(
                f"augment.copies: `kept` of {kind!r} is true or false, not {kept!r}", code="copy-kept"
            )
        return PictureCopy(str(options["input"]), Pipeline([AUGMENTATIONS.create(kind, rest)]), kept)
    if kind in AUGMENTATIONS.names():
        raise RecipeError(
            f"augment.copies: {kind!r} is an augmentation; name the `input` that it changes, "
            f"or use a change of sound: {', '.join(SOUND_CHANGES.names())}",
            code="copy-without-input",
        )
    return SOUND_CHANGES.create(kind, options)
