"""The part of a recipe about distillation from a teacher (Hinton et al. 2015, arXiv:1503.02531)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from genrelab.lab.recipes.base import Strict

_File = Annotated[str, Field(min_length=1)]
ArrayName = Annotated[str, Field(min_length=1, max_length=100)]
Weight = Annotated[float, Field(gt=0)]
WITHOUT = "none"
SPLIT = "{split}"


def _null_is_empty(value: object) -> object:
    """Let null over an inherited mapping empty it, and null over one of its weights remove the weight."""
    if isinstance(value, dict):
        return {key: weight for key, weight in value.items() if weight is not None}
    return {} if value is None else value


Weights = Annotated[dict[ArrayName, Weight], BeforeValidator(_null_is_empty)]


class GenreTeacher(Strict):
    """A regression of genres on arrays of the targets, fitted to labelled training clips only."""

    arrays: tuple[ArrayName, ...] = Field(
        alias="from", min_length=1, description="arrays of the targets file that it uses, concatenated"
    )
    weight: Weight = 1.0
    temperature: float = Field(
        1.0, gt=0, le=100, description="divisor of the logits of both sides before they are compared"
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=100,
        description="regressions for training clips are not fitted to the artist of the clip, one per "
        "fold; null is one regression for all, which is fitted to the labels of the training clips",
    )
    C: float = Field(0.03, gt=0, description="scikit-learn's: the smaller, the smoother the regression")


class TeacherFile(Strict):
    """A teacher network that is asked about each view: its weights and the names of its tags."""

    weights: _File
    tags: _File | None = Field(None, description="a text file with one name per line")
    gives: tuple[ArrayName, ...] | None = Field(
        None, min_length=1, description="arrays that are taken from it; null is all that the recipe names"
    )


def _file_is_weights(value: object) -> object:
    return {"weights": value} if isinstance(value, str) else value


class Distill(Strict):
    """Targets of training in addition to, or instead of, the labels.

    `regress` and `tags` map arrays of the teachers to the weights of their losses. Linear layers on the
    embedding of the network predict them; they are not part of the model. The arrays come from a file with
    one mean per clip (`targets`), or from networks that process the same view of the sound as the student at
    every step (`teachers`: function matching, Beyer et al. 2022, arXiv:2106.05237).
    """

    unwritten: ClassVar[tuple[str, ...]] = ("teachers",)

    teachers: tuple[Annotated[TeacherFile, BeforeValidator(_file_is_weights)], ...] = Field(
        (),
        max_length=8,
        description="files of weights of teacher networks. Each answers every array that is asked for. A "
        "recipe leaves it open: name them when you start a training",
    )

    targets: str | None = Field(
        None,
        min_length=1,
        description="an .npz file; `none` trains without it, as without `distill`. A recipe leaves it open: "
        "name it when you start a training. {split} in it becomes the name of the split",
    )
    regress: Weights = Field(default_factory=dict)
    regress_loss: Literal["smooth-l1", "mse", "cosine"] = "smooth-l1"
    tags: Weights = Field(default_factory=dict)
    genres: GenreTeacher | None = None
    unlabelled: bool = Field(False, description="also train on the clips of the corpus without a genre")
    label_weight: float = Field(1.0, ge=0, description="weight of the cross-entropy with the labels")

    def file(self, split: str) -> str | None:
        """Return the targets file for a split; None without one."""
        if self.targets is None or self.targets == WITHOUT:
            return None
        return self.targets.replace(SPLIT, split)

    @property
    def arrays(self) -> tuple[str, ...]:
        """The arrays that are needed, each once."""
        of_genres = self.genres.arrays if self.genres else ()
        return tuple(dict.fromkeys([*self.regress, *self.tags, *of_genres]))

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.teachers and self.targets not in (None, WITHOUT):
            raise ValueError("give distill.teachers or distill.targets, not both")
        return self

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if not (self.regress or self.tags or self.genres):
            raise ValueError("distill needs regress, tags or genres; otherwise omit it")
        if self.label_weight == 0 and self.genres is None:
            raise ValueError("with label_weight=0 and without genres, nothing trains the genres")
        return self
