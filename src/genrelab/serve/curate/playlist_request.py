"""What a playlist should have, as a request says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from genrelab.library.playlists.files import PlaylistFormat
from genrelab.library.playlists.make import MOST_SEEDS
from genrelab.library.playlists.rules import MOST_TRACKS
from genrelab.serve.curate.chosen import MOST_IDS, TrackId
from genrelab.serve.endpoint import Body, Query

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Wanted(BaseModel):
    """What a playlist should have.

    Attributes
    ----------
    kind : str
        `genre` and `mood`: tracks that fulfil the conditions, the best examples first. `similar`: tracks that
        sound like the seeds. `path`: from one track to another in small steps. `tracks`: these tracks.
    genres : list of str
        One of them. For all kinds but `tracks`, as the other conditions.
    tags : list of str
        All of them: `mood:calm` or `mood=calm`.
    where : list of str
        Conditions as `--where` takes them.
    min_confidence : float or None
    no_unsure : bool
    seeds : list of str
        Ids of tracks, for `similar`.
    with_seeds : bool
        Whether the playlist begins with the seeds.
    from_ : str or None
        Id of the first track of a path; its name in a request is `from`.
    to : str or None
        Id of the last track of a path. In POST /playlists it is the file to write.
    to_track : str or None
        Id of the last track of a path.
    tracks : list of str
        Ids, for `tracks`.
    length : int or None
        Most tracks; 50, or all of `tracks`.
    max_per_artist : int or None
    no_copies : bool or None
        Whether to omit further copies of a recording; None means yes, but not for `tracks`.
    shuffle : int or None
        Seed of a random order.
    name : str
        Title of the playlist, and the name of its file.
    format : str
    absolute : bool or None
        Absolute paths for all files. None: yes in a download, no in a file, where those below the folder of
        the playlist get relative ones.
    """

    kind: Literal["genre", "mood", "similar", "path", "tracks"]
    genres: list[_Name] = Field(default_factory=list, max_length=50)
    tags: list[_Name] = Field(default_factory=list, max_length=50)
    where: list[Annotated[str, Field(max_length=2000)]] = Field(default_factory=list, max_length=50)
    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    no_unsure: bool = False
    seeds: list[TrackId] = Field(default_factory=list, max_length=MOST_SEEDS)
    with_seeds: bool = False
    from_: TrackId | None = Field(None, alias="from")
    to: Annotated[str, Field(min_length=1, max_length=16_384)] | None = None
    to_track: TrackId | None = None
    tracks: list[TrackId] = Field(default_factory=list, max_length=MOST_IDS)
    length: Annotated[int, Field(ge=1, le=MOST_TRACKS)] | None = None
    max_per_artist: Annotated[int, Field(ge=1, le=MOST_TRACKS)] | None = None
    no_copies: bool | None = None
    shuffle: Annotated[int, Field(ge=0, le=2**32)] | None = None
    name: Annotated[str, Field(max_length=200)] = ""
    format: PlaylistFormat = "m3u8"
    absolute: bool | None = None


class PlaylistBody(Wanted, Body):
    """What a playlist should have.

    Attributes
    ----------
    overwrite : bool
        Whether to replace an existing playlist.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    overwrite: bool = False


class PlaylistQuery(Wanted, Query):
    """What a playlist should have."""

    model_config = ConfigDict(extra="forbid", frozen=True)
