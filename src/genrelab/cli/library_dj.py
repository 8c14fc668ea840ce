"""`genrelab library dj`: genres and cue points for rekordbox and Traktor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.options import (
    GuessOption,
    LibraryOption,
    MapOption,
    PathsArgument,
    QuietOption,
    SpellingOption,
    WhereOption,
)
from genrelab.cli.progress import note
from genrelab.printing import counted

if TYPE_CHECKING:
    from genrelab.library.dj.track import DjTrack
    from genrelab.recognize import Recognition


def export_for_djs(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The XML or NML file to write.")],
    paths: PathsArgument = None,
    format: Annotated[
        Literal["rekordbox", "traktor"] | None,
        typer.Option(help="For which program.", show_default="traktor for .nml, else rekordbox"),
    ] = None,
    hot_cues: Annotated[
        bool, typer.Option("--hot-cues", help="Make the first eight cue points of a track hot cues.")
    ] = False,
    min_part: Annotated[float, typer.Option(metavar="SECONDS", help="No part of a track is shorter.")] = 20.0,
    map: MapOption = None,
    spelling: SpellingOption = "plain",
    guess: GuessOption = False,
    where: WhereOption = None,
    library: LibraryOption = None,
    quiet: QuietOption = False,
) -> None:
    """Export genres, and cue points where the genre of a track changes, for rekordbox or Traktor.

    Example: genrelab library dj --to genres.xml

    Cue points need tracks that were processed as a whole: `genrelab recognize --full`. The file contains
    the names of your files and one playlist per genre. No audio file and no collection is changed; a file
    that genrelab did not write, such as Traktor's own collection.nml, is not replaced.
    """
    from genrelab.cli.library import check_not_empty, files_to_keep, open_library, read_where
    from genrelab.library import GenreMap, TagPolicy
    from genrelab.library.dj.target import check_target, write_for
    from genrelab.library.dj.track import dj_tracks
    from genrelab.recognize.segmentation import check_min_seconds
    from genrelab.recognize.writers.output import open_output

    check_min_seconds(min_part)
    check_target(to)
    genre_map = GenreMap.load(map) if map else GenreMap()
    policy = TagPolicy(genre_map=genre_map, spelling=spelling, guess=guess)
    write = write_for(to, format)
    written = cues = uncut = absent = 0

    def present(records: Iterable[Recognition]) -> Iterator[Recognition]:
        nonlocal absent
        for record in records:
            there = os.path.isfile(record.path)  # what a DJ program cannot find is of no use to it
            absent += not there
            if there:
                yield record

    def count(tracks: Iterable[DjTrack]) -> Iterator[DjTrack]:
        nonlocal written, cues, uncut
        for track in tracks:
            written += 1
            cues += len(track.cues)
            uncut += not track.cut
            yield track

    with open_library(library, must_exist=True) as opened:
        check_not_empty(opened, paths)
        records = present(opened.tracks.all(paths or (), read_where(opened, where)))
        with open_output(to, keep=files_to_keep(opened, to)) as stream:
            write(count(dj_tracks(records, policy, min_seconds=min_part, hot=hot_cues)), stream)
    if not quiet:
        note(f"{counted(written, 'track')} with {counted(cues, 'cue point')} exported: {to}")
        if uncut:
            note(f"note: the parts of {uncut} are not known; `genrelab recognize --full` finds them")
        if absent:
            note(f"note: {counted(absent, 'file')} left out: not there now. Is a disk missing?")
