"""The base of all networks: augmentation -> front-ends -> augmentation of their outputs -> body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.augment import Pipeline
from genrelab.lab.augment.copies import PictureCopy
from genrelab.lab.frontends import Frontend
from genrelab.lab.registry import Registry, closest

Shape = tuple[int, ...]

_PREFIX = "input_"  # ModuleDict rejects names of methods of dict, such as `keys`


class Scores(NamedTuple):
    """The output of a network for a batch.

    Attributes
    ----------
    logits : Tensor [shape=(batch, genres)]
        Their softmax gives the genre probabilities.
    embedding : Tensor [shape=(batch, d)]
        Input of the last layer.
    members : tuple of Scores
        Scores of the members of an ensemble, each trained with its own loss.
    tags : Tensor [shape=(batch, tags)] or None
        Logits of independent tags, of a network that has them.
    maps : tuple of Tensor [shape=(batch, channels, bands, frames)]
        Outputs of the layers of a body that has `map_channels`.
    """

    logits: Tensor
    embedding: Tensor
    members: tuple[Scores, ...] = ()
    tags: Tensor | None = None
    maps: tuple[Tensor, ...] = ()

    @property
    def learning(self) -> tuple[Scores, ...]:
        """The scores that the loss uses: the members, or these scores if there are none."""
        return self.members or (self,)

    def first(self, items: int) -> Scores:
        """Return the scores of the first items of the batch."""
        return Scores(
            self.logits[:items],
            self.embedding[:items],
            tuple(each.first(items) for each in self.members),
            None if self.tags is None else self.tags[:items],
            tuple(each[:items] for each in self.maps),
        )


class Ready(NamedTuple):
    """Segments whose front-end outputs are known already.

    Attributes
    ----------
    waveform : Tensor [shape=(batch, channels, samples)]
        For the other front-ends; without samples if there are none.
    inputs : dict of str to Tensor
        Outputs by the name of the front-end.
    """

    waveform: Tensor
    inputs: dict[str, Tensor]

    def to(self, device: torch.device) -> Ready:
        """Return the same on a device."""
        return Ready(self.waveform.to(device), {name: each.to(device) for name, each in self.inputs.items()})


Sound = Tensor | Ready
"""What a network scores: waveforms `[batch, channels, samples]`, or segments with known outputs."""


def waveform_of(sound: Sound) -> Tensor:
    """Return the waveform of segments; its first axis counts them."""
    return sound.waveform if isinstance(sound, Ready) else sound


class Body(nn.Module, ABC):
    """The part of a network after the front-ends.

    A body is built from its own options, `inputs` (name of a front-end -> shape of its output without batch)
    and `genres` (their number).

    Attributes
    ----------
    shortest_frames : int or None
        Fewest frames of each input, for a body that takes sound of any duration; None takes only the length
        that the body was built for.
    averages_probabilities : bool
        Whether logits are logarithms of the mean probabilities of several networks, whose genres exclude
        each other.
    map_channels : tuple of int
        Channels of the maps that its scores have: what teachers with maps can teach.
    """

    shortest_frames: int | None = None
    averages_probabilities: bool = False
    map_channels: tuple[int, ...] = ()

    @abstractmethod
    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch of front-end outputs."""


MODELS: Registry[Body] = Registry("model", group="genrelab.models")


def shapes_of(inputs: Mapping[str, Shape]) -> str:
    """Return the inputs of a recipe as text: `mel (1, 128, 216), waveform (1, 110250)`."""
    return ", ".join(f"{name} {shape}" for name, shape in inputs.items())


def only_input(inputs: Mapping[str, Shape], *, axes: int, what: str) -> tuple[str, Shape]:
    """Return name and shape of the only input of a body.

    Raises
    ------
    RecipeError
        If there are several inputs, or the number of axes differs; `what` describes the expected input.
    """
    if len(inputs) != 1 or len(next(iter(inputs.values()))) != axes:
        raise RecipeError(
            f"this model needs one input, {what}; the recipe gives {shapes_of(inputs)}", code="model-inputs"
        )
    return next(iter(inputs.items()))


