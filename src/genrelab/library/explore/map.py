"""A picture of the collection: one HTML page on which tracks that sound alike lie together."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, BinaryIO, Self

import numpy as np

from genrelab.errors import UsageError
from genrelab.library.explore.embeddings import Directions, Embedded, count_models, is_below, read_embeddings
from genrelab.library.explore.projection import (
    NEIGHBOURS,
    Points,
    judged_neighbours,
    kept_neighbours,
    lay_out,
)
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.library import Library
from genrelab.printing import plain
from genrelab.recognize.recognition import UNSURE

# Marks within a square from -8 to 8; five of them and eight colours make forty pairs.
_SHAPES = (
    "M0 -6A6 6 0 1 1 0 6A6 6 0 1 1 0 -6Z",
    "M-5.3 -5.3H5.3V5.3H-5.3Z",
    "M0 -7L6.5 5H-6.5Z",
    "M0 -7.5L7.5 0L0 7.5L-7.5 0Z",
    "M-2.2 -6.6H2.2V-2.2H6.6V2.2H2.2V6.6H-2.2V2.2H-6.6V-2.2H-2.2Z",
)
_COLOURS = 8  # of Okabe and Ito, in the page's style sheet
_MOST_NUMBERS = 4096  # of an embedding: the work grows with the third power
_GRID = 10_000  # places on the page are whole numbers up to this


@dataclass(frozen=True, slots=True)
class Survey:
    """The tracks to draw, and where.

    Parameters
    ----------
    model : str
        Whose embeddings they are.
    tracks : tuple of Embedded
        One for each recording, in the order of paths.
    copies : tuple of int
        For each, how many other files have the same recording.
    places : np.ndarray [shape=(n, 2)], float32
        As `genrelab.library.explore.projection.lay_out` gives them.
    kept : float in 0..1
        As `genrelab.library.explore.projection.kept_neighbours` gives it.
    others, without, vanished : int
        Tracks left out: recognized by another model; silent or broken; whose file is gone.
    """

    model: str
    tracks: tuple[Embedded, ...]
    copies: tuple[int, ...]
    places: Points
    kept: float
    others: int
    without: int
    vanished: int

    @classmethod
    def take(
        cls, library: Library, paths: Iterable[str | os.PathLike[str]] = (), *, model: str | None = None
    ) -> Self:
        """Read embeddings from the library and place the tracks.

        All embeddings are in memory at once: with what is computed of them, 50,000 of 512 numbers take half
        a gigabyte, and about a minute of one core.

        Parameters
        ----------
        library : Library
        paths : iterable of str or path-like
            Only tracks at or below one of these; none means all.
        model : str or None
            `Bundle.identity`; None means the model that has most embeddings in the library.

        Returns
        -------
        Survey

        Raises
        ------
        UsageError
            If there is nothing to draw.
        LibraryError
            If the library cannot be used.
        """
        models = count_models(library)
        chosen = model or (models[0].model if models else "")
        wanted = [real_path(path) for path in paths]
        found: dict[bytes, Embedded] = {}
        vectors: list[Directions] = []
        copies: Counter[bytes] = Counter()
        vanished = 0
        for tracks, directions in read_embeddings(library, chosen):
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
        if not found:
            raise UsageError(
                f"the library {library.path} holds nothing to draw: no track there has an embedding of "
                f"{chosen or 'a model'} and a file. Run `genrelab recognize` on the music with that model."
            )
        matrix = np.concatenate(vectors)
        if matrix.shape[1] > _MOST_NUMBERS:
            raise UsageError(
                f"the embeddings of {chosen} have {matrix.shape[1]:,} numbers; a map can be drawn of up to "
                f"{_MOST_NUMBERS:,}. Name another --model."
            )
        places = lay_out(matrix)
        return cls(
            chosen,
            tuple(found.values()),
            tuple(copies[track.sound] for track in found.values()),
            places,
            kept_neighbours(matrix, places),
            others=sum(other.tracks for other in models if other.model != chosen),
            without=sum(other.without for other in models if other.model == chosen),
            vanished=vanished,
        )

    def left_out(self) -> Iterator[str]:
        """Yield sentences about what is not drawn."""
        copies = sum(self.copies)
        if copies:
            yield f"{copies} copies of recordings are drawn with the first of them"
        if self.vanished:
            yield f"left out: {self.vanished} whose file is gone"
        if self.others:
            yield f"left out: {self.others} that another model recognized than {self.model}"
        if self.without:
            yield f"left out: {self.without} that are silent or broken"


def write_map(survey: Survey, out: BinaryIO) -> None:
    """Write the page: one file that loads nothing from elsewhere, and runs no script but its own.

    Parameters
    ----------
    survey : Survey
    out : binary file
        Where to; not closed.
    """
    room = files(__package__)
    script = room.joinpath("map.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    genres = sorted({track.genre for track in survey.tracks}, key=lambda genre: (genre == UNSURE, genre))
    page = Template(room.joinpath("map.html").read_text(encoding="utf-8")).substitute(
        digest=digest,
        script=script,
        count=f"{len(survey.tracks):,}",
        recordings="recording" if len(survey.tracks) == 1 else "recordings",
        model=escape(plain(survey.model)),
        label=escape(_label(survey, genres)),
        rows=_rows(survey, genres),
        neighbours=min(NEIGHBOURS, len(survey.tracks) - 1),
        judged=judged_neighbours(len(survey.tracks)),
        kept=f"{100 * survey.kept:.0f}",
        left_out="".join(f"<li>{escape(line[0].upper() + line[1:])}.</li>" for line in survey.left_out()),
        data=_for_script(_data(survey, genres)),
    )
    out.write(page.encode("utf-8"))


def _data(survey: Survey, genres: list[str]) -> dict[str, Any]:
    """Return what the script draws: lists as long as there are tracks."""
    folder = os.path.commonpath([os.path.dirname(track.path) for track in survey.tracks])
    numbers = {genre: number for number, genre in enumerate(genres)}
    places = np.rint(survey.places * _GRID).astype(int)
    return {
        "grid": _GRID,
        "folder": plain(os.fsdecode(folder)),
        "name": [plain(os.fsdecode(os.path.relpath(track.path, folder))) for track in survey.tracks],
        "genre": [numbers[track.genre] for track in survey.tracks],
        "confidence": [round(100 * track.confidence) for track in survey.tracks],
        "copies": list(survey.copies),
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
    }


def _for_script(value: Any) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _rows(survey: Survey, genres: list[str]) -> str:
    confidences: dict[str, list[float]] = defaultdict(list)
    for track in survey.tracks:
        confidences[track.genre].append(track.confidence)
    rows = []
    for number, genre in enumerate(genres):
        kind = "unsure" if genre == UNSURE else f"c{number % _COLOURS}"
        shape = _SHAPES[0 if genre == UNSURE else number % len(_SHAPES)]
        count = len(confidences[genre])
        mark = f'<svg viewBox="-9 -9 18 18" aria-hidden="true"><path class="{kind}" d="{shape}"/></svg>'
        rows.append(
            f'<tr><th scope="row"><label><input type="checkbox" checked data-genre="{number}">{mark}'
            f"{escape(plain(genre))}</label></th><td>{count:,}</td>"
            f"<td>{100 * count / len(survey.tracks):.0f} %</td>"
            f"<td>{100 * float(np.mean(confidences[genre])):.0f} %</td></tr>"
        )
    return "\n".join(rows)


def _label(survey: Survey, genres: list[str]) -> str:
    counts = Counter(track.genre for track in survey.tracks)
    said = ", ".join(f"{plain(genre)} {counts[genre]:,}" for genre in genres)
    return f"{len(survey.tracks):,} recordings as points; those that sound alike lie together. {said}."
