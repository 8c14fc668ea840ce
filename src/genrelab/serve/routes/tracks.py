"""Tracks of the library: lists, everything about one, similar ones."""

from __future__ import annotations

import os
from typing import Annotated

from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.library.explore.where import parse_where
from genrelab.library.store.listing.query import MOST_CHARACTERS, Sort, TrackQuery
from genrelab.library.store.track_filter import TrackFilter
from genrelab.serve import track_id
from genrelab.serve.endpoint import Answer, Call, Endpoint, Query, read_query
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue
from genrelab.serve.tracks.detail import detail
from genrelab.serve.tracks.detail_answer import TrackDetail
from genrelab.serve.tracks.item import TrackItem, items_of
from genrelab.serve.tracks.similar import MOST, Neighbours, SimilarTracks

MOST_LISTED = 500
"""Most tracks of an answer."""

_MOST_NAMES = 50  # genres or tags in a request
_MOST_WHERE = 2000
_Probability = Annotated[float, Field(ge=0, le=1)]
_Names = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=_MOST_NAMES)]


class TracksQuery(Query):
    """Which tracks to list; all conditions must hold.

    Attributes
    ----------
    search : str
        Words that must all occur in the path below the root; case and accents are ignored. Titles in tags are
        not searched: the library does not store them.
    genre : list of str
        Predicted genres, `unsure` among them; any of them.
    tag : list of str
        Such as `mood:calm`; all of them.
    folder : str or None
        Only tracks below it; under a root.
    min_confidence, max_confidence : float or None
    unsure, error : bool or None
        Only tracks that are, or are not, unsure; that could not, or could, be recognized.
    where : list of str
        Conditions as `genrelab library list --where` takes them.
    sort : str
        `path`, `genre`, `confidence` or `duration`; with a minus, the reverse order.
    limit, offset : int
    """

    search: Annotated[str, Field(max_length=MOST_CHARACTERS)] = ""
    genre: _Names = Field(default_factory=list)
    tag: _Names = Field(default_factory=list)
    folder: str | None = None
    min_confidence: _Probability | None = None
    max_confidence: _Probability | None = None
    unsure: bool | None = None
    error: bool | None = None
    where: Annotated[list[Annotated[str, Field(max_length=_MOST_WHERE)]], Field(max_length=_MOST_NAMES)] = (
        Field(default_factory=list)
    )
    sort: Sort = "path"
    limit: Annotated[int, Field(ge=0, le=MOST_LISTED)] = 100
    offset: Annotated[int, Field(ge=0, le=10**9)] = 0


class TrackList(Answer):
    """Tracks of the library.

    Attributes
    ----------
    items : list of TrackItem
    total : int
        Number of tracks that fulfil the conditions.
    offset : int
    """

    items: list[TrackItem]
    total: int
    offset: int


class SimilarQuery(Query):
    """How many similar tracks.

    Attributes
    ----------
    k : int
    """

    k: Annotated[int, Field(ge=1, le=MOST)] = 10


class SimilarItem(TrackItem):
    """A similar track.

    Attributes
    ----------
    similarity : float
        Cosine of the angle between the embeddings, from -1 to 1.
    also : list of str
        Ids of other files with the same recording.
    """

    similarity: float
    also: list[str]


class SimilarList(Answer):
    """Similar tracks whose files are there, most similar first; one per recording.

    Attributes
    ----------
    items : list of SimilarItem
    total, offset : int
    same : list of str
        Ids of other files with the recording of the track itself.
    others : int
        Tracks of the library that another model recognized, which cannot be compared.
    """

    items: list[SimilarItem]
    total: int
    offset: int = 0
    same: list[str]
    others: int


def tracks(call: Call) -> TrackList:
    """List tracks."""
    asked: TracksQuery = call.query
    catalogue = call.server.part(Catalogue)
    folders: tuple[bytes, ...] = ()
    if asked.folder:
        folders = (os.fsencode(call.server.roots.resolve(asked.folder)),)
    query = TrackQuery(
        search=asked.search.strip(),
        genres=tuple(asked.genre),
        folders=folders,
        least=asked.min_confidence,
        most=asked.max_confidence,
        unsure=asked.unsure,
        error=asked.error,
        where=_where(asked, catalogue),
        sort=asked.sort,
    )
    page = catalogue.listing.page(query, offset=asked.offset, limit=asked.limit)
    return TrackList(items=items_of(page.tracks, catalogue.names), total=page.total, offset=asked.offset)


def _where(asked: TracksQuery, catalogue: Catalogue) -> TrackFilter | None:
    texts = [*asked.tag, *asked.where]
    return parse_where(texts, catalogue.listing.known_tags()) if texts else None


def track(call: Call) -> TrackDetail:
    """Return everything about a track."""
    catalogue = call.server.part(Catalogue)
    return detail(catalogue.row(call.path["id"]), catalogue, call.server.roots)


async def similar(server: Server, request: Request) -> Response:
    """Return the tracks that sound most like a track."""
    asked = read_query(SimilarQuery, request) or SimilarQuery()
    catalogue = await to_thread.run_sync(server.part, Catalogue, limiter=server.threads)
    row = await to_thread.run_sync(catalogue.row, request.path_params["id"], limiter=server.threads)
    found = await server.part(SimilarTracks).find(row, asked.k)
    answer = await to_thread.run_sync(_similar, found, catalogue, limiter=server.threads)
    return Response(answer.model_dump_json(), media_type="application/json")


def _similar(found: Neighbours, catalogue: Catalogue) -> SimilarList:
    items = items_of((each.track for each in found.tracks), catalogue.names)
    return SimilarList(
        items=[
            SimilarItem(
                **item.model_dump(),
                similarity=round(each.similarity, 6),
                also=[track_id.encode(path) for path in each.also],
            )
            for item, each in zip(items, found.tracks, strict=True)
        ],
        total=len(items),
        same=[track_id.encode(path) for path in found.same],
        others=found.others,
    )


ENDPOINTS = [
    Endpoint(
        "GET",
        "/tracks",
        tracks,
        "List tracks of the library: search, filter, sort.",
        "library",
        answer=TrackList,
        query=TracksQuery,
    ),
    Endpoint(
        "GET",
        "/tracks/{id}",
        track,
        "Return everything about a track: the stored result, why it is unsure, the tags in its file.",
        "library",
        answer=TrackDetail,
    ),
    Endpoint(
        "GET",
        "/tracks/{id}/similar",
        similar,
        "Find the tracks that sound most like a track.",
        "library",
        answer=SimilarList,
        query=SimilarQuery,
        raw=True,
    ),
]
