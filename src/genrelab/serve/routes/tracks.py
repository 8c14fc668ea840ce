"""Tracks of the library: lists, everything about one, similar ones."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import Field

from genrelab.library.explore.where import parse_where
from genrelab.library.store.listing.query import MOST_CHARACTERS, Sort, TrackQuery
from genrelab.library.store.track_filter import TrackFilter
from genrelab.serve.endpoint import Answer, Call, Endpoint, Query
from genrelab.serve.tracks.catalogue import Catalogue
from genrelab.serve.tracks.detail import detail
from genrelab.serve.tracks.detail_answer import TrackDetail
from genrelab.serve.tracks.item import TrackItem, items_of

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

    k: Annotated[int, Field(ge=1, le=100)] = 10


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
]
