"""The models: shipped, taught, and own files under the roots."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field, JsonValue

from genrelab.serve.describe.models import ModelFile, list_models
from genrelab.serve.endpoint import Answer, Call, Endpoint


class ModelTag(Answer):
    """A tag that a model predicts.

    Attributes
    ----------
    kind, name : str
        Such as `mood` and `calm`.
    """

    kind: str
    name: str


class Model(Answer):
    """A model file.

    Attributes
    ----------
    name : str
        Of its recipe; for a taught model, the name that its user gave; else that of the file.
    path : str
    origin : str
        `shipped`, `taught` or `own`.
    current : bool
        Whether the server recognizes with it.
    identity : str or None
        Name and digits of the content, as results have them.
    genres : list of str
    thresholds : dict of str to float
        Genre -> confidence below which the model abstains if this genre is first.
    tags : list of ModelTag
    created : str or None
        The date, as YYYY-MM-DD.
    results : list of dict
        Measured results, each with its `corpus` and `split`.
    problem : str or None
        Why it cannot be used.
    """

    name: str
    path: str
    origin: Literal["shipped", "taught", "own"]
    current: bool
    identity: str | None
    genres: tuple[str, ...] = ()
    thresholds: dict[str, float] = Field(default_factory=dict)
    tags: tuple[ModelTag, ...] = ()
    created: str | None = None
    results: tuple[dict[str, JsonValue], ...] = ()
    problem: str | None = None


class Models(Answer):
    """All model files.

    Attributes
    ----------
    items : list of Model
        The one in use first.
    total, offset : int
    """

    items: tuple[Model, ...]
    total: int
    offset: int = 0


def models(call: Call) -> Models:
    """Return all model files that the server knows."""
    server = call.server
    items = tuple(_answer(each) for each in list_models(server.roots, server.settings.model))
    return Models(items=items, total=len(items))


def _answer(each: ModelFile) -> Model:
    path = os.fsencode(each.path).decode("utf-8", "backslashreplace")
    facts = each.metadata
    if facts is None:
        problem = None if each.problem is None else each.problem.encode("utf-8", "backslashreplace").decode()
        return Model(
            name=os.path.basename(path),
            path=path,
            origin="own",
            current=each.current,
            identity=None,
            problem=problem,
        )
    return Model(
        name=facts.recipe,
        path=path,
        origin=each.origin,
        current=each.current,
        identity=each.identity,
        genres=facts.genres,
        thresholds={genre: facts.threshold_of(genre) for genre in facts.genres},
        tags=tuple(ModelTag(kind=tag.kind, name=tag.name) for tag in facts.user_tags),
        created=facts.created.isoformat(),
        results=facts.results,
    )


ENDPOINTS = [
    Endpoint(
        "GET",
        "/models",
        models,
        "List the models: shipped, taught, and own files in the first folders of the roots.",
        "server",
        answer=Models,
    )
]