class GenreNetwork(nn.Module):
    """A complete network: waveform in, genre scores out.

    Parameters
    ----------
    frontends : mapping of str to Frontend
    body : Body
    augment : Pipeline
        Changes the waveform before all front-ends, in training mode only.
    input_augments : mapping of str to Pipeline
        Change the output of the front-end with that name, in training mode only.
    copies : mapping of int to PictureCopy, optional
        Change only items with that copy number, in training mode only.
    tags : nn.Linear or None
        From the embedding to tags.
    independent : bool
        Whether each genre is a question of its own. The genres are tags then, with the same logits.

    Raises
    ------
    RecipeError
        If an augmentation or a copy names an unknown input.
    """

    def __init__(
        self,
        frontends: Mapping[str, Frontend],
        body: Body,
        *,
        augment: Pipeline,
        input_augments: Mapping[str, Pipeline],
        copies: Mapping[int, PictureCopy] | None = None,
        tags: nn.Linear | None = None,
        independent: bool = False,
    ) -> None:
        super().__init__()
        self.independent = independent
        copies = copies or {}
        named = [("inputs", name) for name in input_augments]
        for where, name in named + [("copies", copy.input) for copy in copies.values()]:
            if name not in frontends:
                raise RecipeError(
                    f"augment.{where}: there is no input {name!r}; {closest(name, frontends)}",
                    code="input-unknown",
                )
        self.frontends = nn.ModuleDict({_PREFIX + name: frontend for name, frontend in frontends.items()})
        self.body = body
        self.tags = tags
        self.augment = augment
        self.input_augments = nn.ModuleDict({_PREFIX + name: each for name, each in input_augments.items()})
        self.copies = nn.ModuleList(copy.change for copy in copies.values())
        self._copied = [(number, _PREFIX + copy.input) for number, copy in copies.items()]

    def forward(self, waveform: Sound, copy: Tensor | None = None) -> Scores:
        """Score `[batch, channels, samples]`, float32 at the recipe's rate.

        In training, `copy [batch]` is the number of the copy of each item; 0 is the clip itself.
        """
        return self._scored(self.inputs(waveform, copy))

    def _scored(self, inputs: Mapping[str, Tensor]) -> Scores:
        scores: Scores = self.body(inputs)
        if self.independent:
            return scores._replace(tags=scores.logits)
        return scores if self.tags is None else scores._replace(tags=self.tags(scores.embedding))

    def score_track(self, track: Tensor, starts: Sequence[int], samples: int) -> Scores:
        """Score segments of one track, in evaluation mode.

        Gives the same as `forward` on the segments, but front-ends share work between overlapping segments.

        Parameters
        ----------
        track : Tensor [shape=(channels, track_samples)]
        starts : sequence of int
            Where segments begin; all lie within the track.
        samples : int
            Length of a segment.

        Returns
        -------
        Scores
            One item per start.
        """
        inputs = {
            key.removeprefix(_PREFIX): cast(Frontend, frontend).of_track(track, starts, samples)
            for key, frontend in self.frontends.items()
        }
        return self._scored(inputs)

    @property
    def shares_tracks(self) -> bool:
        """Whether `score_track` costs less than `forward`."""
        return any(cast(Frontend, frontend).shares_tracks for frontend in self.frontends.values())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return how likely genres are in comparison, from logits `[batch, genres]`: they sum to 1.

        For independent genres these are their shares of the sum of all independent probabilities.
        """
        return torch.softmax(F.logsigmoid(logits) if self.independent else logits, dim=-1)

    def seed(self, seed: int) -> None:
        """Restart the random values of all augmentations from `seed`."""
        pipelines = [module for module in self.modules() if isinstance(module, Pipeline)]
        for number, pipeline in enumerate(pipelines):
            pipeline.seed(seed * 101 + number)

    def changed(self, waveform: Tensor) -> Tensor:
        """Return the waveform as the front-ends get it in training, changed at random."""
        with _in_full(waveform):
            changed: Tensor = self.augment(waveform)
        return changed

    def score_changed(self, waveform: Sound, copy: Tensor | None = None) -> Scores:
        """Score a batch that is `changed` already."""
        with _in_full(waveform_of(waveform)):
            inputs = self._inputs(waveform, copy)
        return self._scored(inputs)

    def inputs(self, waveform: Sound, copy: Tensor | None = None) -> dict[str, Tensor]:
        """Return the inputs of the body by the name of the front-end.

        Outputs that are known already are taken as they are: they are for networks that change no waveform.
        """
        with _in_full(waveform_of(waveform)):
            return self._inputs(waveform if isinstance(waveform, Ready) else self.augment(waveform), copy)

    def _inputs(self, sound: Sound, copy: Tensor | None) -> dict[str, Tensor]:
        waveform = waveform_of(sound)
        known = (
            {_PREFIX + name: each for name, each in sound.inputs.items()} if isinstance(sound, Ready) else {}
        )
        inputs = {
            key: known[key] if key in known else frontend(waveform)
            for key, frontend in self.frontends.items()
        }
        for key, pipeline in self.input_augments.items():
            inputs[key] = pipeline(inputs[key])
        if copy is not None and self.training:
            for (number, key), pipeline in zip(self._copied, self.copies, strict=True):
                chosen = (copy == number).reshape(-1, *([1] * (inputs[key].ndim - 1)))
                inputs[key] = torch.where(chosen, pipeline(inputs[key]), inputs[key])
        return {key.removeprefix(_PREFIX): value for key, value in inputs.items()}

    def parameter_count(self) -> int:
        """Return the number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def frontends_of(network: GenreNetwork) -> dict[str, Frontend]:
    """Return the front-ends of a network by their names."""
    return {
        key.removeprefix(_PREFIX): cast(Frontend, frontend) for key, frontend in network.frontends.items()
    }


def _in_full(waveform: Tensor) -> AbstractContextManager[object]:
    """Turn half precision off, which cannot represent powers of 1e-10."""
    kind = waveform.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
