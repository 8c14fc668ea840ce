"""A map of the library: one HTML page on which tracks that sound alike lie close together."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import BinaryIO, NamedTuple, Self

import numpy as np
from markupsafe import Markup

from genrelab.errors import UsageError
from genrelab.library.explore.chart.columns import TrackColumns, Wanted
from genrelab.library.explore.chart.payload import pack
from genrelab.library.explore.chart.placing import WHOLE
from genrelab.library.explore.chart.quality import judged_neighbours
from genrelab.library.explore.embeddings import count_models, share_embedding
from genrelab.library.explore.layout import Layout, lay_out_library
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.library import Library
from genrelab.library.store.track_filter import TrackFilter
from genrelab.pages.palette import assign, for_dark
from genrelab.pages.render import render
from genrelab.pages.scatter import bundled
from genrelab.printing import counted, plain
from genrelab.recognize.recognition import UNSURE
from genrelab.system import common_folder

# Marks within a square from -8 to 8. With eight colours they make forty pairs.
_SHAPES = (
    "M0 -6A6 6 0 1 1 0 6A6 6 0 1 1 0 -6Z",
    "M-5.3 -5.3H5.3V5.3H-5.3Z",
    "M0 -7L6.5 5H-6.5Z",
    "M0 -7.5L7.5 0L0 7.5L-7.5 0Z",
    "M-2.2 -6.6H2.2V-2.2H6.6V2.2H2.2V6.6H-2.2V2.2H-6.6V-2.2H-2.2Z",
)
_UNSURE_COLOURS = ("#9aa1ab", "#78808c")  # on light and on dark pages
_PIECE = 1 << 22  # bytes of data in an element of the page
_NAMES = 2048  # in an element of the page
_DATA = "<!--data-->"  # where the data stands in the template; text cannot contain it, since it is escaped


@dataclass(frozen=True, slots=True)
class Survey:
    """The tracks of a map and their places.

    Parameters
    ----------
    model : str
        The model of the embeddings.
    layout : Layout
        One track per recording.
    others, without : int
        Number of tracks left out: recognized by another model; silent or damaged.
    where : str
        The condition that all tracks fulfil, as a user wrote it; empty for none.
    """

    model: str
    layout: Layout
    others: int
    without: int
    where: str = ""

    @property
    def tracks(self) -> TrackColumns:
        """The tracks, in the order of paths."""
        return self.layout.tracks

    @classmethod
    def take(
        cls,
        library: Library,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        model: str | None = None,
        where: TrackFilter | None = None,
        missing: bool = False,
        progress: Callable[[float], bool] = lambda _: True,
    ) -> Self:
        """Place the tracks of the library.

        Parameters
        ----------
        library : Library
        paths : iterable of str or path-like
            Only tracks at or below one of these; none means all.
        model : str or None
            `Bundle.identity`; None means the model with most embeddings in the library.
        where : TrackFilter or None
            Only tracks that fulfil it.
        missing : bool
            Whether to show tracks whose file is not there, too.
        progress : callable
            As for `lay_out_library`.

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
        folders = tuple(real_path(path) for path in paths)
        wanted = Wanted(chosen, folders, where, once=True, present=not missing, tags=True)
        layout = lay_out_library(library, wanted, progress=progress)
        if not len(layout.tracks) and where is not None:
            raise UsageError(
                f"no track of the library {library.path} with a file and an embedding fulfils "
                f"{where.text!r}. Change --where; `genrelab library tags` counts them.",
                code="map-nothing-fulfils",
            )
        if not len(layout.tracks):
            away = f" ({layout.tracks.vanished:,} files are not there)" if layout.tracks.vanished else ""
            raise UsageError(
                f"the library {library.path} has no track with a file and an embedding of "
                f"{chosen or 'a model'}{away}. Run `genrelab recognize` on the music with that model, or "
                "draw tracks without their files with --missing.",
                code="map-without-tracks",
            )
        return cls(
            chosen,
            layout,
            others=sum(other.tracks for other in models if not share_embedding(other.model, chosen)),
            without=sum(other.without for other in models if share_embedding(other.model, chosen)),
            where="" if where is None else where.text,
        )

    def left_out(self) -> Iterator[str]:
        """Yield clauses about the files that have no mark."""
        copies = int(self.tracks.copies.sum())
        if copies:
            yield f"{counted(copies, 'file')} with the same recording as another: one mark for both"
        if self.tracks.vanished:
            yield f"left out: {self.tracks.vanished} whose file no longer exists"
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
    script = bundled(files(__package__).joinpath("map.js").read_text(encoding="utf-8"))
    count = len(survey.tracks)
    page = render(
        "library/explore/map.html",
        title=f"Map of {counted(count, 'recording')}",
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        script=Markup(script),
        model=survey.model,
        where=plain(survey.where),
        rows=_rows(survey.tracks),
        count=count,
        neighbours=survey.layout.neighbours.shape[1],
        sampled=WHOLE if survey.layout.sampled else 0,
        judged=judged_neighbours(count),
        kept=100 * survey.layout.kept,
        left_out=list(survey.left_out()),
        tags=_tag_counts(survey.tracks),
    )
    before, _, after = page.partition(Markup(_DATA))  # text would be escaped before MarkupSafe 3
    out.write(before.encode("utf-8"))
    for element in _data(survey):
        out.write(element)
    out.write(after.encode("utf-8"))


