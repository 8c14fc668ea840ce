"""Find tracks whose genre tag differs from the predicted genre."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self

from genrelab.errors import TagError
from genrelab.library.store.file_snapshot import FileSnapshot, RealFolders
from genrelab.library.store.library import Library
from genrelab.library.store.listing.selection import BLOCK
from genrelab.library.store.schema.shown import Shown
from genrelab.library.tagging.genre_map import GenreMap
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders, letters, parts
from genrelab.library.tagging.spelling import names_to_write
from genrelab.library.tags import read_tag
from genrelab.recognize.recognition import UNSURE, Recognition
from genrelab.vocabulary import SPELLINGS, split_values
from genrelab.vocabulary.model_genres import ModelGenres


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A track whose genre tag differs from the predicted genre.

    Parameters
    ----------
    path : Path
        Absolute.
    tags : tuple of str
        The genres in the tags of the file.
    genre : str
        The predicted genre.
    confidence : float
        Of the prediction.
    tag_probability : float
        Predicted probability of the tagged genre; the highest one of several.
    """

    path: Path
    tags: tuple[str, ...]
    genre: str
    confidence: float
    tag_probability: float

    COLUMNS: ClassVar = ("path", "tags", "genre", "confidence", "tag_probability")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {
            "path": os.fspath(self.path),
            "tags": list(self.tags),
            "genre": self.genre,
            "confidence": round(self.confidence, 6),
            "tag_probability": round(self.tag_probability, 6),
        }


