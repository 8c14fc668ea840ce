"""Examples with embeddings, ready to be fitted, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bounds import MOST_GENRES
from genrelab.errors import UsageError
from genrelab.teach.sources.grouping import number_groups
from genrelab.teach.sources.names import united_by_genre

MOST_NUMBERS = 4096
"""Most numbers of an embedding: the work grows with the third power."""


@dataclass(frozen=True)
class Examples:
    """Examples to learn from; all sequences have one item per example.

    Attributes
    ----------
    paths : tuple of str
        Where the files were.
    genres : tuple of tuple of str
        One or more of each example.
    group_keys : tuple of str
        See `genrelab.teach.sources.grouping`.
    sounds : tuple of bytes
        Digests of the sounds.
    vectors : np.ndarray [shape=(n, d)], float32
        Embeddings.
    """

    paths: tuple[str, ...]
    genres: tuple[tuple[str, ...], ...]
    group_keys: tuple[str, ...]
    sounds: tuple[bytes, ...]
    vectors: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.paths)

    def only(self, numbers: Sequence[int]) -> Self:
        """Return some of the examples."""
        return replace(
            self,
            paths=tuple(self.paths[number] for number in numbers),
            genres=tuple(self.genres[number] for number in numbers),
            group_keys=tuple(self.group_keys[number] for number in numbers),
            sounds=tuple(self.sounds[number] for number in numbers),
            vectors=self.vectors[list(numbers)],
        )

    def updated(self, later: Self) -> Self:
        """Return these examples and later ones, which replace those with the same file or sound."""
        paths, sounds = set(later.paths), set(later.sounds)
        kept = [
            number
            for number in range(len(self))
            if self.paths[number] not in paths and self.sounds[number] not in sounds
        ]
        old = self.only(kept)
        return replace(
            self,
            paths=old.paths + later.paths,
            genres=old.genres + later.genres,
            group_keys=old.group_keys + later.group_keys,
            sounds=old.sounds + later.sounds,
            vectors=np.concatenate([old.vectors, later.vectors]),
        )

    def without(self, is_blocked: Callable[[str], bool]) -> Self:
        """Return the examples without some genres, and without those that have no other."""
        genres = [tuple(genre for genre in own if not is_blocked(genre)) for own in self.genres]
        kept = [number for number, own in enumerate(genres) if own]
        return replace(self.only(kept), genres=tuple(genres[number] for number in kept))

    def names(self) -> tuple[str, ...]:
        """Return all genres in alphabetical order."""
        return tuple(sorted({genre for genres in self.genres for genre in genres}))

    def labels(self, names: Sequence[str], *, multi: bool) -> npt.NDArray[np.float64]:
        """Return a table [shape=(n, genres)]: 1 for each genre; unless `multi`, the rows sum to 1."""
        numbers = {name: number for number, name in enumerate(names)}
        table = np.zeros((len(self), len(names)))
        for row, genres in enumerate(self.genres):
            table[row, [numbers[genre] for genre in genres]] = 1.0 if multi else 1.0 / len(genres)
        return table

    def groups(self) -> npt.NDArray[np.intp]:
        """Return the number of the group of each example."""
        return np.array(number_groups(self.group_keys, self.sounds), dtype=np.intp)


@dataclass
class LeftOut:
    """What is not used, and why.

    Attributes
    ----------
    contradictory : list of str
        Paths whose sound has several examples with different genres.
    repeated : int
        Number of examples with the sound and the genres of another one.
    small : dict of str to int
        Genre -> number of its examples, of genres with too few.
    without_genre : int
        Number of examples that have only such genres.
    united_by_genre : list of str
        Genres with too few examples that have enough together with others of `--level genre`.
    """

    contradictory: list[str] = field(default_factory=list)
    repeated: int = 0
    small: dict[str, int] = field(default_factory=dict)
    without_genre: int = 0
    united_by_genre: list[str] = field(default_factory=list)


def clean(examples: Examples, *, fewest: int, multi: bool) -> tuple[Examples, LeftOut]:
    """Leave out what cannot be learned from.

    Parameters
    ----------
    examples : Examples
    fewest : int > 0
        Examples that a genre needs.
    multi : bool
        Whether a track may have several genres: then several examples of one sound add up.

    Returns
    -------
    Examples, LeftOut

    Raises
    ------
    UsageError
        If fewer than two genres remain, or too many.
    """
    left = LeftOut()
    examples = _unique(examples, left, multi=multi)
    every = examples.genres
    names = {genre for genres in every for genre in genres}
    while True:  # fewer genres, fewer examples
        counts = Counter(genre for genres in examples.genres for genre in genres)
        small = {genre for genre, count in counts.items() if count < fewest}
        if not small:
            break
        left.small.update({genre: max(counts[genre], left.small.get(genre, 0)) for genre in small})
        before = len(examples)
        examples = examples.without(small.__contains__)
        left.without_genre += before - len(examples)
    left.united_by_genre = united_by_genre(every, left.small, fewest)
    remaining = examples.names()
    if len(remaining) < 2:
        raise UsageError(_too_few(names, remaining, left, fewest), code="teach-too-few-genres")
    if len(remaining) > MOST_GENRES:
        raise UsageError(
            f"{len(remaining):,} genres are more than a model file can have ({MOST_GENRES:,}). Raise "
            "--min-examples, unite styles with --level genre, or leave some out with --block GENRE.",
            code="teach-too-many-genres",
        )
    if examples.vectors.shape[1] > MOST_NUMBERS:
        raise UsageError(
            f"the embedding of the model has {examples.vectors.shape[1]:,} numbers; `teach` can use up to "
            f"{MOST_NUMBERS:,}. Choose another --model.",
            code="teach-embedding-too-long",
        )
    return examples, left


def _too_few(names: Iterable[str], remaining: Sequence[str], left: LeftOut, fewest: int) -> str:
    listed = sorted(left.small.items(), key=lambda item: (-item[1], item[0]))
    small = ", ".join(f"{genre} ({count})" for genre, count in listed[:5])
    against = (
        f"{len(left.contradictory):,} examples have the sound of another one with a different genre, such as "
        f"{left.contradictory[0]}. Give them one genre, or use --multi."
        if left.contradictory
        else ""
    )
    if not list(names):
        return (
            f"no example remains: {against}"
            if against
            else (
                "there is no example: no file has a genre and can be recognized. Check the paths and the "
                "genres."
            )
        )
    if not small:
        only = f"all examples are {remaining[0]!r}. Add examples of a second genre."
        return f"{only} {against}".rstrip()
    only = f"only {remaining[0]!r} has" if remaining else "no genre has"
    unite = ", unite styles with --level genre" if left.united_by_genre else ""
    return (
        f"{only} at least {fewest} examples, and two genres need them. Too few: {small}. "
        f"Add examples{unite}, or lower --min-examples. {against}"
    ).rstrip()


def _unique(examples: Examples, left: LeftOut, *, multi: bool) -> Examples:
    """Keep one example per sound; with `multi` it has the genres of all of them."""
    by_sound: dict[bytes, list[int]] = {}
    for number, sound in enumerate(examples.sounds):
        by_sound.setdefault(sound, []).append(number)
    kept: list[int] = []
    genres = list(examples.genres)
    for numbers in by_sound.values():
        first = numbers[0]
        different = {frozenset(genres[number]) for number in numbers}
        if len(different) > 1 and not multi:
            left.contradictory += [examples.paths[number] for number in numbers]
            continue
        genres[first] = tuple(dict.fromkeys(genre for number in numbers for genre in genres[number]))
        left.repeated += len(numbers) - 1
        kept.append(first)
    kept.sort()
    return replace(examples.only(kept), genres=tuple(genres[number] for number in kept))