def _data(survey: Survey) -> Iterator[bytes]:
    """Yield the elements with the data: the points, then the names in blocks."""
    tracks = survey.tracks
    folder = common_folder([os.path.dirname(path) for path in _outermost(tracks.paths)])
    names = tuple(plain(name) for name in tracks.tag_names)
    header = {"folder": plain(os.fsdecode(folder)), "nameBlock": _NAMES, "tagLabels": names}
    data = pack(tracks, survey.layout.places, header)
    for start in range(0, len(data), _PIECE):
        yield _element("data", data[start : start + _PIECE])
    for start in range(0, len(tracks), _NAMES):
        some = tracks.paths[start : start + _NAMES]
        shown = [plain(os.fsdecode(os.path.relpath(path, folder) if folder else path)) for path in some]
        yield _element("names", "\n".join(shown).encode("utf-8"))


def _outermost(paths: list[bytes]) -> list[bytes]:
    """Return the first and the last of ordered paths: all others have what these two have in common."""
    return [paths[0], paths[-1]]


def _element(kind: str, data: bytes) -> bytes:
    packed = base64.b64encode(zlib.compress(data))
    return b'<script type="application/octet-stream" class="%b">%b</script>\n' % (kind.encode(), packed)


def _tag_counts(tracks: TrackColumns) -> list[tuple[str, int]]:
    """Return the present tags with their number of tracks."""
    counts = np.bincount(tracks.tag_numbers, minlength=len(tracks.tag_names))
    return list(zip(tracks.tag_names, counts.tolist(), strict=True))


class GenreRow(NamedTuple):
    """A genre in the table of counts; `share` and `confidence` in percent, no colour for `unsure`."""

    genre: str
    colour: str | None
    light: str
    dark: str
    number: int
    shape: str
    tracks: int
    share: float
    confidence: float


def _rows(tracks: TrackColumns) -> list[GenreRow]:
    marks = assign((genre for genre in tracks.genres if genre != UNSURE), variants=len(_SHAPES))
    counts = np.bincount(tracks.genre, minlength=len(tracks.genres))
    sums = np.bincount(tracks.genre, weights=tracks.confidence, minlength=len(tracks.genres))
    rows = []
    for number, genre in enumerate(tracks.genres):
        colour, shape = marks.get(genre, (None, 0))
        light, dark = _UNSURE_COLOURS if colour is None else (colour, for_dark(colour))
        share, mean = counts[number] / len(tracks), sums[number] / counts[number]
        rows.append(
            GenreRow(
                genre, colour, light, dark, shape, _SHAPES[shape],
                int(counts[number]), 100 * float(share), 100 * float(mean),
            )
        )  # fmt: skip
    return rows
