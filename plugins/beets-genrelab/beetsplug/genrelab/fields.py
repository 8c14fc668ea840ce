"""The fields of beets that the plugin reads and writes."""

from __future__ import annotations

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


def own_genres(found: Item | Album) -> list[str]:
    """Return the genres of a track or album; those of its album are not those of a track."""
    return list(_own(found, "genres") or [])


def written_genres(found: Item | Album) -> list[str] | None:
    """Return the genres that the plugin gave to a track or album; None if it gave none."""
    given = _own(found, GENRES)
    return list(given) if given else None


def note(found: Item | Album, decision: Decision, settings: Settings) -> None:
    """Set the fields as decided; nothing is stored."""
    if decision.predicted is None:
        return
    found[PREDICTED] = decision.predicted
    found[CONFIDENCE] = decision.confidence or 0.0
    if decision.genres is None:
        return
    genres = decision.genres
    if settings.keep_existing:
        genres = combined(PLACEHOLDERS.without(tuple(own_genres(found))), genres)
    found["genres"] = list(genres)
    found[GENRES] = list(genres)


def forget(found: Item | Album) -> None:
    """Remove the fields of the plugin."""
    for field in (PREDICTED, CONFIDENCE, GENRES):
        if _own(found, field) is not None:
            del found[field]


def _own(found: Any, field: str) -> Any:
    """Return a field of a track or album itself."""
    if hasattr(found, "album_id"):
        return found.get(field, None, with_album=False)
    return found.get(field, None)
