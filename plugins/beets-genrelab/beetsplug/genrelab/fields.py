"""The fields of beets that the plugin reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genrelab.library.tagging.genre_text import PLACEHOLDERS
from genrelab.library.tagging.tag_plan import combined

if TYPE_CHECKING:
    from beets.library import Album, Item
    from beetsplug.genrelab.deciding import Decision
    from beetsplug.genrelab.settings import Settings

PREDICTED = "genrelab_genre"
"""The predicted genre, or `unsure`."""

CONFIDENCE = "genrelab_confidence"
"""Its confidence, 0 to 1."""

GENRES = "genrelab_genres"
"""The genres that the plugin gave: those that it may write and take back."""


BEFORE = "genrelab_before"
"""The genres of the database from before, if they were not those of the file."""


def own_genres(found: Item | Album) -> list[str]:
    """Return the genres of a track or album; those of its album are not those of a track."""
    return list(_own(found, "genres") or [])


def written_genres(found: Item | Album) -> list[str] | None:
    """Return the genres that the plugin gave to a track or album; None if it gave none."""
    given = _own(found, GENRES)
    return list(given) if given else None


def note(
    found: Item | Album, decision: Decision, settings: Settings, in_file: Sequence[str] | None = None
) -> None:
    """Set the fields as decided; nothing is stored.

    Parameters
    ----------
    found : Item or Album
    decision : Decision
    settings : Settings
    in_file : sequence of str or None
        The genres in the file, which come back from it; None if there is no file, or none that can be read.
    """
    if decision.predicted is None:
        return
    found[PREDICTED] = decision.predicted
    found[CONFIDENCE] = decision.confidence or 0.0
    if decision.genres is None:
        return
    before = own_genres(found)
    if before != written_genres(found):
        _remove(found, BEFORE)
        if in_file is None or before != list(in_file):
            found[BEFORE] = before
    genres = decision.genres
    if settings.keep_existing:
        genres = combined(PLACEHOLDERS.without(tuple(before)), genres)
    found["genres"] = list(genres)
    found[GENRES] = list(genres)


def take_back(found: Item | Album, in_file: Sequence[str], *, force: bool) -> None:
    """Give a track or album its genres from before, and remove the fields of the plugin; nothing is stored.

    Parameters
    ----------
    found : Item or Album
    in_file : sequence of str
        The genres in the file, or those of the first track of an album.
    force : bool
        Whether genres are replaced that somebody has changed since.
    """
    if force or own_genres(found) == written_genres(found):
        before = _own(found, BEFORE)
        found["genres"] = list(in_file if before is None else before)
    for field in (PREDICTED, CONFIDENCE, GENRES, BEFORE):
        _remove(found, field)


def _remove(found: Item | Album, field: str) -> None:
    if _own(found, field) is not None:
        del found[field]


def _own(found: Any, field: str) -> Any:
    """Return a field of a track or album itself."""
    if hasattr(found, "album_id"):
        return found.get(field, None, with_album=False)
    return found.get(field, None)
