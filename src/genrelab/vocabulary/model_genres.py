"""Which genres of a model a text names."""

from __future__ import annotations

from collections.abc import Iterable

from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.names import broader, canonical, parents
from genrelab.vocabulary.separators import soft_parts
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

    A genre of the model ends the search for parents: for a model with both, `Death Metal` is `metal`, and not
    `rock`.

    Parameters
    ----------
    text : str
    genres : iterable of str

    Returns
    -------
    tuple of str
        Some of `genres`, in the order of the text.
    """
    return ModelGenres(genres).of(text)


class ModelGenres:
    """The genres of a model, to look many texts up.

    Parameters
    ----------
    genres : iterable of str
        In any spelling; one such as `Pop/Rock` stands for both.
    """

    def __init__(self, genres: Iterable[str]) -> None:
        self._by_key: dict[str, str] = {}
        self._by_name: dict[str, dict[str, None]] = {}
        for genre in genres:
            self._by_key.setdefault(normalize(genre), genre)
            names = [canonical(value) for value in (genre, *split_values(genre))]
            for name in filter(None, names[:1] if names[0] else names):
                self._by_name.setdefault(name, {})[genre] = None
        self._by_key.pop("", None)

    def of(self, text: str) -> tuple[str, ...]:
        """Return all genres that a text names; see `model_genres`."""
        if (whole := self._by_key.get(normalize(text))) is not None:
            return (whole,)
        found = (genre for value in split_values(text) for genre in self.of_value(value))
        return tuple(dict.fromkeys(found))

    def of_value(self, value: str) -> tuple[str, ...]:
        """Return all genres that one value names, itself, by its parents, or by what it narrows."""
        if (own := self._by_key.get(normalize(value))) is not None:
            return (own,)
        name = canonical(value) or broader(value)
        found = self._by_parents(name) if name is not None else []
        if not found and len(parts := soft_parts(value)) > 1:  # `R&B/Soul` for a model with soul alone
            found = [genre for part in parts for genre in self.of_value(part)]
        return tuple(dict.fromkeys(found))

    def _by_parents(self, name: str) -> list[str]:
        """Return the nearest genres of the model on each way upward."""
        level, seen, found = [name], {name}, list[str]()
        while level:
            above: list[str] = []
            for each in level:
                found += self._by_name.get(each, ())
                above += () if each in self._by_name else parents(each)
            level = [each for each in dict.fromkeys(above) if each not in seen]
            seen.update(level)
        return found
