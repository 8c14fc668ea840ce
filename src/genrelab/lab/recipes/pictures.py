"""A recipe for sound, adapted to a corpus of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from genrelab.errors import RecipeError
from genrelab.lab.recipes.load import dump_recipe, parse_recipe
from genrelab.lab.recipes.schema import Component, Recipe

IMAGE = "image"
_SPECTROGRAMS = ("picture", "mel", "stft", "cqt")
_KEPT = ("height", "width", "colours", "planes", "values")


class PictureShape(NamedTuple):
    """Rows, columns and planes of a corpus's pictures."""

    rows: int
    columns: int
    planes: int


def for_pictures(recipe: Recipe, shape: PictureShape) -> Recipe:
    """Return a recipe that takes the pictures of a corpus in place of its one spectrogram.

    A `picture` keeps its size, colours and range of values; a `mel`, `stft` or `cqt` becomes a picture in
    the corpus's own size, -1..1. Options `height`, `width`, `colours`, `planes` and `values` of the input
    (`--set inputs.mel.height=128`) are kept. Changes of the waveform and copies with changed sound are left
    out; masks of the input remain. A picture is one segment. The network, its training and its augmentation
    otherwise stay as they are, and `assumed` says what became of the input.

    Parameters
    ----------
    recipe : Recipe
    shape : PictureShape

    Returns
    -------
    Recipe
        Named `<name>-pictures`; the recipe itself if it takes pictures already.

    Raises
    ------
    RecipeError
        If the recipe takes anything else than one spectrogram, or adds synthetic non-music.

    Examples
    --------
    >>> from genrelab.lab.recipes import load_recipe
    >>> made = for_pictures(load_recipe("mel-augmentation/cnn"), PictureShape(172, 173, 1))
    >>> made.name, made.inputs["picture"].kind, made.audio.sample_rate
    ('mel-augmentation/cnn-pictures', 'image', 29756)
    """
    if any(part.kind == IMAGE for part in recipe.inputs.values()):
        return recipe
    kinds = ", ".join(part.kind for part in recipe.inputs.values())
    if len(recipe.inputs) != 1 or kinds not in _SPECTROGRAMS:
        raise RecipeError(
            f"the recipe {recipe.name} takes {kinds}, and pictures can only replace one spectrogram "
            f"({', '.join(_SPECTROGRAMS)}). Take a recipe with one, such as mel-augmentation/cnn or "
            "soundfusion/simple-cnn, or a corpus of sound",
            code="recipe-not-for-pictures",
        )
    if recipe.training.not_music is not None:
        raise RecipeError(
            f"the recipe {recipe.name} also trains on synthetic sound, of which there are no pictures; "
            "set training.not_music=null",
            code="not-music-of-pictures",
        )
    ((name, part),) = recipe.inputs.items()
    raw: dict[str, Any] = yaml.safe_load(dump_recipe(recipe))
    kept = [each for each in recipe.augment.copies if "input" in each.options()]
    left_out = [each.kind for each in (*recipe.augment.copies, *recipe.augment.waveform) if each not in kept]
    raw["name"] = f"{recipe.name}-pictures"
    raw["title"] = f"{recipe.title}, on a corpus's own pictures"
    raw["audio"] = {
        "sample_rate": shape.rows * shape.columns * shape.planes,
        "channels": 1,
        "segment_seconds": 1.0,
    }
    raw["inputs"] = {name: _image(part, shape)}
    raw["augment"] |= {
        "waveform": [],
        "copies": [each for each in raw["augment"]["copies"] if "input" in each],
        "inputs": {key: steps for key, steps in raw["augment"]["inputs"].items() if key == name},
    }
    raw["training"] |= {"segments_per_clip": None, "view_segments": 1, "valid_segments_per_clip": None}
    raw["training"].pop("draw", None)
    raw["assumed"]["pictures"] = (
        f"The pictures of the corpus, {shape.rows} x {shape.columns}, in place of the {part.kind} that the "
        f"recipe computes{'; left out: ' + ', '.join(left_out) if left_out else ''}"
    )
    return parse_recipe(raw, origin=raw["name"])


def _image(part: Component, shape: PictureShape) -> Mapping[str, Any]:
    given = {key: value for key, value in part.options().items() if key in _KEPT}
    image = {"kind": IMAGE, "rows": shape.rows, "columns": shape.columns}
    if part.kind != "picture":
        image |= {"values": "signed"}
    image |= given
    if shape.planes == 3:
        image |= {"planes": 3, "colours": "gray"}
    elif part.kind == "picture":
        image.setdefault("planes", 3)  # as of the front-end `picture`
    return image
