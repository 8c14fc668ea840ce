"""The targets of teachers for the views of a batch: the common form of both sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from genrelab.lab.recipes.distill import Distill
from genrelab.lab.training.distillation.distillation import ClipTargets
from genrelab.lab.training.optimization.views import Views


class Taught(NamedTuple):
    """Targets of a batch.

    Attributes
    ----------
    share : Tensor [shape=(views,)]
        Weight of each view in the losses; the sum is 1, or 0 if no view has a target.
    arrays : dict of str to Tensor [shape=(views, d), (views, segments, d) or that of maps]
        By the names of `Source.sizes`.
    genres : Tensor [shape=(views, genres)] or None
        Probabilities, softened by the temperature.
    tag_heads : Tensor [shape=(views, tags of the corpus)] or None
        Probabilities that regressions on the arrays predict.
    tag_teachers : Tensor [shape=(views, tags of teachers)] or None
        Probabilities that teachers give.
    """

    share: Tensor
    arrays: dict[str, Tensor]
    genres: Tensor | None
    tag_heads: Tensor | None = None
    tag_teachers: Tensor | None = None


class Source(nn.Module, ABC):
    """Gives the targets of batches.

    Attributes
    ----------
    sizes : dict of str to int
        Name of each array in `Taught` -> its length.
    names : dict of str to str
        Name of each array in `Taught` -> its name in the recipe.
    layers : dict of str to int
        Name of each array in `Taught` that is a map -> the number of the network's map that matches it.
    """

    sizes: dict[str, int]
    names: dict[str, str]
    layers: dict[str, int]

    @abstractmethod
    def forward(self, views: Views) -> Taught:
        """Return the targets of a batch."""


class TableSource(Source):
    """Looks targets up by the number of the clip, and mixes them as the views are mixed.

    Parameters
    ----------
    settings : Distill
    targets : ClipTargets
        By the numbers of clips.
    """

    present: Tensor
    genres: Tensor

    def __init__(self, settings: Distill, targets: ClipTargets) -> None:
        super().__init__()
        self.settings = settings
        tables = {key: targets.regress[key] for key in settings.regress}
        tables |= {key: targets.tags[key] for key in settings.tags}
        self.sizes = {key: table.shape[1] for key, table in tables.items()}
        self.names = {key: key for key in tables}
        self.layers = {}
        for number, table in enumerate(tables.values()):
            self._keep(f"table_{number}", table)
        self._keep("present", targets.present)
        self.has_genres = targets.genres is not None
        if targets.genres is not None:
            self._keep("genres", targets.genres)

    def _keep(self, name: str, values: np.ndarray) -> None:
        """Register a table that moves to the device of the network and is not part of its stored state."""
        self.register_buffer(name, torch.from_numpy(values.astype(np.float32)), persistent=False)

    def forward(self, views: Views) -> Taught:
        """Return the targets of a batch."""
        known = views.both(self.present[views.clip])
        arrays = {
            key: views.mixed(getattr(self, f"table_{number}")[views.clip])
            for number, key in enumerate(self.sizes)
        }
        genres = None
        if self.has_genres and self.settings.genres is not None:
            softened = self.genres[views.clip] / self.settings.genres.temperature
            genres = views.mixed(torch.softmax(softened, dim=-1))
        return Taught(known / known.sum().clamp_min(1.0), arrays, genres)
