"""A path through the sound of a library, from one track to another.

The path is computed in two steps. First, tracks near the great circle between both embeddings are collected:
for each of its evenly spaced points, the nearest tracks. Then the tracks are chosen among these by dynamic
programming: the path that minimizes the sum of the squared angles between neighbours, so that all steps are
small and about equal. Along the path, each track is nearer to the end, relative to the start, than the one
before. Therefore no track occurs twice, and the path never turns back; it goes beyond the ends only if too
few tracks lie between them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.library.explore.embeddings import Directions, Embedded
from genrelab.library.explore.nearest import Nearest
from genrelab.library.playlists.make import Seed, check_same_model
from genrelab.library.playlists.rules import (
    SAME_SECONDS,
    SAME_SOUND,
    Item,
    Omitted,
    Playlist,
    Rules,
    artist_of,
    direction_of,
)
from genrelab.library.playlists.scope import Scope
from genrelab.library.store.library import Library

MOST_STEPS = 100
"""Longest path, in tracks."""

_POOL = 800  # tracks to choose from: the work grows with their square
_DIGITS = 6

Steps = npt.NDArray[np.intp]


@dataclass
class _Pool:
    """Tracks to choose from, in the order in which a path may visit them.

    Attributes
    ----------
    tracks : list of Embedded
    directions : np.ndarray [shape=(n, d)], float32
    """

    tracks: list[Embedded] = field(default_factory=list)
    directions: Directions = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def keep(self, numbers: Steps | list[int]) -> _Pool:
        """Return a pool of some of the tracks."""
        return _Pool([self.tracks[number] for number in numbers], self.directions[numbers])


def find_path(library: Library, start: Seed, end: Seed, scope: Scope, rules: Rules) -> Playlist:
    """Find a path of a given number of tracks.

    Parameters
    ----------
    library : Library
    start, end : Seed
        The first and the last track.
    scope : Scope
        Of the tracks between them.
    rules : Rules
        The length includes both ends. `shuffle` is not used.

    Returns
    -------
    Playlist
        Shorter than asked if too few tracks are left. The similarity of an item is that with the item before.

    Raises
    ------
    UsageError
        If both ends are the same track or of different models, or the length is not 2 to `MOST_STEPS`.
    LibraryError
        If the library cannot be used.
    """
    check_same_model([start, end])
    if not 2 <= rules.length <= MOST_STEPS:
        message = f"a path has 2 to {MOST_STEPS} tracks, not {rules.length}."
        raise UsageError(message, code="playlist-path-length")
    if start.track.path == end.track.path:
        message = f"a path needs two different tracks; both are {start.track.name()}."
        raise UsageError(message, code="playlist-path-ends")
    between = rules.length - 2
    pool = _collect(library, start, end, scope, between) if between else _Pool()
    present = [number for number, track in enumerate(pool.tracks) if track.name().is_file()]
    vanished = len(pool.tracks) - len(present)
    pool = pool.keep(present) if vanished else pool
    copies = 0
    if rules.no_copies and pool.tracks:
        kept = _without_copies(pool, start, end)
        copies, pool = len(pool.tracks) - len(kept), pool.keep(kept)
    chosen, crowded = _within_limit(pool, start, end, between, rules.max_per_artist)
    return Playlist(_items(chosen, start, end), Omitted(vanished, copies, crowded))


def _collect(library: Library, start: Seed, end: Seed, scope: Scope, between: int) -> _Pool:
    """Return the tracks near the points of the great circle, ordered from start to end."""
    points = _points(start.direction, end.direction, between)
    each = max(between, -(-_POOL // between))  # even if all points have the same nearest tracks
    ends = {start.track.path, end.track.path}
    nearest = Nearest(library, start.model, points, scope.filter(library))
    best = [
        [track for track, _ in some if track.path not in ends][:each]
        for some in nearest.top(each + len(ends))
    ]
    found: dict[bytes, Embedded] = {}
    for rank in range(each):  # all points have their turn
        for some in best:
            if rank < len(some) and len(found) < _POOL:
                found.setdefault(some[rank].path, some[rank])
    own = [(track, direction_of(library, path)) for path, track in found.items()]
    known = [
        (track, about[1]) for track, about in own if about is not None and len(about[1]) == points.shape[1]
    ]
    if not known:
        return _Pool()
    pool = _Pool([track for track, _ in known], np.stack([direction for _, direction in known]))
    forward = end.direction - start.direction
    along = (pool.directions @ forward).round(_DIGITS)
    first, last = (round(float(seed.direction @ forward), _DIGITS) for seed in (start, end))
    inside = (along >= first) & (along <= last)
    if inside.sum() >= between:  # otherwise the ends sound almost alike, and a longer path must leave them
        pool, along = pool.keep(np.flatnonzero(inside)), along[inside]
    paths = [track.path for track in pool.tracks]
    return pool.keep(sorted(range(len(paths)), key=lambda number: (along[number], paths[number])))


def _points(start: Directions, end: Directions, count: int) -> Directions:
    """Return evenly spaced points of the great circle between two directions [shape=(count, d)]."""
    parts = (np.arange(1, count + 1, dtype=np.float64) / (count + 1))[:, None]
    angle = float(np.arccos(np.clip(start.astype(np.float64) @ end, -1.0, 1.0)))
    if np.sin(angle) < 1e-3:  # the same direction, or opposite ones: all great circles are equally short
        points = (1 - parts) * start + parts * end + 1e-6 * np.ones_like(start)
    else:
        points = (np.sin((1 - parts) * angle) * start + np.sin(parts * angle) * end) / np.sin(angle)
    scaled: Directions = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _without_copies(pool: _Pool, start: Seed, end: Seed) -> list[int]:
    """Return the tracks that are no copies of another one before, or of an end."""
    directions = np.vstack([start.direction, end.direction, pool.directions])
    tracks = [start.track, end.track, *pool.tracks]
    lengths = np.array([np.nan if track.duration is None else track.duration for track in tracks])
    alike = directions @ directions.T >= SAME_SOUND
    alike &= np.abs(lengths[:, None] - lengths) <= SAME_SECONDS
    sounds = {start.track.sound, end.track.sound}
    kept = [0, 1]
    for number in range(2, len(tracks)):
        if tracks[number].sound not in sounds and not alike[number, kept].any():
            kept.append(number)
            sounds.add(tracks[number].sound)
    return [number - 2 for number in kept[2:]]


def _within_limit(pool: _Pool, start: Seed, end: Seed, between: int, most: int | None) -> tuple[_Pool, int]:
    """Choose tracks, at most `most` by one artist; return them and how many an artist had too many."""
    crowded = 0
    artists = [artist_of(track.name()) for track in pool.tracks] if most is not None else []
    ends = Counter(artist_of(seed.track.name()) for seed in (start, end)) if most is not None else Counter()
    while True:
        chosen = _choose(pool.directions, start.direction, end.direction, min(between, len(pool.tracks)))
        if most is None:
            return pool.keep(chosen), 0
        counts = Counter(ends)
        banned: set[int] = set()
        for number in chosen:
            artist = artists[number]
            counts[artist] += 1
            if artist and counts[artist] > most:
                banned.add(number)
        if not banned:
            return pool.keep(chosen), crowded
        full = {artists[number] for number in banned}  # they keep what they have, and get no more
        kept = [
            number
            for number in range(len(pool.tracks))
            if number not in banned and (artists[number] not in full or number in chosen)
        ]
        crowded += len(pool.tracks) - len(kept)
        pool, artists = pool.keep(kept), [artists[number] for number in kept]


def _choose(directions: Directions, start: Directions, end: Directions, count: int) -> Steps:
    """Return `count` rows in ascending order whose path from start to end has the least cost.

    The cost is the sum of the squared angles between neighbours.
    """
    if count == 0:
        return np.empty(0, np.intp)
    n = len(directions)
    steps = np.arccos(np.clip(directions @ directions.T, -1.0, 1.0)).astype(np.float32) ** 2
    steps[np.tril_indices(n)] = np.inf  # only forward
    cost = np.arccos(np.clip(directions @ start, -1.0, 1.0)) ** 2
    before = np.empty((count - 1, n), np.intp)
    for number in range(count - 1):
        total = cost[:, None] + steps
        before[number] = total.argmin(axis=0)
        cost = total[before[number], np.arange(n)]
    cost = cost + np.arccos(np.clip(directions @ end, -1.0, 1.0)) ** 2
    path = [int(cost.argmin())]
    for came_from in before[::-1]:
        path.append(int(came_from[path[-1]]))
    return np.array(path[::-1], np.intp)


def _items(chosen: _Pool, start: Seed, end: Seed) -> tuple[Item, ...]:
    tracks = [start.track, *chosen.tracks, end.track]
    directions = [start.direction, *chosen.directions, end.direction]
    items = [Item.of(start.track, None, 1.0)]
    for number in range(1, len(tracks)):
        step = round(float(directions[number] @ directions[number - 1]), _DIGITS)
        items.append(
            Item.of(tracks[number], step, round(float(directions[number] @ start.direction), _DIGITS))
        )
    return tuple(items)
