"""Which genres of a model a text names."""

from __future__ import annotations

from collections.abc import Iterable

from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.names import canonical, parents
from genrelab.vocabulary.splitting import split_values


def model_genre(text: str, genres: Iterable[str]) -> str | None:
    """Return the genre of a model that a text names, itself or by its parents.

    Parameters
    ----------
    text : str
        A genre tag; of several genres in it, the first that names one counts.
    genres : iterable of str
        The genres of the model, in any spelling.

    Returns
    -------
    str or None
        One of `genres`, as it stands there.

    Examples
    --------
    >>> model_genre("Death Metal", ["metal", "rock"]), model_genre("Death Metal", ["rock"])
    ('metal', 'rock')
    >>> model_genre("Hip Hop", ["hiphop"]), model_genre("Polka", ["hiphop"])
    ('hiphop', None)
    """
    return next(iter(model_genres(text, genres)), None)


def model_genres(text: str, genres: Iterable[str]) -> tuple[str, ...]:
    """Return all genres of a model that a text names: several if it names several, or has several parents.

    A genre of the model ends the search for parents: `Death Metal` is `metal`, and not `rock`, for a model with
    both.

    Parameters
    ----------
    text : str
    genres : iterable of str

    Returns
    -------
    tuple of str
        Some of `genres`, in the order of the text.
    """
    by_key: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for genre in genres:
        by_key.setdefault(normalize(genre), genre)
        if (name := canonical(genre)) is not None:
            by_name.setdefault(name, genre)
    whole = by_key.get(normalize(text))
    if whole is not None:
        return (whole,)
    found: dict[str, None] = {}
    for value in split_values(text):
        own = by_key.get(normalize(value))
        found.update(dict.fromkeys((own,) if own is not None else _by_parents(value, by_name)))
    return tuple(found)


def _by_parents(value: str, by_name: dict[str, str]) -> list[str]:
    """Return the nearest genres of the model on each way upward."""
    name = canonical(value)
    level = [] if name is None else [name]
    found: list[str] = []
    seen: set[str] = set()
    while level:
        found += [by_name[each] for each in level if each in by_name]
        above = (parent for each in level if each not in by_name for parent in parents(each))
        level = [each for each in dict.fromkeys(above) if each not in seen]
        seen.update(level)
    return found
