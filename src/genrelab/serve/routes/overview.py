"""The library as a whole: counts, genres and their colours."""

from __future__ import annotations

from genrelab.bundle.find import find_model
from genrelab.errors import GenrelabError
from genrelab.library.store.listing.statistics import Statistics, Sum
from genrelab.recognize.recognition import UNSURE
from genrelab.serve.endpoint import Answer, Call, Endpoint
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue
from genrelab.serve.tracks.item import rounded, unicode
from genrelab.serve.tracks.palette import palette

_SECONDS_PER_HOUR = 3600.0


class GenreCount(Answer):
    """Tracks of a genre.

    Attributes
    ----------
    genre : str
        `unsure` among them.
    tracks : int
    hours : float
    confidence : float or None
        Their mean confidence; None without tracks.
    """

    genre: str
    tracks: int
    hours: float
    confidence: float | None


class LibraryStatistics(Answer):
    """Counts of the library.

    Attributes
    ----------
    tracks, unsure, errors : int
    hours : float
        Of all tracks.
    size : int
        Of their files when they were recognized, in bytes.
    genres : dict of str to int
        Predicted genre -> tracks, most first, `unsure` among them.
    by_genre : list of GenreCount
        The same with hours and confidence.
    models : dict of str to int
    tags : dict of str to int
        Such as `mood:calm` -> tracks on which it is present, by kind, most first.
    colours, dark_colours : dict of str to str
        Genre -> `#rrggbb` on light and on dark pages; `unsure` has none.
    """

    tracks: int
    unsure: int
    errors: int
    hours: float
    size: int
    genres: dict[str, int]
    by_genre: list[GenreCount]
    models: dict[str, int]
    tags: dict[str, int]
    colours: dict[str, str]
    dark_colours: dict[str, str]


class GenreItem(Answer):
    """A genre that the server knows.

    Attributes
    ----------
    genre : str
    tracks : int
    light, dark : str
        Its colour on light and on dark pages, as `#rrggbb`.
    shape : int
        Number of its shape on maps, from 0 to 4: genres that share a colour differ in it.
    """

    genre: str
    tracks: int
    light: str
    dark: str
    shape: int


class Genres(Answer):
    """The genres of the models with results in the library, and of the model in use.

    Attributes
    ----------
    items : list of GenreItem
        In alphabetical order.
    total, offset : int
    colours, dark_colours : dict of str to str
        Genre -> `#rrggbb` on light and on dark pages.
    """

    items: list[GenreItem]
    total: int
    offset: int = 0
    colours: dict[str, str]
    dark_colours: dict[str, str]


def statistics(call: Call) -> LibraryStatistics:
    """Count the tracks of the library."""
    catalogue = call.server.part(Catalogue)
    found = catalogue.statistics()
    colours = palette(_names(call.server, catalogue, found))
    return LibraryStatistics(
        tracks=found.whole.tracks,
        unsure=found.unsure,
        errors=found.errors,
        hours=_hours(found.whole),
        size=found.size,
        genres={unicode(genre): total.tracks for genre, total in found.genres.items()},
        by_genre=[_count(unicode(genre), total) for genre, total in found.genres.items()],
        models={unicode(model): count for model, count in found.models.items()},
        tags={unicode(f"{kind}:{name}"): count for kind, name, count in catalogue.tag_counts()},
        colours={genre: colour.light for genre, colour in colours.items()},
        dark_colours={genre: colour.dark for genre, colour in colours.items()},
    )


def genres(call: Call) -> Genres:
    """Return the genres and their colours."""
    catalogue = call.server.part(Catalogue)
    found = catalogue.statistics()
    colours = palette(_names(call.server, catalogue, found))
    items = [
        GenreItem(genre=genre, tracks=found.genres.get(genre, Sum()).tracks, **colour._asdict())
        for genre, colour in colours.items()
    ]
    return Genres(
        items=items,
        total=len(items),
        colours={genre: colour.light for genre, colour in colours.items()},
        dark_colours={genre: colour.dark for genre, colour in colours.items()},
    )


def _names(server: Server, catalogue: Catalogue, found: Statistics) -> set[str]:
    names = {*found.genres, *catalogue.listing.known_tags().genres, *_of_current(server, catalogue)}
    return {unicode(name) for name in names} - {UNSURE}


def _of_current(server: Server, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the genres of the model in use; none if it cannot be read."""
    try:
        return catalogue.genres_of(find_model(server.settings.model))
    except (GenrelabError, OSError):
        return ()


def _hours(total: Sum) -> float:
    return round(total.seconds / _SECONDS_PER_HOUR, 3)


def _count(genre: str, total: Sum) -> GenreCount:
    mean = total.confidence / total.tracks if total.tracks else None
    return GenreCount(genre=genre, tracks=total.tracks, hours=_hours(total), confidence=rounded(mean))


ENDPOINTS = [
    Endpoint(
        "GET",
        "/statistics",
        statistics,
        "Count the tracks of the library by genre, model and tag.",
        "library",
        answer=LibraryStatistics,
    ),
    Endpoint("GET", "/genres", genres, "List the genres and their colours.", "library", answer=Genres),
]
