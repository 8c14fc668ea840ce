"""Store recognitions in a database, and write genre tags safely.

>>> from genrelab.library import CachedRecognizer, Library, TagPolicy, Tagger
>>> with Library("music.db") as library:  # doctest: +SKIP
...     recognizer = CachedRecognizer(Recognizer.load(), library)
...     records = list(recognizer.recognize_many(scan(["music"])))
...     changes = list(Tagger(library).tag(scan(["music"]), TagPolicy(min_confidence=0.6), write=True))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genrelab.errors import LibraryError, TagError

if TYPE_CHECKING:
    from genrelab.library.store.library import Library
    from genrelab.library.store.recognition_cache import CachedRecognizer
    from genrelab.library.tagging.genre_map import GenreMap
    from genrelab.library.tagging.tag_plan import TagPolicy, Wish
    from genrelab.library.tagging.tag_record import TagRecord
    from genrelab.library.tagging.tagger import Tagger

__all__ = [
    "CachedRecognizer",
    "GenreMap",
    "Library",
    "LibraryError",
    "TagError",
    "TagPolicy",
    "TagRecord",
    "Tagger",
    "Wish",
]

_MODULES = {
    "GenreMap": "tagging.genre_map",
    "Library": "store.library",
    "CachedRecognizer": "store.recognition_cache",
    "TagRecord": "tagging.tag_record",
    "Tagger": "tagging.tagger",
    "TagPolicy": "tagging.tag_plan",
    "Wish": "tagging.tag_plan",  # the former name of `TagPolicy`
}


def __getattr__(name: str) -> Any:
    """Import names on first use, so that only the modules in use are loaded (PEP 562)."""
    if name in _MODULES:
        return getattr(import_module(f"genrelab.library.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
