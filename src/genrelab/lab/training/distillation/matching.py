"""Function matching: teachers process the same views as the student, at every step.

Beyer et al. (2022, arXiv:2106.05237): the targets belong to exactly what the student processes, with the same
crop, mixture and changes; views are mixed strongly, and training is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.training.distillation.linear_heads import Head
from genrelab.lab.training.distillation.taught import Source, Taught
from genrelab.lab.training.distillation.teacher_set import NamedTeacher
from genrelab.lab.training.optimization.views import Views

_LEAST_DEVIATION = 1e-3  # a value that hardly varies is not worth matching


@dataclass(frozen=True)
class Heads:
    """Linear heads on the arrays of `distill.genres.from`, concatenated over teachers.

    Attributes
    ----------
    genres : sequence of Head
        The first one is fitted to all labelled training clips.
    of_clip : np.ndarray [shape=(clips,)]
        Number of the head for each training clip: one that was fitted without its artist.
    tags : Head or None
        Of the tags of the corpus.
    """

    genres: Sequence[Head]
    of_clip: np.ndarray
    tags: Head | None


class MatchingSource(Source):
    """Asks teachers about the sound of each batch.

    Parameters
    ----------
    settings : Distill
    teachers : sequence of NamedTeacher
    sample_rate : int > 0
        Of the views, in Hz.
    heads : Heads or None
        Of genres and tags; None without `distill.genres`.
    taught : mapping of str to sequence of int
        Tag -> its columns in the concatenated tags of all teachers.
    """

    of_clip: Tensor

    def __init__(
        self,
        settings: Distill,
        teachers: Sequence[NamedTeacher],
        *,
        sample_rate: int,
        heads: Heads | None = None,
        taught: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self._teachers = tuple(teachers)  # a tuple: their weights are no part of the state of a training
        self.sample_rate = sample_rate
        self.taught = list((taught or {}).values())
        wanted = [(each, key) for each in teachers for key in (*settings.regress, *settings.tags)]
        wanted = [(each, key) for each, key in wanted if each.takes(key)]
        self.names = {f"{each.name}.{key}": key for each, key in wanted}
        self.sizes = {f"{each.name}.{key}": each.network.sizes[key] for each, key in wanted}
        self.layers = {
            f"{each.name}.{key}": each.network.of_maps.index(key)
            for each, key in wanted
            if key in each.network.of_maps
        }
        for number, name in enumerate(self.sizes):  # in the state: a training that goes on keeps them
            self.register_buffer(f"mean_{number}", torch.zeros(self.sizes[name]))
            self.register_buffer(f"deviation_{number}", torch.ones(self.sizes[name]))
        self._of_genres = settings.genres.arrays if settings.genres else ()
        self.genres = _stacked(heads.genres) if heads else None
        self.tags = _stacked([heads.tags]) if heads and heads.tags else None
        of_clip = torch.from_numpy(heads.of_clip) if heads else None
        self.register_buffer("of_clip", of_clip, persistent=False)

    def standardize(self, views: Iterable[Tensor], segments: int) -> None:
        """Measure mean and deviation of the arrays of `regress` on views `[views, channels, samples]`."""
        count = dict.fromkeys(self.sizes, 0)
        total = {name: torch.zeros(size, dtype=torch.float64) for name, size in self.sizes.items()}
        squares = {name: torch.zeros(size, dtype=torch.float64) for name, size in self.sizes.items()}
        for sound in views:
            for name, found in self._ask(sound, segments)[0].items():
                values = found.movedim(self._axis(name), -1).flatten(0, -2).double().cpu()
                count[name] += len(values)
                total[name] += values.sum(dim=0)
                squares[name] += values.square().sum(dim=0)
        for number, name in enumerate(self.sizes):
            if self.names[name] in self.settings.regress and count[name]:
                mean = total[name] / count[name]
                variance = (squares[name] - count[name] * mean.square()) / max(1, count[name] - 1)
                deviation = variance.clamp_min(0.0).sqrt().clamp_min(_LEAST_DEVIATION)
                getattr(self, f"mean_{number}").copy_(mean)
                getattr(self, f"deviation_{number}").copy_(deviation)

    def _axis(self, name: str) -> int:
        """Return the axis of the values that are standardized together: the channels of a map."""
        return -3 if name in self.layers else -1

    def forward(self, views: Views) -> Taught:
        """Return the targets of a batch."""
        assert views.sound is not None
        answers, features, tags = self._ask(views.sound, views.segments)
        whole = views.part.whole
        features, tags = whole(features), whole(tags)
        arrays = {}
        for number, name in enumerate(self.sizes):
            values = whole(answers[name])
            if self.names[name] in self.settings.regress:
                shape = (-1, 1, 1) if name in self.layers else (-1,)
                mean = getattr(self, f"mean_{number}").reshape(shape)
                values = (values - mean) / getattr(self, f"deviation_{number}").reshape(shape)
            arrays[name] = values
        genres = tag_heads = None
        with torch.autocast(views.sound.device.type, enabled=False):
            if self.genres is not None and self.settings.genres is not None:
                logits = self.genres(features, self.of_clip[views.clip])
                genres = torch.softmax(logits / self.settings.genres.temperature, dim=-1)
            if self.tags is not None:
                tag_heads = torch.sigmoid(self.tags(features, torch.zeros_like(views.clip)))
        taught = [tags[:, columns].amax(dim=1) for columns in self.taught]
        share = torch.full((len(views.clip),), 1.0 / len(views.clip), device=views.sound.device)
        return Taught(share, arrays, genres, tag_heads, torch.stack(taught, dim=1) if taught else None)

    def _ask(self, sound: Tensor, segments: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Return the named arrays, the features of heads, and the tags of all teachers."""
        arrays: dict[str, Tensor] = {}
        features: list[Tensor] = []
        tags: list[Tensor] = []
        for each in self._teachers:
            of_genres = [key for key in self._of_genres if each.takes(key)]
            own = [key for name, key in self.names.items() if name == f"{each.name}.{key}"]
            asked = {*own, *of_genres, *(("tags",) if self.taught else ())}
            found = each.ask(sound, sample_rate=self.sample_rate, segments=segments, arrays=asked)
            arrays |= {f"{each.name}.{key}": found[key] for key in own if key in found}
            features += [found[key] for key in of_genres]
            tags += [found["tags"]] if "tags" in found else []
        nothing = sound.new_zeros(len(sound), 0)
        missing = [name for name in self.sizes if name not in arrays]
        if missing:
            raise RecipeError(
                f"the teacher cannot cut its maps {', '.join(missing)} into the {segments} segments of a "
                "view: their frames do not divide. Change audio.segment_seconds, or remove the maps from "
                "distill.regress",
                code="teacher-map-undivided",
            )
        named = {name: arrays[name] for name in self.sizes}
        return named, torch.cat([nothing, *features], dim=1), torch.cat([nothing, *tags], dim=1)


class _Stacked(nn.Module):
    """Several linear heads with the same shape; each view uses one of them."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, features: Tensor, number: Tensor) -> Tensor:
        """Return the logits `[views, outputs]` of `features [views, d]` by the heads of these numbers."""
        every = F.linear(features, self.weight.flatten(0, 1), self.bias.flatten())
        every = every.reshape(len(features), *self.bias.shape)
        return every[torch.arange(len(features), device=features.device), number]


def _stacked(heads: Sequence[Head]) -> _Stacked:
    weight = torch.from_numpy(np.stack([each.weight for each in heads]).astype(np.float32))
    bias = torch.from_numpy(np.stack([each.bias for each in heads]).astype(np.float32))
    return _Stacked(weight, bias)
