"""The figures of a paper, as a recipe names them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from genrelab.lab.recipes.base import Strict

Metric = Literal["segment_accuracy", "track_accuracy", "track_top2_accuracy", "valid_accuracy"]


class Reported(Strict):
    """A figure of the paper."""

    corpus: str
    metric: Metric
    value: float = Field(ge=0, le=1)
