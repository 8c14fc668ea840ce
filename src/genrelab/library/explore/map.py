"""A map of the library: one HTML page on which tracks that sound alike lie close together."""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
from markupsafe import Markup

from genrelab.errors import UsageError
from genrelab.library.explore.embeddings import (
    Directions,
    Embedded,
    count_models,
    is_below,
    read_embeddings,
    share_embedding,
)
from genrelab.library.explore.projection import (
    NEIGHBOURS,
    Points,
    judged_neighbours,
    kept_neighbours,
    lay_out,
)
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.library import Library
from genrelab.library.store.track_filter import TrackFilter
from genrelab.pages.palette import assign
from genrelab.pages.render import counted, render
from genrelab.printing import plain
from genrelab.recognize.recognition import UNSURE

# Marks within a square from -8 to 8. With eight colours they make forty pairs.
_SHAPES = (
    "M0 -6A6 6 0 1 1 0 6A6 6 0 1 1 0 -6Z",
    "M-5.3 -5.3H5.3V5.3H-5.3Z",
    "M0 -7L6.5 5H-6.5Z",
    "M0 -7.5L7.5 0L0 7.5L-7.5 0Z",
    "M-2.2 -6.6H2.2V-2.2H6.6V2.2H2.2V6.6H-2.2V2.2H-6.6V-2.2H-2.2Z",
)
_MOST_NUMBERS = 4096  # of an embedding: the work grows with the third power
_GRID = 10_000  # coordinates on the page are whole numbers up to this


@dataclass(frozen=True, slots=True)
class Survey:
    """The tracks of a map and their coordinates.

    Parameters
    ----------
    model : str
        The model of the embeddings.
    tracks : tuple of Embedded
        One per recording, in the order of paths.
    copies : tuple of int
        Number of other files with the same recording, per track.
    places : np.ndarray [shape=(n, 2)], float32
        As `genrelab.library.explore.projection.lay_out` gives them.
    kept : float in 0..1
        As `genrelab.library.explore.projection.kept_neighbours` gives it.
    others, without, vanished : int
        Number of tracks left out: recognized by another model; silent or damaged; file no longer present.
    where : str
        The condition that all tracks fulfil, as a user wrote it; empty for none.
    tags : tuple of tuple of str
        The present tags of each track, such as `mood:calm`; empty if no track has any.
    """

    model: str
    tracks: tuple[Embedded, ...]
    copies: tuple[int, ...]
    places: Points
    kept: float
    others: int
    without: int
    vanished: int
    where: str = ""
    tags: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def take(
        cls,
        library: Library,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        model: str | None = None,
        where: TrackFilter | None = None,
    ) -> Self:
        """Read embeddings from the library and place the tracks.

        All embeddings are in memory together: 50,000 of 512 numbers and their layout take half a gigabyte,
        and about a minute of one core.

        Parameters
        ----------
        library : Library
        paths : iterable of str or path-like
            Only tracks at or below one of these; none means all.
        model : str or None
            `Bundle.identity`; None means the model with most embeddings in the library.
        where : TrackFilter or None
            Only tracks that fulfil it.

        Returns
        -------
        Survey

        Raises
        ------
        UsageError
            If there is nothing to draw, or the embeddings are too long.
        LibraryError
            If the library cannot be used.
        """
        models = count_models(library, where)
        chosen = model or (models[0].model if models else "")
        wanted = [real_path(path) for path in paths]
        found: dict[bytes, Embedded] = {}
        vectors: list[Directions] = []
        copies: Counter[bytes] = Counter()
        vanished = 0
        for tracks, directions in read_embeddings(library, chosen, where):
            new = []
            for index, track in enumerate(tracks):
                if wanted and not any(is_below(track.path, folder) for folder in wanted):
                    continue
                if not os.path.isfile(track.path):
                    vanished += 1
                elif track.sound in found:
                    copies[track.sound] += 1
                else:
                    found[track.sound] = track
                    new.append(index)
            vectors.append(directions[new])
        if not found and where is not None:
            raise UsageError(
                f"no track of the library {library.path} with a file and an embedding fulfils "
                f"{where.text!r}. Change --where; `genrelab library tags` counts them.",
                code="map-nothing-fulfils",
            )
        if not found:
            raise UsageError(
                f"the library {library.path} has no track with a file and an embedding of "
                f"{chosen or 'a model'}. Run `genrelab recognize` on the music with that model.",
                code="map-without-tracks",
            )
        matrix = np.concatenate(vectors)
        if matrix.shape[1] > _MOST_NUMBERS:
            raise UsageError(
                f"the embeddings of {chosen} have {matrix.shape[1]:,} numbers; a map can use up to "
                f"{_MOST_NUMBERS:,}. Choose another --model.",
                code="map-embedding-too-long",
            )
        places = lay_out(matrix)
        present = library.tracks.present_tags(chosen)
        tags = tuple(present.get(track.path, ()) for track in found.values())
        return cls(
            chosen,
            tuple(found.values()),
            tuple(copies[track.sound] for track in found.values()),
            places,
            kept_neighbours(matrix, places),
            others=sum(other.tracks for other in models if not share_embedding(other.model, chosen)),
            without=sum(other.without for other in models if share_embedding(other.model, chosen)),
            vanished=vanished,
            where="" if where is None else where.text,
            tags=tags if any(tags) else (),
        )

    def left_out(self) -> Iterator[str]:
        """Yield clauses about the files that have no mark."""
        copies = sum(self.copies)
        if copies:
            yield f"{counted(copies, 'file')} with the same recording as another: one mark for both"
        if self.vanished:
            yield f"left out: {self.vanished} whose file no longer exists"
        if self.others:
            yield f"left out: {self.others} recognized with a model other than {self.model}"
        if self.without:
            yield f"left out: {self.without} that are silent or damaged"


