"""Counts of genres and tags, and the names that conditions may use, from the index of short columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from genrelab.library.store.database import Database
from genrelab.library.store.track_row import MOST_TEXT, genre_names, present_labels, tag_names

_MODELS = """
WITH RECURSIVE found(model) AS (
    SELECT min(model) FROM tracks
    UNION ALL SELECT (SELECT min(model) FROM tracks WHERE tracks.model > found.model) FROM found
    WHERE found.model IS NOT NULL
)
SELECT model FROM found WHERE model IS NOT NULL
"""

# Tags of rows without the derived list, from the JSON of their tags.
_UNREAD = """
SELECT json_extract(item.value, '$[0]') AS kind, json_extract(item.value, '$[1]') AS name, count(*)
FROM tracks, json_each(
    CASE WHEN typeof(tags) = 'text' AND length(tags) <= ? AND json_valid(tags) THEN tags ELSE '[]' END
) AS item
WHERE present IS NULL AND CASE WHEN item.type = 'array' THEN json_extract(item.value, '$[3]') = 1 ELSE 0 END
GROUP BY kind, name
"""

_SOME = "present > '' AND present != '[]'"
_TRIED = 100  # rows of a model that may be damaged before its names are given up


def count_genres(database: Database) -> list[tuple[str, str, int]]:
    """Return model, genre and number of tracks; the genre of errors is `error`."""
    return database.rows(
        "SELECT coalesce(CAST(model AS TEXT), '') AS m, coalesce(CAST(genre AS TEXT), 'error') AS g, "
        "count(*) FROM tracks GROUP BY m, g ORDER BY m, count(*) DESC, g"
    )


def count_tags(database: Database) -> list[tuple[str, str, int]]:
    """Return kind, name and number of tracks of each tag, by kind, most tracks first; also if 0."""
    counts: Counter[tuple[str, str]] = Counter()
    for labels, count in database.rows(f"SELECT present, count(*) FROM tracks WHERE {_SOME} GROUP BY 1"):
        for label in labels_of(labels):
            kind, _, name = label.partition(":")
            counts[kind, name] += count
    for kind, name, count in database.rows(_UNREAD, (MOST_TEXT,)):
        counts[kind, name] += count
    every = {tag: counts.get(tag, 0) for tag in tag_pairs(database)}
    ranked = sorted(every.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    return [(kind, name, count) for (kind, name), count in ranked]


def present_tags(database: Database, model: str) -> dict[bytes, tuple[str, ...]]:
    """Return the present tags of each track that a model recognized: path -> `mood:calm`, ...

    Tracks without any, and damaged ones, are absent.
    """
    texts: dict[str, tuple[str, ...]] = {}  # tracks share few combinations of tags
    found: dict[bytes, tuple[str, ...]] = {}
    for path, labels in database.rows(
        f"SELECT path, present FROM tracks WHERE model = ? AND {_SOME} AND typeof(path) = 'blob'",
        (model,),
    ):
        if labels not in texts:
            texts[labels] = tuple(labels_of(labels))
        found[path] = texts[labels]
    for path, tags in database.rows(
        "SELECT path, tags FROM tracks WHERE model = ? AND present IS NULL AND tags != '[]' "
        "AND typeof(path) = 'blob'",
        (model,),
    ):
        found[path] = tuple(present_labels(tags))
    return {path: labels for path, labels in found.items() if labels}


def labels_of(text: object) -> list[str]:
    """Return the tags in the derived list of a row, such as `mood:calm`; empty if it is damaged."""
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        return []
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    return [label for label in found if isinstance(label, str)] if isinstance(found, list) else []


def genres(database: Database) -> set[str]:
    """Return all genres of the models with stored results."""
    statement = "SELECT genres FROM tracks WHERE model = ? AND error IS NULL AND genres != '[]' LIMIT ?"
    return {genre for names in _of_models(database, statement, genre_names) for genre in names}


def tag_pairs(database: Database) -> set[tuple[str, str]]:
    """Return kind and name of all tags of the models with stored results."""
    # Every answer of a model has all of its tags, except for silence.
    statement = (
        "SELECT tags FROM tracks WHERE model = ? AND present > '' UNION ALL "
        "SELECT tags FROM tracks WHERE model = ?1 AND present IS NULL AND tags != '[]' LIMIT ?"
    )
    return {tag for tags in _of_models(database, statement, tag_names) for tag in tags}


def _of_models(
    database: Database, statement: str, read: Callable[[object], list[Any]]
) -> Iterator[list[Any]]:
    """Yield what the first undamaged row of each model has."""
    for (model,) in database.rows(_MODELS):
        found: list[Any] = []
        for most in (1, _TRIED):
            rows = database.rows(statement, (model, most))
            found = next((names for (text,) in rows if (names := read(text))), found)
            if found or not rows:
                break
        yield found
