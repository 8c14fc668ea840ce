"""Similar tracks and paths in the shape that a Navidrome plugin for `sonicSimilarity` returns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genrelab.library.playlists.journey import MOST_STEPS
from genrelab.serve.curate.chosen import TrackId
from genrelab.serve.curate.sonic import path_matches, seed_of, similar_matches
from genrelab.serve.endpoint import Answer, Call, Endpoint, Query

_Path = Annotated[str, Field(min_length=1, max_length=4096)]


class SonicQuery(Query):
    """A track, and how many similar ones.

    Attributes
    ----------
    id : str or None
        Of the track; or
    path : str or None
        its file: absolute, or relative to a root.
    count : int
    """

    id: TrackId | None = None
    path: _Path | None = None
    count: Annotated[int, Field(ge=1, le=500)] = 10


class SonicPathQuery(Query):
    """Two tracks, and how many tracks the path between them has.

    Attributes
    ----------
    from_, to : str or None
        Their ids; the first is called `from` in a request. Or
    from_path, to_path : str or None
        their files: absolute, or relative to a root.
    count : int
        With both ends.
    """

    from_: TrackId | None = Field(None, alias="from")
    to: TrackId | None = None
    from_path: _Path | None = None
    to_path: _Path | None = None
    count: Annotated[int, Field(ge=2, le=MOST_STEPS)] = 25


class SongRef(Answer):
    """A track: the fields of Navidrome's `SongRef` that files have, and two more.

    Attributes
    ----------
    name, artist, album : str
        From the tags; `name` is the name of the file if these have no title.
    duration : float
        In seconds; 0 if unknown.
    durationMs : int
        In milliseconds.
    path : str
    genrelabId : str
        The id of the track here. Navidrome's `id` is its own, so it is absent.
    """

    name: str
    artist: str
    album: str
    duration: float
    durationMs: int
    path: str
    genrelabId: str


class SonicMatch(Answer):
    """A track and its similarity.

    Attributes
    ----------
    song : SongRef
    similarity : float in 0..1
        1 is the same sound. On a path, with its first track.
    """

    song: SongRef
    similarity: float


class SonicMatches(Answer):
    """What the functions of the plugin return.

    Attributes
    ----------
    matches : list of SonicMatch
    """

    matches: list[SonicMatch]


def similar(call: Call) -> SonicMatches:
    """Return the tracks that sound most like one."""
    query: SonicQuery = call.query
    seed = seed_of(call.server, query.id, query.path, "the track")
    return SonicMatches.model_validate({"matches": similar_matches(call.server, seed, query.count)})


def path(call: Call) -> SonicMatches:
    """Return a path from one track to another."""
    query: SonicPathQuery = call.query
    start = seed_of(call.server, query.from_, query.from_path, "the first track")
    end = seed_of(call.server, query.to, query.to_path, "the last track")
    return SonicMatches.model_validate({"matches": path_matches(call.server, start, end, query.count)})


_SHAPE = "The answer has the shape of `SonicSimilarityResponse` of Navidrome's plugin capability."

ENDPOINTS = [
    Endpoint(
        "GET",
        "/sonic/similar",
        similar,
        "Return similar tracks for a player.",
        "players",
        answer=SonicMatches,
        query=SonicQuery,
        description=_SHAPE,
    ),
    Endpoint(
        "GET",
        "/sonic/path",
        path,
        "Return a path between two tracks for a player; both are part of it.",
        "players",
        answer=SonicMatches,
        query=SonicPathQuery,
        description=_SHAPE,
    ),
]
