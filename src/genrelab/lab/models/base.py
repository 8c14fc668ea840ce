"""The base of all networks: augmentation -> front-ends -> augmentation of their outputs -> body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, cast

import torch
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


class Body(nn.Module, ABC):
    """The part of a network after the front-ends.

    A body is built from its own options, `inputs` (name of a front-end -> shape of its output without batch)
    and `genres` (their number).

    Attributes
    ----------
    shortest_frames : int or None
        Fewest frames of each input, for a body that takes sound of any duration; None takes only the length
        that the body was built for.
    map_channels : tuple of int
        Channels of the maps that its scores have: what teachers with maps can teach.
    """

    shortest_frames: int | None = None
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
        Change only items with that copy number, in training mode only. The random values of a `kept` copy
        follow from the seed of the run and the number of the clip.
    tags : nn.Linear or None
        From the embedding to tags.

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
    ) -> None:
        super().__init__()
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
        self._copied = [(number, _PREFIX + copy.input, copy.kept) for number, copy in copies.items()]
        self._run_seed = 0

    def forward(self, waveform: Tensor, copy: Tensor | None = None, clip: Tensor | None = None) -> Scores:
        """Score `[batch, channels, samples]`, float32 at the recipe's rate.

        In training, `copy [batch]` is the number of the copy of each item, where 0 is the clip itself, and
        `clip [batch]` the number of the clip.
        """
        return self._scored(self.inputs(waveform, copy, clip))

    def _scored(self, inputs: Mapping[str, Tensor]) -> Scores:
        scores: Scores = self.body(inputs)
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

    def seed(self, seed: int, *, run: int = 0) -> None:
        """Restart the random values of all augmentations from `seed`; those of kept copies, from `run`."""
        self._run_seed = run
        pipelines = [module for module in self.modules() if isinstance(module, Pipeline)]
        for number, pipeline in enumerate(pipelines):
            pipeline.seed(seed * 101 + number)

    def changed(self, waveform: Tensor) -> Tensor:
        """Return the waveform as the front-ends get it in training, changed at random."""
        with _in_full(waveform):
            changed: Tensor = self.augment(waveform)
        return changed

    def score_changed(
        self, waveform: Tensor, copy: Tensor | None = None, clip: Tensor | None = None
    ) -> Scores:
        """Score a batch that is `changed` already."""
        with _in_full(waveform):
            inputs = self._inputs(waveform, copy, clip)
        return self._scored(inputs)

    def inputs(
        self, waveform: Tensor, copy: Tensor | None = None, clip: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the inputs of the body by the name of the front-end."""
        with _in_full(waveform):
            return self._inputs(self.augment(waveform), copy, clip)

    def _inputs(self, waveform: Tensor, copy: Tensor | None, clip: Tensor | None) -> dict[str, Tensor]:
        inputs = {key: frontend(waveform) for key, frontend in self.frontends.items()}
        for key, pipeline in self.input_augments.items():
            inputs[key] = pipeline(inputs[key])
        if copy is not None and self.training:
            for (number, key, kept), pipeline in zip(self._copied, self.copies, strict=True):
                if kept:
                    change = cast(Pipeline, pipeline)
                    inputs[key] = self._kept(inputs[key], copy == number, clip, change, number)
                    continue
                chosen = (copy == number).reshape(-1, *([1] * (inputs[key].ndim - 1)))
                inputs[key] = torch.where(chosen, pipeline(inputs[key]), inputs[key])
        return {key.removeprefix(_PREFIX): value for key, value in inputs.items()}

    def _kept(
        self, batch: Tensor, chosen: Tensor, clip: Tensor | None, change: Pipeline, number: int
    ) -> Tensor:
        """Return the batch with the chosen items changed as in every epoch."""
        assert clip is not None  # training gives it with the numbers of copies
        places = chosen.nonzero()[:, 0]
        if not len(places):
            return batch
        seeds = [(self._run_seed * 101 + number) * 1_000_003 + int(each) for each in clip[places]]
        return batch.index_copy(0, places, change.fixed(batch[places], seeds))

    def parameter_count(self) -> int:
        """Return the number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def _in_full(waveform: Tensor) -> AbstractContextManager[object]:
    """Turn half precision off, which cannot represent powers of 1e-10."""
    kind = waveform.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
