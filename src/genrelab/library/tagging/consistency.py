"""Tracks whose genre tag and whose sound say different things."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from genrelab.errors import TagError
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.library import Library
from genrelab.library.tagging.genre_map import GenreMap
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders, letters, parts
from genrelab.library.tags import read_tag
from genrelab.recognize.recognition import UNSURE, Recognition


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A track that is tagged as one genre and was recognized as another.

    Parameters
    ----------
    path : Path
        Absolute.
    tags : tuple of str
        The genres that the file has.
    genre : str
        The model's genre.
    confidence : float
        Of the recognition.
    tag_probability : float
        What the model gives to the genre of the tag; of several, to the most probable.
    """

    path: Path
    tags: tuple[str, ...]
    genre: str
    confidence: float
    tag_probability: float

    COLUMNS: ClassVar = ("path", "tags", "genre", "confidence", "tag_probability")

    def to_dict(self) -> dict[str, Any]:
        """Return the record, as JSON has it."""
        return {
            "path": os.fspath(self.path),
            "tags": list(self.tags),
            "genre": self.genre,
            "confidence": round(self.confidence, 6),
            "tag_probability": round(self.tag_probability, 6),
        }


@dataclass(slots=True)
class CheckReport:
    """What a check found.

    Parameters
    ----------
    disagreements : list of Disagreement
        The most confident first; those of equal confidence in the order of paths.
    counts : collections.Counter
        How many tracks `agree`, `disagree` (below the wanted confidence too), have `no tag`, only `unknown`
        tags, are `unsure`, were `not recognized`, have `changed` since, are `gone`, or have tags that are
        `unreadable`.
    unknown : collections.Counter
        The tags that are no genre of the model, and how many tracks have each.
    problems : list of str
        What is wrong with the tags that are unreadable.
    """

    disagreements: list[Disagreement] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report, as JSON has it: unknown tags from the most frequent to the rarest."""
        unknown = sorted(self.unknown.items(), key=lambda item: (-item[1], item[0]))
        return {
            "disagreements": [record.to_dict() for record in self.disagreements],
            "counts": {name: self.counts[name] for name in COUNTS},
            "unknown_tags": [{"tag": tag, "tracks": count} for tag, count in unknown],
            "problems": self.problems,
        }


COUNTS = (
    *("agree", "disagree", "no tag", "unknown", "unsure", "not recognized", "changed", "gone"),
    "unreadable",
)
"""The names of the counts of a `CheckReport`."""


def check_tags(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    genre_map: GenreMap | None = None,
    min_confidence: float = 0.0,
    placeholders: Placeholders = PLACEHOLDERS,
) -> CheckReport:
    """Compare the genre tags of files with what was recognized.

    A tag stands for the model's genres of which it is the name or, by the map, a written name or a wider
    genre. Upper and lower case, spaces and punctuation do not count: `Hip-Hop` is `hiphop`. What is no name
    as a whole is tried in the parts between `/`, `;`, `,` and `|`. A track agrees if its recognized genre is
    among those that its tags stand for. No file is changed.

    Parameters
    ----------
    library : Library
    paths : iterable of str or path-like
        Files and folders that the library knows; none means all.
    genre_map : GenreMap or None
        Other names for the model's genres, and wider ones.
    min_confidence : float in 0..1
        Disagreements below it are counted, not listed.
    placeholders : Placeholders
        Tags that say nothing: a track that has no other counts as one without a tag.

    Returns
    -------
    CheckReport

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """
    report = CheckReport()
    vocabularies: dict[str, Mapping[str, set[str]]] = {}  # of each model
    for stored in library.tracks.all(paths):
        recognition, tags = _look(library, stored.path, report, placeholders)
        if recognition is None:
            continue
        if recognition.model not in vocabularies:
            vocabularies[recognition.model] = vocabulary(
                [genre for genre, _ in recognition.genres], genre_map or GenreMap()
            )
        meant, unknown = understand(tags, vocabularies[recognition.model])
        report.unknown.update(set(unknown))
        if not meant:
            report.counts["unknown"] += 1
        elif recognition.genre in meant:
            report.counts["agree"] += 1
        else:
            report.counts["disagree"] += 1
            confidence = recognition.confidence or 0.0
            if confidence >= min_confidence:
                likely = max((p for genre, p in recognition.genres if genre in meant), default=0.0)
                report.disagreements.append(
                    Disagreement(recognition.path, tags, str(recognition.genre), confidence, likely)
                )
    report.disagreements.sort(key=lambda record: (-record.confidence, os.fsencode(record.path)))
    return report


def _look(
    library: Library, path: Path, report: CheckReport, placeholders: Placeholders
) -> tuple[Recognition | None, tuple[str, ...]]:
    """Return what was recognized and the tags; None, and one more in the counts, if one is missing."""
    tags: tuple[str, ...] = ()
    try:
        recognition = library.tracks.find(FileSnapshot(path))
        if recognition is None:
            why = "changed"
        elif recognition.error is not None:
            why = "not recognized"
        elif recognition.genre == UNSURE:
            why = "unsure"
        else:
            with path.open("rb") as file:
                tag = read_tag(file, path)
            tags = placeholders.without(tag.genres) or placeholders.without(tag.everywhere)
            why = "" if tags else "no tag"
    except FileNotFoundError:
        why = "gone"
    except ValueError:  # no path, which only a damaged library can hold
        why = "changed"
    except OSError as error:
        why = "unreadable"
        report.problems.append(f"{path} cannot be read: {error.strerror or error}. Check its permissions.")
    except TagError as error:
        why = "unreadable"
        report.problems.append(str(error))
    if why:
        report.counts[why] += 1
        return None, ()
    return recognition, tags


def vocabulary(genres: Iterable[str], genre_map: GenreMap) -> dict[str, set[str]]:
    """Return what each tag that can be understood stands for.

    Parameters
    ----------
    genres : iterable of str
        All that a model knows.
    genre_map : GenreMap

    Returns
    -------
    dict of str to set of str
        Letters and digits of a tag -> the model's genres.
    """
    found: dict[str, set[str]] = {}
    for genre in genres:
        for name in (genre, *genre_map.apply([genre])):
            found.setdefault(letters(name), set()).add(genre)
    found.pop("", None)
    return found


def understand(tags: Iterable[str], known: Mapping[str, set[str]]) -> tuple[set[str], list[str]]:
    """Return the genres that tags stand for, and the tags that stand for none.

    Parameters
    ----------
    tags : iterable of str
    known : mapping of str to set of str
        As `vocabulary` gives it.

    Returns
    -------
    set of str, list of str
        Of a tag with several parts some of which are known, the other parts are unknown; else it is unknown
        as a whole.
    """
    meant: set[str] = set()
    unknown: list[str] = []
    for tag in tags:
        found = (tag,) if letters(tag) in known else parts(tag)
        hits = [part for part in found if letters(part) in known]
        meant.update(*(known[letters(part)] for part in hits))
        unknown += [part for part in found if part not in hits] if hits else [tag]
    return meant, unknown


check = check_tags
"""The former name of `check_tags`."""
