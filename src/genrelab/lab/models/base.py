"""What every network is: augmentation -> front-ends -> augmentation of each -> body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.augment import Pipeline
from genrelab.lab.augment.copies import PictureCopy
from genrelab.lab.frontends import Frontend
from genrelab.lab.registry import Registry, closest

Shape = tuple[int, ...]

_PREFIX = "input_"  # ModuleDict refuses names that dict has as methods, such as `keys`


class Scores(NamedTuple):
    """What a network says of a batch.

    Attributes
    ----------
    logits : Tensor [shape=(batch, genres)]
        softmax of them are the genre probabilities.
    embedding : Tensor [shape=(batch, d)]
        What the last layer sees.
    members : tuple of Scores
        What networks say whose answer this is together; each of them learns by itself.
    """

    logits: Tensor
    embedding: Tensor
    members: tuple[Scores, ...] = ()

    @property
    def learning(self) -> tuple[Scores, ...]:
        """What a loss is to be computed of: the members, or where there are none, this."""
        return self.members or (self,)

    def first(self, items: int) -> Scores:
        """Return the scores of the first items of the batch."""
        return Scores(
            self.logits[:items], self.embedding[:items], tuple(each.first(items) for each in self.members)
        )


class Body(nn.Module, ABC):
    """The part with the weights.

    A body is made with `inputs` (name of a front-end -> shape of its output without batch) and
    `genres` (their number), beside its own options.

    Attributes
    ----------
    shortest_frames : int or None
        A body that hears sound of any duration says how many frames of each input it needs at least; None
        hears the length that it was made for.
    """

    shortest_frames: int | None = None

    @abstractmethod
    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch of front-end outputs."""


MODELS: Registry[Body] = Registry("model", group="genrelab.models")


def only_input(inputs: Mapping[str, Shape], *, axes: int, what: str) -> tuple[str, Shape]:
    """Return name and shape of a body's one input.

    Raises
    ------
    RecipeError
        If there are several, or it has not that many axes; `what` says in words what it should be.
    """
    if len(inputs) != 1 or len(next(iter(inputs.values()))) != axes:
        have = ", ".join(f"{name} {shape}" for name, shape in inputs.items())
        raise RecipeError(f"this model needs one input, {what}; the recipe gives {have}")
    return next(iter(inputs.items()))


class GenreNetwork(nn.Module):
    """A whole recognizer: waveform in, genre scores out.

    Parameters
    ----------
    frontends : mapping of str to Frontend
    body : Body
    augment : Pipeline
        Acts on the waveform before all front-ends, in training mode only.
    input_augments : mapping of str to Pipeline
        Act behind the front-end of that name, in training mode only.
    copies : mapping of int to PictureCopy, optional
        Act on the items with that copy number alone, in training mode only.

    Raises
    ------
    RecipeError
        If an augmentation or a copy is for an input that is not there.
    """

    def __init__(
        self,
        frontends: Mapping[str, Frontend],
        body: Body,
        *,
        augment: Pipeline,
        input_augments: Mapping[str, Pipeline],
        copies: Mapping[int, PictureCopy] | None = None,
    ) -> None:
        super().__init__()
        copies = copies or {}
        named = [("inputs", name) for name in input_augments]
        for where, name in named + [("copies", copy.input) for copy in copies.values()]:
            if name not in frontends:
                raise RecipeError(f"augment.{where}: there is no input {name!r}; {closest(name, frontends)}")
        self.frontends = nn.ModuleDict({_PREFIX + name: frontend for name, frontend in frontends.items()})
        self.body = body
        self.augment = augment
        self.input_augments = nn.ModuleDict({_PREFIX + name: each for name, each in input_augments.items()})
        self.copies = nn.ModuleList(copy.change for copy in copies.values())
        self._copied = [(number, _PREFIX + copy.input) for number, copy in copies.items()]

    def forward(self, waveform: Tensor, copy: Tensor | None = None) -> Scores:
        """Score `[batch, channels, samples]`, float32 at the recipe's rate.

        `copy [batch]` says in training which copy of its clip an item is, 0 being the clip itself.
        """
        scores: Scores = self.body(self.inputs(waveform, copy))
        return scores

    def score_track(self, track: Tensor, starts: Sequence[int], samples: int) -> Scores:
        """Score segments of one track, in evaluation mode.

        The same as `forward` on the segments, but front-ends share what they can between overlapping
        ones.

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
            Of as many items as there are starts.
        """
        inputs = {
            key.removeprefix(_PREFIX): cast(Frontend, frontend).of_track(track, starts, samples)
            for key, frontend in self.frontends.items()
        }
        scores: Scores = self.body(inputs)
        return scores

    @property
    def shares_tracks(self) -> bool:
        """Whether `score_track` costs less than `forward`."""
        return any(cast(Frontend, frontend).shares_tracks for frontend in self.frontends.values())

    def seed(self, seed: int) -> None:
        """Start the random values of all augmentations anew from `seed`."""
        pipelines = [module for module in self.modules() if isinstance(module, Pipeline)]
        for number, pipeline in enumerate(pipelines):
            pipeline.seed(seed * 101 + number)

    def inputs(self, waveform: Tensor, copy: Tensor | None = None) -> dict[str, Tensor]:
        """Return what the body gets, by the front-end's name."""
        if torch.is_autocast_enabled(waveform.device.type):
            # Powers of 1e-10 do not exist in half precision: front-ends always run in float32.
            with torch.autocast(waveform.device.type, enabled=False):
                return self._inputs(waveform.float(), copy)
        return self._inputs(waveform, copy)

    def _inputs(self, waveform: Tensor, copy: Tensor | None) -> dict[str, Tensor]:
        waveform = self.augment(waveform)
        inputs = {key: frontend(waveform) for key, frontend in self.frontends.items()}
        for key, pipeline in self.input_augments.items():
            inputs[key] = pipeline(inputs[key])
        if copy is not None and self.training:
            for (number, key), pipeline in zip(self._copied, self.copies, strict=True):
                chosen = (copy == number).reshape(-1, *([1] * (inputs[key].ndim - 1)))
                inputs[key] = torch.where(chosen, pipeline(inputs[key]), inputs[key])
        return {key.removeprefix(_PREFIX): value for key, value in inputs.items()}

    def parameter_count(self) -> int:
        """Return the number of values that training changes."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)
