"""Ensembles: several networks in one recipe and one model file, whose probabilities are averaged.

Networks with different inputs make different errors. Each is trained with its own loss; they share the
batches, the learning rate and the limit of the gradient norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape
from genrelab.lab.models.blocks import average_probabilities
from genrelab.lab.recipes.schema import Component, InputName
from genrelab.lab.registry import closest


class Member(Component):
    """A member: its name under `kind`, its inputs, and its options."""

    inputs: tuple[InputName, ...] = Field(min_length=1)


Members = Annotated[tuple[Member, ...], Field(min_length=2, max_length=16)]


@MODELS.register("ensemble")
@MODELS.register("together")  # the name in earlier recipes
class Ensemble(Body):
    """The mean probabilities of several networks, and their concatenated embeddings.

    Parameters
    ----------
    members : two or more mappings
        `kind` names a network and `inputs` its front-ends; its options follow.

    Raises
    ------
    RecipeError
        If a member names an unknown input, no member uses an input, or a member is invalid.
    """

    averages_probabilities = True

    def __init__(self, *, inputs: Mapping[str, Shape], genres: int, members: Members) -> None:
        super().__init__()
        used = {name for member in members for name in member.inputs}
        for name in sorted(used - inputs.keys()):
            raise RecipeError(
                f"model.members: there is no input {name!r}; {closest(name, inputs)}", code="input-unknown"
            )
        for name in sorted(inputs.keys() - used):
            raise RecipeError(
                f"model.members: no member uses the input {name!r}; give it to one, or remove it",
                code="input-unused",
            )
        self.names = [member.inputs for member in members]
        self.members = nn.ModuleList(
            MODELS.create(
                member.kind,
                member.options(),
                inputs={name: inputs[name] for name in member.inputs},
                genres=genres,
            )
            for member in members
        )
        shortest = [each.shortest_frames for each in self.members]
        known = [frames for frames in shortest if isinstance(frames, int)]
        self.shortest_frames = max(known) if len(known) == len(shortest) else None

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch by all members."""
        scored: list[Scores] = [
            member({name: inputs[name] for name in names})
            for member, names in zip(self.members, self.names, strict=True)
        ]
        return Scores(
            average_probabilities(*(each.logits.float() for each in scored)),
            torch.cat([each.embedding for each in scored], dim=1),
            tuple(scored),
        )
