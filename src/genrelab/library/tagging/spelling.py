"""The names that are written for genres: their spelling, their parents, and what is the same genre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from genrelab.library.tagging.genre_map import GenreMap, unique
from genrelab.library.tagging.genre_text import letters
from genrelab.vocabulary import Spelling, ancestors, canonical, display, split_values
from genrelab.vocabulary.caches import cached

TagSpelling = Literal["plain", "id3", "discogs", "musicbrainz", "model"]
"""A spelling of the vocabulary, or `model` for the names of the model."""


def names_to_write(
    genres: Iterable[str],
    among: Iterable[str],
    genre_map: GenreMap,
    *,
    spelling: TagSpelling = "model",
    parents: bool = False,
) -> tuple[str, ...]:
    """Return the names to write for some genres, followed by their parents, without duplicates.

    Parameters
    ----------
    genres : iterable of str
        Genres of the model, most likely first.
    among : iterable of str
        All genres of the model. Two of them are never written alike.
    genre_map : GenreMap
        Its names and parents come first; the spelling and the parents of the vocabulary are for what it does
        not contain.
    spelling : TagSpelling
    parents : bool
        Whether to write the parents of the vocabulary, too.

    Returns
    -------
    tuple of str
    """
    among = tuple(among)
    own: list[str] = []
    above: list[str] = []
    for genre in genres:
        mapped = genre_map.names.get(genre)
        names = (spell(genre, among, spelling),) if mapped is None else mapped
        own += names
        for name in names:
            key = name if name in genre_map.parents or mapped is not None else genre
            if key in genre_map.parents:
                above += genre_map.ancestors(key)
            elif parents:
                as_written: Spelling = "plain" if spelling == "model" else spelling
                above += (display(each, as_written) for each in ancestors(name))
    return unique([*own, *above])


def spell(genre: str, among: Iterable[str], spelling: TagSpelling) -> str:
    """Return a genre of a model in a spelling.

    The model's name stays if the vocabulary does not have it, or if another genre of the model would be
    written alike. `plain` also keeps a name with capital letters: its author has chosen how it looks.
    """
    if spelling == "model" or (spelling == "plain" and genre != genre.lower()):
        return genre
    return genre if genre in _written_alike(frozenset(among), spelling) else display(genre, spelling)


@cached(64)
def _written_alike(genres: frozenset[str], spelling: Spelling) -> frozenset[str]:
    """Return the genres that share their written name with another."""
    written = {genre: display(genre, spelling) for genre in genres}
    counts = Counter(written.values())
    return frozenset(genre for genre, text in written.items() if counts[text] > 1)


def same_key(text: str) -> str:
    """Return a text that is the same for all spellings of a genre: `Hip Hop` and `Rap`, `(17)` and `Rock`."""
    return canonical(text) or letters(text) or text


def same_keys(texts: Iterable[str]) -> set[str]:
    """Return the keys of some texts, and of the genres in each."""
    return {same_key(each) for text in texts for each in (text, *split_values(text))}
