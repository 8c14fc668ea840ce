"""What a recipe says of learning from another listener's answers (Hinton et al. 2015, arXiv:1503.02531)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from genrelab.lab.recipes.base import Strict

ArrayName = Annotated[str, Field(min_length=1, max_length=100)]
Weight = Annotated[float, Field(gt=0)]
WITHOUT = "none"
SPLIT = "{split}"


def _null_is_empty(value: object) -> object:
    """Let null over an inherited mapping mean an empty one, and null over one of its weights take it away."""
    if isinstance(value, dict):
        return {key: weight for key, weight in value.items() if weight is not None}
    return {} if value is None else value


Weights = Annotated[dict[ArrayName, Weight], BeforeValidator(_null_is_empty)]


class GenreTeacher(Strict):
    """A regression of genres on arrays of the targets, fitted on the labelled training clips alone."""

    arrays: tuple[ArrayName, ...] = Field(
        alias="from", min_length=1, description="the arrays of the file of targets that it sees, side by side"
    )
    weight: Weight = 1.0
    temperature: float = Field(
        1.0, gt=0, le=100, description="what the logits of both sides are divided by before they are compared"
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=100,
        description="training clips are judged by regressions that did not see their artist, one a fold; "
        "null is one regression for all, which knows the training clips' labels",
    )
    C: float = Field(0.03, gt=0, description="scikit-learn's: the smaller, the smoother the regression")


class Distill(Strict):
    """What is learned beside, or instead of, the labels.

    `regress` and `tags` name arrays of the file of targets and the weights of their losses; a linear layer
    on the network's embedding, which is no part of the model, must reproduce them.
    """

    targets: str | None = Field(
        None,
        min_length=1,
        description="an .npz file; `none` trains without it, as if there were no `distill`. A recipe leaves "
        "it open: it is named when a training begins. {split} in it becomes the split's name",
    )
    regress: Weights = Field(default_factory=dict)
    regress_loss: Literal["smooth-l1", "mse", "cosine"] = "smooth-l1"
    tags: Weights = Field(default_factory=dict)
    genres: GenreTeacher | None = None
    unlabelled: bool = Field(False, description="learn the corpus's clips without a genre, too")
    label_weight: float = Field(1.0, ge=0, description="of the cross-entropy with the labels")

    def file(self, split: str) -> str | None:
        """Return the file of targets for a split of this name; None without one."""
        if self.targets is None or self.targets == WITHOUT:
            return None
        return self.targets.replace(SPLIT, split)

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if not (self.regress or self.tags or self.genres):
            raise ValueError(
                "there is nothing to learn; give it regress, tags or genres, or leave distill out"
            )
        if self.label_weight == 0 and self.genres is None:
            raise ValueError("without labels (label_weight=0) and without genres, nothing teaches genres")
        return self
