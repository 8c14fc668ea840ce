"""Review: questions about doubtful tracks, and answers to them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genrelab.serve.curate.chosen import TrackId, clean, described, names_of
from genrelab.serve.curate.doubts import Kind
from genrelab.serve.curate.reviews import Reviews
from genrelab.serve.endpoint import Answer, Body, Call, Endpoint, Query

_Model = Annotated[str, Field(max_length=4096)]


class ReviewQuery(Query):
    """Which questions.

    Attributes
    ----------
    model : str
        A model file under a root; empty for the one in use.
    kind : str
        `wrong`: the genre in the tags, or in the examples of a taught model, is probably wrong. `unsure`: the
        model is unsure.
    limit, offset : int
    """

    model: _Model = ""
    kind: Kind = "wrong"
    limit: Annotated[int, Field(ge=0, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class ReviewItem(Answer):
    """A doubtful track.

    Attributes
    ----------
    id, path, name : str
    title, artist, album : str or None
    labels : list of str
        The genres in the tags, or in the examples; empty for a track that is unsure.
    predicted : str
    probability : float
        Of the predicted genre.
    reason : str
        `wrong` or `unsure`.
    duration : float or None
        In seconds.
    """

    id: str
    path: str
    name: str
    title: str | None
    artist: str | None
    album: str | None
    labels: list[str]
    predicted: str
    probability: float
    reason: Kind
    duration: float | None


class ReviewList(Answer):
    """Doubtful tracks, the most doubtful first.

    Attributes
    ----------
    items : list of ReviewItem
    total : int
        Number of those that were found.
    offset : int
    left : int
        Number of tracks whose tags are still to be compared: ask again.
    model, corrections : str
        The model, and the file of corrections.
    """

    items: list[ReviewItem]
    total: int
    offset: int
    left: int
    model: str
    corrections: str


class ReviewBody(Body):
    """The genre of a track.

    Attributes
    ----------
    model : str or None
        A model file under a root; none for the one in use.
    id : str
    genre : str
        The right genre; several are separated by semicolons. `right`: the predicted one. `skip`: do not ask
        again. `undo`: take the answer back.
    """

    model: _Model | None = None
    id: TrackId
    genre: Annotated[str, Field(min_length=1, max_length=1000)]


class ReviewAnswer(Answer):
    """What was kept.

    Attributes
    ----------
    id : str
    genres : list of str
        Empty after `skip` and `undo`.
    corrections : str
        The file, which `genrelab teach --csv` reads.
    """

    id: str
    genres: list[str]
    corrections: str


def questions(call: Call) -> ReviewList:
    """Return doubtful tracks."""
    query: ReviewQuery = call.query
    reviews = call.server.part(Reviews)
    model = reviews.model(query.model)
    found, left = reviews.questions(model, query.kind)
    page = found[query.offset : query.offset + query.limit]
    names = names_of(call.server, [each.path for each in page])
    items = [
        ReviewItem(
            **described(each.path, names.get(each.path)),
            labels=clean(each.labels),
            predicted=clean(each.predicted),
            probability=round(each.probability, 6),
            reason=query.kind,
            duration=reviews.duration(each.path),
        )
        for each in page
    ]
    return ReviewList(
        items=items,
        total=len(found),
        offset=query.offset,
        left=left,
        model=clean(str(model.path)),
        corrections=clean(str(model.corrections)),
    )


def answer(call: Call) -> ReviewAnswer:
    """Keep the right genre of a track."""
    body: ReviewBody = call.body
    reviews = call.server.part(Reviews)
    model = reviews.model(body.model)
    genres = reviews.answer(model, body.id, body.genre)
    return ReviewAnswer(id=body.id, genres=list(genres), corrections=clean(str(model.corrections)))


ENDPOINTS = [
    Endpoint(
        "GET",
        "/review",
        questions,
        "Return tracks whose genre is doubtful.",
        "review",
        answer=ReviewList,
        query=ReviewQuery,
    ),
    Endpoint(
        "POST",
        "/review",
        answer,
        "Keep the right genre of a track, for teaching.",
        "review",
        answer=ReviewAnswer,
        body=ReviewBody,
        writes=True,
        description=(
            "Corrections of a taught model are kept beside it, those of another model in corrections.csv "
            "beside the library. `genrelab teach --csv` reads both. Tags are not changed."
        ),
        example={"id": "L211c2ljL2EubXAz", "genre": "jazz"},
    ),
]