def write_map(survey: Survey, out: BinaryIO) -> None:
    """Write the page: one file that loads nothing from outside, and runs no script but its own.

    Parameters
    ----------
    survey : Survey
    out : binary file
        Stays open.
    """
    script = files(__package__).joinpath("map.js").read_text(encoding="utf-8")
    genres = sorted({track.genre for track in survey.tracks}, key=lambda genre: (genre == UNSURE, genre))
    page = render(
        "library/explore/map.html",
        title=f"Map of {counted(len(survey.tracks), 'recording')}",
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        script=Markup(script),
        model=survey.model,
        where=plain(survey.where),
        rows=_rows(survey, genres),
        neighbours=min(NEIGHBOURS, len(survey.tracks) - 1),
        judged=judged_neighbours(len(survey.tracks)),
        kept=100 * survey.kept,
        left_out=list(survey.left_out()),
        tags=_tag_counts(survey),
        data=_data(survey, genres),
    )
    out.write(page.encode("utf-8"))


def _tag_counts(survey: Survey) -> list[tuple[str, int]]:
    """Return the present tags with their number of tracks, by kind, most tracks first."""
    counts = Counter(tag for tags in survey.tags for tag in tags)
    return sorted(counts.items(), key=lambda item: (item[0].partition(":")[0], -item[1], item[0]))


class GenreRow(NamedTuple):
    """A genre in the table of counts; `share` and `confidence` in percent, no colour for `unsure`."""

    genre: str
    colour: str | None
    shape: str
    tracks: int
    share: float
    confidence: float


def _data(survey: Survey, genres: list[str]) -> dict[str, Any]:
    """Return the data of the script: lists with one item per track."""
    folder = os.path.commonpath([os.path.dirname(track.path) for track in survey.tracks])
    numbers = {genre: number for number, genre in enumerate(genres)}
    tag_numbers = {tag: number for number, (tag, _) in enumerate(_tag_counts(survey))}
    places = np.rint(survey.places * _GRID).astype(int)
    return {
        "grid": _GRID,
        "folder": plain(os.fsdecode(folder)),
        "name": [plain(os.fsdecode(os.path.relpath(track.path, folder))) for track in survey.tracks],
        "genre": [numbers[track.genre] for track in survey.tracks],
        "confidence": [round(100 * track.confidence) for track in survey.tracks],
        "copies": list(survey.copies),
        "tags": [[tag_numbers[tag] for tag in tags] for tags in survey.tags],
        "tagNames": [plain(tag) for tag in tag_numbers],
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
    }


def _rows(survey: Survey, genres: list[str]) -> list[GenreRow]:
    confidences: dict[str, list[float]] = defaultdict(list)
    for track in survey.tracks:
        confidences[track.genre].append(track.confidence)
    marks: dict[str, tuple[str | None, int]] = {UNSURE: (None, 0)}
    marks |= assign((genre for genre in genres if genre != UNSURE), variants=len(_SHAPES))
    return [
        GenreRow(
            genre,
            marks[genre][0],
            _SHAPES[marks[genre][1]],
            len(confidences[genre]),
            100 * len(confidences[genre]) / len(survey.tracks),
            100 * float(np.mean(confidences[genre])),
        )
        for genre in genres
    ]
