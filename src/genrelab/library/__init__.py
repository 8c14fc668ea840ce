"""The database of what was recognized, and safe writing of genre tags.

>>> from genrelab.library import Library, Memory, Tagger, Wish
>>> with Library("music.db") as library:  # doctest: +SKIP
...     memory = Memory(library.tracks, recognizer.bundle.identity)
...     records = list(recognizer.recognize_many(scan(["music"]), through=memory))
...     changes = list(Tagger(library).tag(scan(["music"]), Wish(min_confidence=0.6), write=True))
"""

from genrelab.library.errors import LibraryError, TagError
from genrelab.library.genre_map import GenreMap
from genrelab.library.library import Library
from genrelab.library.memory import Memory
from genrelab.library.proposal import Wish
from genrelab.library.tagging import Tagger, TagRecord

__all__ = ["GenreMap", "Library", "LibraryError", "Memory", "TagError", "TagRecord", "Tagger", "Wish"]
