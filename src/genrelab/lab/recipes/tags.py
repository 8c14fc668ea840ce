"""The part of a recipe about tags: independent probabilities beside the genres."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from genrelab.lab.recipes.base import Strict

TagName = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z-]*:[^\s:;](?:[^:;]*[^\s:;])?$")]
"""`kind:name`, such as `mood:calm`."""

Weight = Annotated[float, Field(ge=0)]
NO_MUSIC = "content:no music"


class Tags(Strict):
    """Tags that the network learns: those of the corpus, those that teachers give, and `content:no music`.

    Each loss is a binary cross-entropy, averaged over the tags that are known of a view.
    """

    least_clips: int = Field(
        25,
        ge=2,
        description="fewest clips with a tag of the corpus, and fewest without, for it to be learned",
    )
    labels: Weight = Field(1.0, description="weight of the loss with the tags of the corpus")
    heads: Weight = Field(
        0.0,
        description="weight of the loss with what regressions on `distill.genres.from` predict; they are "
        "fitted to the tags of training clips",
    )
    taught: dict[TagName, tuple[Annotated[str, Field(min_length=1, max_length=100)], ...]] = Field(
        default_factory=dict,
        description="tags that teachers give: their names here, and the teachers' names, of which the most "
        "probable counts",
    )
    teacher: Weight = Field(1.0, description="weight of the loss with what teachers give")
    no_music: Weight = Field(
        0.0, description=f"weight of the loss of `{NO_MUSIC}`, which needs training.not_music"
    )

    @model_validator(mode="after")
    def _taught_by_somebody(self) -> Self:
        if NO_MUSIC in self.taught:
            raise ValueError(f"{NO_MUSIC} is learned from training.not_music, not from a teacher")
        return self
