"""The genres of clips: one or several each, as cells of tables and as a table of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.corpora.tag_names import tag_fault
from genrelab.lab.corpora.types import Corpus

KIND = "genre"
_SEPARATOR = ";"


def split_genres(text: str) -> tuple[str, ...]:
    """Return the genres of a cell, separated by `;`, in their order and each once.

    Examples
    --------
    >>> split_genres("rock; pop; rock;")
    ('rock', 'pop')
    >>> split_genres("rock/pop")
    ('rock/pop',)
    """
    return tuple(dict.fromkeys(each.strip() for each in text.split(_SEPARATOR) if each.strip()))


def genre_truth(corpus: Corpus, ids: Sequence[str]) -> npt.NDArray[np.int8]:
    """Return which clips have which genres.

    Parameters
    ----------
    corpus : Corpus
    ids : sequence of str
        Clips of the corpus, the rows of the result.

    Returns
    -------
    np.ndarray [shape=(clips, genres)], int8
        1 or 0, in the order of `corpus.genres`; 0 for all genres of a clip without one.
    """
    clips, number = corpus.by_id(), {genre: at for at, genre in enumerate(corpus.genres)}
    truth = np.zeros((len(ids), len(corpus.genres)), dtype=np.int8)
    for row, key in enumerate(ids):
        truth[row, [number[genre] for genre in clips[key].genres]] = 1
    return truth


def genre_tags(genres: Sequence[str]) -> tuple[str, ...]:
    """Return genres as tags, whose probabilities are independent.

    Raises
    ------
    CorpusError
        If a genre has a name that no tag can have.

    Examples
    --------
    >>> genre_tags(["pop", "rock"])
    ('genre:pop', 'genre:rock')
    """
    tags = tuple(f"{KIND}:{genre}" for genre in genres)
    fault = next(filter(None, map(tag_fault, tags)), None)
    if fault is not None:
        raise CorpusError(
            f"a network with independent genres needs other names: {fault}", code="genre-not-a-tag"
        )
    return tags
