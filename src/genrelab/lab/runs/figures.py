"""Figures of tests as parts of records: single ones, and those of tags."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a record; what later versions added is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Figure(Part):
    """A figure between 0 and 1 (log loss: in nats) with its interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None


class TagFigures(Part):
    """How well one tag is predicted, see `genrelab.lab.metrics.tag_scores.TagScores`."""

    measured: Literal["labels", "teacher"]
    positives: int
    negatives: int
    groups: int
    auc: Figure
    average_precision: Figure
    pearson: Figure | None = None
    spearman: Figure | None = None


class KindFigures(Part):
    """How well the tags of a kind are distinguished, see `genrelab.lab.metrics.tag_scores.KindScores`."""

    tags: tuple[str, ...]
    n: int
    groups: int
    accuracy: Figure
    balanced_accuracy: Figure
    chance: float
    confusion: tuple[tuple[int, ...], ...]


class TagsRecord(Part):
    """All figures of predicted tags, as `TagEvaluation.to_dict` gives them; tags are written `kind:name`."""

    intervals: dict[str, Any]
    mean_auc: Figure
    mean_average_precision: Figure
    tags: dict[str, TagFigures]
    kinds: dict[str, KindFigures] = Field(default_factory=dict)
