"""Make playlists: by genre and tags, from given tracks, similar to seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np

from genrelab.bundle.bundle import embedding_key
from genrelab.errors import UsageError
from genrelab.library.explore.embeddings import Directions, Embedded, embedded_of
from genrelab.library.explore.nearest import Nearest
from genrelab.library.explore.similar import ReferenceTrack
from genrelab.library.playlists.rules import Playlist, Rules, direction_of, pick
from genrelab.library.playlists.scope import Scope, check_found, read_tracks
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.library import Library

MOST_SEEDS = 100
_Thing = TypeVar("_Thing")
_DIGITS = 6  # of a similarity; further digits are rounding errors and must not decide the order


class Seed(NamedTuple):
    """A track that others are compared with.

    Parameters
    ----------
    track : Embedded
    model : str
        `genrelab.bundle.bundle.embedding_key` of its model, or the identity.
    direction : np.ndarray [shape=(d,)], float32
        Its embedding, of length 1.
    """

    track: Embedded
    model: str
    direction: Directions


def find_tracks(library: Library, paths: Sequence[bytes]) -> list[Embedded]:
    """Look up tracks.

    Parameters
    ----------
    library : Library
    paths : sequence of bytes
        Absolute, with links resolved.

    Returns
    -------
    list of Embedded
        In the order given; one that occurs twice is returned once.

    Raises
    ------
    UsageError
        If one is not in the library, or could not be recognized.
    """
    found = []
    for path in dict.fromkeys(paths):
        rows = library.database.rows(
            "SELECT path, sound, duration, coalesce(genre, ''), coalesce(confidence, 0.0) FROM tracks "
            "WHERE path = ? AND error IS NULL",
            (path,),
        )
        track = embedded_of(rows[0]) if rows else None
        if track is None:
            shown = path.decode("utf-8", "backslashreplace")
            message = f"{shown} is not in the library {library.path}. Run `genrelab recognize` on it."
            raise UsageError(message, code="playlist-track-unknown")
        found.append(track)
    return found


def find_seed(library: Library, path: bytes) -> Seed:
    """Look up a track that others are compared with.

    Raises
    ------
    UsageError
        If it is not in the library, could not be recognized, or is silent.
    """
    (track,) = find_tracks(library, [path])
    found = direction_of(library, path)
    if found is None:
        message = f"{track.name()} has no embedding: it is silent or damaged. Name another track."
        raise UsageError(message, code="playlist-seed-silent")
    return Seed(track, *found)


def seed_of(reference: ReferenceTrack) -> Seed:
    """Return a file that need not be in the library as a seed."""
    recognition, numbers = reference.recognition, reference.embedding
    track = Embedded(
        real_path(reference.path),
        reference.sound,
        recognition.duration,
        recognition.genre or "",
        recognition.confidence or 0.0,
    )
    direction: Directions = (numbers / np.linalg.norm(numbers)).astype(np.float32)
    return Seed(track, embedding_key(recognition.model), direction)


def by_fit(library: Library, scope: Scope, rules: Rules) -> Playlist:
    """Make a playlist by genre, tags and other conditions.

    The best examples come first: the tracks with the most probable tags or, if no tag is named, the most
    confident answers. Ties are ordered by path. With `rules.shuffle`, all tracks that fit have the same
    chance, and the same seed gives the same playlist.

    Raises
    ------
    UsageError
        If a condition cannot be read, names something that the library does not have, or nothing fits.
    """
    tracks, fits = read_tracks(library, scope)
    check_found(tracks, scope, library)
    if rules.shuffle is not None:
        order = np.random.default_rng(rules.shuffle).permutation(len(tracks))
    else:
        order = np.argsort(-fits.round(_DIGITS), kind="stable")
    return pick(library, (tracks[number] for number in order), rules)


def from_tracks(library: Library, paths: Sequence[bytes], rules: Rules) -> Playlist:
    """Make a playlist of given tracks, in the order given or, with `rules.shuffle`, in a random one.

    Raises
    ------
    UsageError
        If one is not in the library.
    """
    tracks = find_tracks(library, paths)
    return pick(library, _shuffled(tracks, rules.shuffle), rules)


def similar_to(
    library: Library, seeds: Sequence[Seed], scope: Scope, rules: Rules, *, with_seeds: bool = False
) -> Playlist:
    """Make a playlist of tracks that sound like some seeds, most similar first.

    Tracks are ranked by the cosine with the mean direction of the seeds, which is the same order as by the
    mean of the cosines with each seed. Every seed counts alike: a track between the seeds comes before a
    track that sounds like one of them alone, and one odd seed among many does not decide. The alternative,
    the lowest of the cosines, would follow the oddest seed.

    Parameters
    ----------
    library : Library
    seeds : sequence of Seed
    scope : Scope
        Of the tracks to choose from.
    rules : Rules
        With `shuffle`, the chosen tracks are put into a random order.
    with_seeds : bool
        Whether the playlist begins with the seeds. Otherwise they and their copies are omitted.

    Returns
    -------
    Playlist

    Raises
    ------
    UsageError
        If there is no seed or too many, the seeds are of different models, or nothing fits.
    """
    wanted = mean_direction(seeds)
    where = scope.filter(library)
    ranked = Nearest(library, seeds[0].model, wanted[None], where).ranked()
    best = next(ranked, None)
    check_found([] if best is None else [best.track], scope, library)
    given = {seed.track.path for seed in seeds}
    own = [seed.track for seed in seeds]
    similarities = {seed.track.path: float(seed.direction @ wanted) for seed in seeds}

    def others() -> Iterator[Embedded]:
        for track, similarity in chain([] if best is None else [best], ranked):
            if track.path not in given:
                similarities[track.path] = similarity
                yield track

    first = own if with_seeds else []
    found = pick(
        library, chain(first, others()), rules, similarities=similarities, taken=() if with_seeds else own
    )
    return Playlist(tuple(_shuffled(found.items, rules.shuffle)), found.omitted)


def mean_direction(seeds: Sequence[Seed]) -> Directions:
    """Return the mean direction of some seeds [shape=(d,)], of length 1.

    Raises
    ------
    UsageError
        If there is no seed or too many, they are of different models, or cancel each other out.
    """
    if not 0 < len(seeds) <= MOST_SEEDS:
        message = f"{len(seeds)} seeds are given; a playlist needs 1 to {MOST_SEEDS}."
        raise UsageError(message, code="playlist-seed-number")
    check_same_model(seeds)
    total = np.sum([seed.direction for seed in seeds], axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        message = "the seeds sound so different that nothing is similar to all of them. Name fewer."
        raise UsageError(message, code="playlist-seeds-opposite")
    mean: Directions = np.asarray(total / norm, dtype=np.float32)
    return mean


def check_same_model(seeds: Sequence[Seed]) -> None:
    """Raise unless the embeddings of some seeds can be compared.

    Raises
    ------
    UsageError
        If they are of different models.
    """
    first = seeds[0]
    for seed in seeds:
        if seed.model != first.model or len(seed.direction) != len(first.direction):
            raise UsageError(
                f"{first.track.name()} and {seed.track.name()} were recognized by different models and "
                "cannot be compared. Recognize both with one model.",
                code="playlist-models-differ",
            )


def _shuffled(things: Sequence[_Thing], seed: int | None) -> Sequence[_Thing]:
    if seed is None:
        return things
    return [things[number] for number in np.random.default_rng(seed).permutation(len(things))]
