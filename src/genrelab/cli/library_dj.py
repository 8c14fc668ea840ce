"""`genrelab library dj`: genres and cue points for rekordbox and Traktor."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from genrelab.library.dj.track import DjTrack
    from genrelab.recognize import Recognition


def export_for_djs(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The XML or NML file to write.")],
    paths: PathsArgument = None,
    format: Annotated[Literal["rekordbox", "traktor"], typer.Option(help="For which program.")] = "rekordbox",
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
    the names of your files and one playlist per genre. No audio file and no collection is changed.
    """
    from genrelab.cli.library import check_not_empty, files_to_keep, open_library, read_where
    from genrelab.library import GenreMap, TagPolicy
    from genrelab.library.dj.rekordbox import write_rekordbox
    from genrelab.library.dj.track import dj_tracks
    from genrelab.library.dj.traktor import write_traktor
    from genrelab.recognize.segmentation import check_min_seconds
    from genrelab.recognize.writers.output import open_output

    check_min_seconds(min_part)
    genre_map = GenreMap.load(map) if map else GenreMap()
    policy = TagPolicy(genre_map=genre_map, spelling=spelling, guess=guess)
    write = write_rekordbox if format == "rekordbox" else write_traktor
    written = cues = uncut = 0

    def count(tracks: Iterable[DjTrack]) -> Iterator[DjTrack]:
        nonlocal written, cues, uncut
        for track in tracks:
            written += 1
            cues += len(track.cues)
            uncut += not track.cut
            yield track

    with open_library(library, must_exist=True) as opened:
        check_not_empty(opened, paths)
        records = _present(opened.tracks.all(paths or (), read_where(opened, where)))
        with open_output(to, keep=files_to_keep(opened, to)) as stream:
            write(count(dj_tracks(records, policy, min_seconds=min_part, hot=hot_cues)), stream)
    if not quiet:
        note(f"{written} track{'s' * (written != 1)} with {cues} cue point{'s' * (cues != 1)} exported: {to}")
        if uncut:
            note(f"note: the parts of {uncut} are not known; `genrelab recognize --full` finds them")


def _present(records: Iterable[Recognition]) -> Iterator[Recognition]:
    """Yield the records whose file is there: what a DJ program cannot find is of no use to it."""
    return (record for record in records if record.path.is_file())
