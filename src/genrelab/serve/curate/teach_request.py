"""How to teach a model, as a request says it: the options of `genrelab teach`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from genrelab.serve.curate.chosen import MOST_PATHS
from genrelab.serve.curate.tag_request import Path
from genrelab.serve.endpoint import Body


class TeachBody(Body):
    """How to teach a model.

    Attributes
    ----------
    from_ : str
        `corrections`: those of `update`, or else of the models that were not taught. `tags`: the genre tags
        of `paths`. `folders`: the subfolders of the one path, named after genres. `csv`: the one path, a
        table with the columns path and genre. Its name in a request is `from`.
    paths : list of str
        Under the roots.
    to : str
        The model file to write, under a root.
    update : str or None
        A taught model: the examples are added to its own.
    model : str or None
        The model whose embedding is used; none for the one in use.
    multi : bool or None
        Whether a track may have several genres.
    level : str or None
        `genre`, `style` or `as-written`; style for tags, otherwise as-written.
    block : list of str
        Genres to ignore.
    min_examples : int
        Genres with fewer examples are left out.
    precision : float
        Share of right answers that the threshold aims at.
    seed : int
    overwrite : bool
        Whether to replace an existing model other than `update`.
    """

    from_: Literal["corrections", "tags", "folders", "csv"] = Field(alias="from")
    paths: list[Path] = Field(default_factory=list, max_length=MOST_PATHS)
    to: Path
    update: Path | None = None
    model: Path | None = None
    multi: bool | None = None
    level: Literal["genre", "style", "as-written"] | None = None
    block: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=100
    )
    min_examples: Annotated[int, Field(ge=2, le=1_000_000)] = 5
    precision: Annotated[float, Field(ge=0, le=0.99)] = 0.8
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    overwrite: bool = False