@dataclass(slots=True)
class CheckReport:
    """The result of comparing tags with predictions.

    Parameters
    ----------
    disagreements : list of Disagreement
        Most confident first; ties are ordered by path.
    counts : collections.Counter
        Number of tracks that `agree`, `disagree` (at any confidence), have `no tag`, have only `unknown`
        tags, are `unsure`, were `not recognized`, have `changed` since, are `gone`, or have `unreadable`
        tags.
    unknown : collections.Counter
        Tags that are not a genre of the model, with the number of tracks.
    problems : list of str
        Messages about unreadable tags.
    """

    disagreements: list[Disagreement] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON object; unknown tags are ordered by frequency."""
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
"""Names of the counts of a `CheckReport`."""


def check_tags(
    library: Library,
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    genre_map: GenreMap | None = None,
    min_confidence: float = 0.0,
    placeholders: Placeholders = PLACEHOLDERS,
) -> CheckReport:
    """Compare the genre tags of files with the predicted genres.

    A tag matches a genre of the model by name or, through the map, by a written name or a parent genre; then,
    through the vocabulary, by a synonym or as a sub-genre: `Rap` is `hiphop`, `Death Metal` is `metal`. Case,
    spaces and punctuation are ignored. A tag that does not match as a whole is split; see
    `genrelab.vocabulary.split_values`. A track agrees if one of its tags matches the predicted genre. No file
    is changed.

    Parameters
    ----------
    library : Library
    paths : iterable of str or path-like
        Files and folders in the library; none means all tracks.
    genre_map : GenreMap or None
        Other names and parents for the model's genres.
    min_confidence : float in 0..1
        Disagreements below it are counted but not listed.
    placeholders : Placeholders
        Tags without meaning; a track with no other tags has `no tag`.

    Returns
    -------
    CheckReport

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """
    report = CheckReport()
    meanings: dict[str, Meanings] = {}  # by model
    for path, known in _with_known(library, paths):
        recognition, tags = _read(library, path, report, placeholders, known)
        if recognition is None:
            continue
        if recognition.model not in meanings:
            meanings[recognition.model] = Meanings.of_model(
                [genre for genre, _ in recognition.genres], genre_map or GenreMap()
            )
        meant, unknown = understand(tags, meanings[recognition.model])
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


def _with_known(
    library: Library, paths: Iterable[str | os.PathLike[str]]
) -> Iterator[tuple[Path, Recognition | None]]:
    """Yield the tracks at or below some paths, with the results of those whose file is as it was."""
    tracks = library.tracks.paths(paths)
    while block := list(islice(tracks, BLOCK)):
        folders, snapshots = RealFolders(), list[FileSnapshot]()
        for path in block:
            with suppress(OSError, ValueError):  # counted when it is read
                snapshots.append(FileSnapshot(path, folders))
        found = library.tracks.find_known(snapshots, shown=Shown(timeline=False, tags=False))
        known = {each.path: found[each.real] for each in snapshots if each.real in found}
        yield from ((path, known.get(path)) for path in block)


def disagreement(library: Library, path: Path, meanings: Meanings) -> Disagreement | None:
    """Compare the genre tags of one file with its predicted genre.

    Parameters
    ----------
    library : Library
    path : Path
        Absolute.
    meanings : Meanings
        Of the model that recognized it.

    Returns
    -------
    Disagreement or None
        None if they agree, or one of them is unknown.
    """
    recognition, tags = _read(library, path, CheckReport(), PLACEHOLDERS)
    if recognition is None:
        return None
    meant, _ = understand(tags, meanings)
    if not meant or recognition.genre in meant:
        return None
    likely = max((p for genre, p in recognition.genres if genre in meant), default=0.0)
    return Disagreement(path, tags, str(recognition.genre), recognition.confidence or 0.0, likely)


def _read(
    library: Library,
    path: Path,
    report: CheckReport,
    placeholders: Placeholders,
    known: Recognition | None = None,
) -> tuple[Recognition | None, tuple[str, ...]]:
    """Return the recognition and the tags of a file; count it and return None if one is missing."""
    tags: tuple[str, ...] = ()
    try:
        recognition = known or library.tracks.find(FileSnapshot(path))
        if recognition is None:
            why = "changed"
        elif recognition.error is not None:
            why = "not recognized"
        elif recognition.genre == UNSURE:
            why = "unsure"
        else:
            with path.open("rb") as file:
                tag = read_tag(file, path)
            tags = placeholders.without(tag.genres) or placeholders.without(tag.everywhere("genre"))
            why = "" if tags else "no tag"
    except FileNotFoundError:
        why = "gone"
    except ValueError:  # an invalid path, from a damaged library
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


@dataclass(frozen=True, slots=True)
class Meanings:
    """What tags mean for a model.

    Parameters
    ----------
    names : mapping of str to set of str
        Letters and digits of a tag -> genres of the model, for its own names and those of a map.
    model : ModelGenres
        The same genres, for the names of the vocabulary.
    """

    names: Mapping[str, set[str]]
    model: ModelGenres

    @classmethod
    def of_model(cls, genres: Iterable[str], genre_map: GenreMap) -> Self:
        """Return what tags mean for a model with some genres."""
        genres = list(genres)
        return cls(vocabulary(genres, genre_map), ModelGenres(genres))

    def of(self, value: str) -> set[str]:
        """Return the genres of the model that one value names."""
        if (own := self.names.get(letters(value))) is not None:
            return own
        mapped = [self.names[letters(part)] for part in parts(value) if letters(part) in self.names]
        return set().union(*mapped) if mapped else set(self.model.of_value(value))


def vocabulary(genres: Iterable[str], genre_map: GenreMap) -> dict[str, set[str]]:
    """Return the genres that a model's own names and those of a map match.

    Parameters
    ----------
    genres : iterable of str
        All genres of the model.
    genre_map : GenreMap

    Returns
    -------
    dict of str to set of str
        Letters and digits of a tag -> genres of the model.
    """
    genres = list(genres)
    found: dict[str, set[str]] = {}
    for genre in genres:
        written = [names_to_write([genre], genres, genre_map, spelling=each) for each in SPELLINGS]
        for name in (genre, *genre_map.apply([genre]), *(name for names in written for name in names)):
            found.setdefault(letters(name), set()).add(genre)
    found.pop("", None)
    return found


def understand(tags: Iterable[str], known: Meanings) -> tuple[set[str], list[str]]:
    """Return the genres that tags match, and the tags that match none.

    Parameters
    ----------
    tags : iterable of str
    known : Meanings
        For the model.

    Returns
    -------
    set of str, list of str
        If only some parts of a tag are known, its other parts are unknown; if none is, the whole tag is
        unknown.
    """
    meant: set[str] = set()
    unknown: list[str] = []
    for tag in tags:
        values = (tag,) if letters(tag) in known.names else split_values(tag)
        found = [(value, known.of(value)) for value in values]
        meant.update(*(genres for _, genres in found))
        missing = [value for value, genres in found if not genres]
        unknown += missing if len(missing) < len(found) else [tag]
    return meant, unknown


check = check_tags
"""The former name of `check_tags`."""
