"""Paper `mfcc-cqt`, section 5.2: Parul Pandey's network of four dense layers on averaged descriptors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from genrelab.errors import RunError, UsageError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input

_HIDDEN = (256, 128, 64)


class Standardize(nn.Module):
    """Bring each feature to mean 0 and variance 1 of the clips that it was fitted to.

    Matches `sklearn.preprocessing.StandardScaler`: the variance is the biased one, and a feature that
    does not vary is only centred. Passes everything on until it is fitted. What it was fitted to is kept
    with the weights.

    Parameters
    ----------
    features : int > 0
    """

    mean: Tensor
    std: Tensor
    items: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.register_buffer("items", torch.zeros((), dtype=torch.int64))

    @property
    def fitted(self) -> bool:
        """Whether the layer is fitted, here or in the loaded weights."""
        return int(self.items) > 0

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Fit mean and deviation to items.

        Parameters
        ----------
        batches : iterable of Tensor [shape=(batch, features)]
            All batches are kept in memory.

        Raises
        ------
        UsageError
            If there is no item.
        RunError
            If a value is not finite.
        """
        parts = [batch.double().cpu() for batch in batches]
        if not parts:
            raise UsageError(
                "a standardization must be fitted to at least one item; give it training clips",
                code="standardization-without-items",
            )
        items = torch.cat(parts)
        if not items.isfinite().all():
            raise RunError(
                "a descriptor of a training clip is not a finite number; look for damaged sound",
                code="descriptor-not-finite",
            )
        mean, std = items.mean(dim=0), items.std(dim=0, correction=0)
        # The deviation of a constant is not zero but a rounding error of its size.
        constant = std <= 10 * torch.finfo(torch.float32).eps * mean.abs()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(constant, torch.ones_like(std), std))
        self.items.fill_(len(items))

    def forward(self, x: Tensor) -> Tensor:
        """Change `[batch, features]` into the same shape."""
        return (x - self.mean) / self.std


@MODELS.register("descriptor-mlp")
class DescriptorMLP(Body):
    """Standardized descriptors, dense layers of 256, 128 and 64 with ReLU, linear classifier.

    The standardization is fitted to the training clips before the first epoch (see
    `genrelab.lab.training.optimization.initial_weights`); it has no
    parameters, and training does not change it.

    Raises
    ------
    RecipeError
        If the recipe gives anything but one input of one row: `descriptors` or `table`.
    """

    def __init__(self, *, inputs: Mapping[str, Shape], genres: int) -> None:
        super().__init__()
        self.name, shape = only_input(inputs, axes=2, what="a row of descriptors")
        features = shape[0] * shape[1]
        self.standardize = Standardize(features)
        layers: list[nn.Module] = []
        for units in _HIDDEN:
            layers += [nn.Linear(features, units), nn.ReLU()]
            features = units
        self.hidden = nn.Sequential(*layers)
        self.classify = nn.Linear(features, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score `[batch, 1, descriptors]`."""
        embedding = self.hidden(self.standardize(inputs[self.name].flatten(1)))
        return Scores(self.classify(embedding), embedding)

    def fit(self, batches: Iterable[Mapping[str, Tensor]]) -> None:
        """Fit the standardization to front-end outputs of training clips; see `Standardize.fit`."""
        self.standardize.fit(inputs[self.name].flatten(1) for inputs in batches)
