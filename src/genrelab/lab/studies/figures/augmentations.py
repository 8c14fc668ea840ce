"""A song under each augmentation of a recipe, as the network gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genrelab.audio.pad import fit_length
from genrelab.audio.segments import Waveform
from genrelab.errors import UsageError
from genrelab.lab.augment import AUGMENTATIONS, Pipeline
from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Component
from genrelab.lab.studies.figures.inputs import Input, facts, network_of, outputs, pictures_of
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.plates import Drawn, Plate
from genrelab.pages.svg import Drawing


class Changed(NamedTuple):
    """One change: its name, its options, what it does to the sound, and what to the output of which input."""

    name: str
    words: str = ""
    sound: Callable[[Waveform], Waveform] | None = None
    input: str | None = None
    picture: Callable[[Tensor], Tensor] | None = None


def augmentation_plates(recipe: Recipe, material: Material, *, seed: int, style: str = "") -> Drawn:
    """Draw each input of a recipe for a song, unchanged and under each augmentation alone.

    Parameters
    ----------
    recipe : Recipe
    material : Material
    seed : int
        Of the random changes.
    style : str
        Of the composed piece that stands in for a song.

    Raises
    ------
    UsageError
        If the recipe has no augmentation, or takes no sound.
    """
    network, song = network_of(recipe), material.song((style,) if style else ())
    changes = [Changed("unchanged"), *_changes(recipe, seed)]
    if len(changes) == 1:
        raise UsageError(
            f"the recipe {recipe.name} has no augmentation. Add one with --set, or see another recipe: "
            "`genrelab recipes show mel-augmentation/cnn`",
            code="recipe-without-augmentation",
        )
    waveform = song.segment(recipe.audio)
    by_input: dict[str, list[Drawing]] = {}
    for at, change in enumerate(changes):
        for given in _changed(
            outputs(network, waveform if change.sound is None else change.sound(waveform), recipe), change
        ):
            listed = by_input.setdefault(given.name, [])
            listed += pictures_of(given, title=f"{_letter(at)}) {change.name}", small=True)
    plates = [Plate(key, f"Input {key}", pictures) for key, pictures in by_input.items()]
    shown = facts(recipe, song) | {"Random values": f"from seed {seed}; each change is drawn alone"}
    shown |= {f"{_letter(at)})": change.words for at, change in enumerate(changes) if change.words}
    return Drawn(f"One song under each augmentation of {recipe.name}", plates, shown)


def _letter(at: int) -> str:
    return chr(ord("a") + at) if at < 26 else str(at + 1)


def _changed(found: list[Input], change: Changed) -> Iterator[Input]:
    for given in found:
        if change.input in (None, given.name):
            picture = change.picture
            yield given if picture is None else given._replace(value=picture(given.value[None])[0])


def _changes(recipe: Recipe, seed: int) -> Iterator[Changed]:
    augment, audio = recipe.augment, recipe.audio
    padding = "repeat" if audio.padding == "none" else audio.padding
    for step in augment.waveform:
        change = _seeded(step, seed)
        yield Changed(_name(step), _words(step), sound=_of_sound(change))
    for name, steps in augment.inputs.items():
        for step in steps:
            yield Changed(_name(step), f"{_words(step)}, of {name}", input=name, picture=_seeded(step, seed))
    for step in augment.copies:
        copy = make_copy(step.kind, step.options())
        if isinstance(copy, PictureCopy):
            copy.change.seed(seed)
            yield Changed(
                _name(step), f"a copy: {_words(step)}", input=copy.input, picture=copy.change.train()
            )
        else:

            def made(waveform: Waveform, copy: Callable[[Waveform, int], Waveform] = copy) -> Waveform:
                rng = np.random.default_rng(seed)
                return fit_length(
                    copy(waveform, audio.sample_rate), waveform.shape[1], padding=padding, rng=rng
                )

            yield Changed(_name(step), f"a copy: {_words(step)}", sound=made)


def _seeded(step: Component, seed: int) -> Pipeline:
    pipeline = Pipeline([AUGMENTATIONS.create(step.kind, step.options())])
    pipeline.seed(seed)
    return pipeline.train()


def _of_sound(change: Pipeline) -> Callable[[Waveform], Waveform]:
    def changed(waveform: Waveform) -> Waveform:
        with torch.inference_mode():
            out: Waveform = change(torch.from_numpy(waveform)[None])[0].numpy()
        return out

    return changed


def _name(step: Component) -> str:
    """Return `time stretch 1.25`, or the kind alone where it has several options."""
    values = [str(value).replace("-", "−") for key, value in step.options().items() if key != "input"]
    return f"{step.kind.replace('-', ' ')} {values[0] if len(values) == 1 else ''}".strip()


def _words(step: Component) -> str:
    """Return `time stretch, factor 1.25`."""
    options = {key: value for key, value in step.options().items() if key != "input"}
    return ", ".join(
        [
            step.kind.replace("-", " "),
            *(f"{key.replace('_', ' ')} {str(value).replace('-', '−')}" for key, value in options.items()),
        ]
    )
