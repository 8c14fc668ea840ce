"""`genrelab tag`: recognized genres into the tags of files, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.library import LibraryOption, PlaceholdersOption, open_library, read_placeholders
from genrelab.cli.progress import counting, note
from genrelab.cli.scanning import ExcludeOption, NoIgnoreOption, note_passed_over

if TYPE_CHECKING:
    from genrelab.library import Library, TagRecord
    from genrelab.library.tagging.genre_map import GenreMap
    from genrelab.library.tagging.tag_plan import Mode


def tag(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Sound files, and folders to look for them in.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be written; so it is without --write.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write genres into the files.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last write of each file.")] = False,
    only_empty: Annotated[
        bool, typer.Option("--only-empty", help="Write only where there is no genre; the default.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write in place of other genres.")] = False,
    combine: Annotated[bool, typer.Option("--combine", help="Write behind other genres.")] = False,
    genres: Annotated[
        int,
        typer.Option(
            metavar="K", min=1, help="How many genres, at most; further ones from 0.1 unless P is given."
        ),
    ] = 1,
    min_confidence: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help="Write no genre of a lower probability.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Only where all of a file was heard, not only segments spread over it."),
    ] = False,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Also where a part of a file is damaged or missing.")
    ] = False,
    map: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="YAML: own names for genres, and parents.")
    ] = None,
    placeholders: PlaceholdersOption = None,
    id3v23_separator: Annotated[
        Literal["/", ";", "; ", "nul"],
        typer.Option(
            "--id3v23-separator", help="What stands between several genres in ID3v2.3; nul: a zero."
        ),
    ] = "/",
    keep_mtime: Annotated[
        bool, typer.Option("--keep-mtime", help="Files keep the time of their last change.")
    ] = False,
    skip_hard_links: Annotated[
        bool, typer.Option("--skip-hard-links", help="Leave files that have other names (hard links).")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --undo: also where another program changed the file.")
    ] = False,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    library: LibraryOption = None,
    format: Annotated[
        Literal["table", "json", "csv"], typer.Option(help="How to write what was or would be done.")
    ] = "table",
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing on standard error but what stops the work.")
    ] = False,
) -> None:
    """Write recognized genres into files; without --write, show what would be written.

    Every other tag and the sound stay as they are, and every write can be undone. Ends with 0 if nothing
    failed, 1 if a file failed or was not recognized, 2 after wrong use.
    """
    from genrelab.cli.output.tag_records import write_tag_records
    from genrelab.library import GenreMap, Tagger, TagPolicy
    from genrelab.recognize import ScanLog, scan

    _check_one("--dry-run", dry_run, "--write", write, "--undo", undo)
    _check_one("--only-empty", only_empty, "--overwrite", overwrite, "--combine", combine)
    mode: Mode = "overwrite" if overwrite else "combine" if combine else "only-empty"
    genre_map = GenreMap.load(map) if map else GenreMap()
    policy = TagPolicy(
        mode,
        genres,
        min_confidence,
        genre_map,
        full=full,
        damaged=damaged,
        placeholders=read_placeholders(placeholders),
        id3v23_separator="\0" if id3v23_separator == "nul" else id3v23_separator,
        keep_mtime=keep_mtime,
        skip_hard_links=skip_hard_links,
    )
    failed = 0

    def count(records: Iterable[TagRecord]) -> Iterator[TagRecord]:
        nonlocal failed
        for done, record in enumerate(records, start=1):
            failed += record.status == "error"
            if report is not None:
                report("tagging", done, len(found))
            yield record

    with open_library(library, must_exist=True, must_write=write or undo) as opened:
        if not quiet:
            _warn_of_unknown(genre_map, opened)
        log, patterns = ScanLog(), exclude or ()
        found = list(scan(paths, exclude=patterns, ignore=not no_ignore, follow_lists=False, log=log))
        if not quiet:
            note_passed_over(log)
        tagger = Tagger(opened)
        with counting() if sys.stderr.isatty() and not quiet else nullcontext() as report:
            records = (
                tagger.undo(found, force=force, keep_mtime=keep_mtime, skip_hard_links=skip_hard_links)
                if undo
                else tagger.tag(found, policy, write=write)
            )
            write_tag_records(count(records), sys.stdout.buffer, format=format)
    if not quiet and not (write or undo):
        note("note: nothing was written; --write does it")
    if failed:
        if not quiet:
            note(f"note: {failed} of {len(found)} failed; their records say why")
        raise typer.Exit(1)


def _check_one(*options: str | bool) -> None:
    """Raise if more than one of several options, each its name and whether it is set, is set."""
    from genrelab.errors import UsageError

    given = [name for name, is_set in zip(options[::2], options[1::2], strict=True) if is_set]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(map(str, given))} exclude each other", code="options-exclude-each-other"
        )


def _warn_of_unknown(genre_map: GenreMap, opened: Library) -> None:
    """Tell of genres in the map that nothing in the library can have: a slip of the pen, most likely."""
    known = opened.tracks.genres()
    unknown = [genre for genre in genre_map.names if genre not in known]
    if unknown and known:
        note(
            f"note: the genre map names {', '.join(map(repr, unknown))}, which no model in the library "
            f"has; there are {', '.join(sorted(known))}"
        )
