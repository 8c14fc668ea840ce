"""`genrelab tag`: write recognized genres, moods and styles into tags, and undo it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.albums import ByOption, tag_reader
from genrelab.cli.hints import hint_of_unsure
from genrelab.cli.library import open_library
from genrelab.cli.missing import Wanted, recognize_missing
from genrelab.cli.options import (
    ExcludeOption,
    FormatOption,
    GuessOption,
    JobsOption,
    LibraryOption,
    MapOption,
    NoIgnoreOption,
    ParentsOption,
    PlaceholdersOption,
    QuietOption,
    SpellingOption,
    VocabularyOption,
    is_typed,
    read_placeholders,
)
from genrelab.cli.progress import Report, counting, note, note_skipped
from genrelab.cli.tagging import CHECK_ONLY

if TYPE_CHECKING:
    from genrelab.library import Library, TagRecord
    from genrelab.library.tagging.album_answers import AlbumAnswers
    from genrelab.library.tagging.genre_map import GenreMap
    from genrelab.library.tagging.tag_plan import Mode
    from genrelab.library.tags import Field
    from genrelab.recognize.albums import ReadTags
    from genrelab.recognize.scan import Found


def tag(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Audio files, and folders to search for them.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be written (default).")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write into the files.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last write to each file.")] = False,
    only_empty: Annotated[
        bool, typer.Option("--only-empty", help="Write only to fields without a value (default).")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing values.")] = False,
    combine: Annotated[bool, typer.Option("--combine", help="Append to existing values.")] = False,
    moods: Annotated[
        bool, typer.Option("--moods", help="Also write moods to the mood of the files.")
    ] = False,
    styles: Annotated[
        bool,
        typer.Option("--styles", help="Also write styles and further genres to the grouping of the files."),
    ] = False,
    most: Annotated[int, typer.Option(metavar="K", min=1, help="Most moods, and most styles, per file.")] = 3,
    no_genre: Annotated[
        bool, typer.Option("--no-genre", help="Do not write genres; with --moods or --styles.")
    ] = False,
    itunes_grouping: Annotated[
        bool,
        typer.Option(
            "--itunes-grouping",
            help="In ID3, use GRP1 for styles: iTunes and players with TagLib read it, others read TIT1.",
        ),
    ] = False,
    genres: Annotated[
        int,
        typer.Option(
            metavar="K",
            min=1,
            help="Most genres per file; all but the first need probability P, or 0.1.",
        ),
    ] = 1,
    given: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="GENRE", help="Write this genre, not the predicted one. Repeatable."),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(metavar="P", min=0, max=1, help="Do not write genres with a lower probability."),
    ] = None,
    by: ByOption = None,
    skip_outliers: Annotated[
        bool, typer.Option("--skip-outliers", help="With --by: skip tracks that do not fit their album.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write only the answers of this model; default: $GENRELAB_MODEL, or any stored answers.",
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Write only answers for whole files."),
    ] = False,
    guess: GuessOption = False,
    no_recognize: Annotated[
        bool,
        typer.Option("--no-recognize", help="Do not recognize unknown files: each is an error."),
    ] = False,
    jobs: JobsOption = None,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Also files with a damaged or missing part.")
    ] = False,
    map: MapOption = None,
    spelling: SpellingOption = "plain",
    parents: ParentsOption = False,
    vocabulary: VocabularyOption = None,
    placeholders: PlaceholdersOption = None,
    id3v23_separator: Annotated[
        Literal["/", ";", "; ", "nul"],
        typer.Option("--id3v23-separator", help="Separator of several genres in ID3v2.3; nul: a zero byte."),
    ] = "/",
    keep_mtime: Annotated[
        bool, typer.Option("--keep-mtime", help="Keep the modification time of files.")
    ] = False,
    skip_hard_links: Annotated[
        bool, typer.Option("--skip-hard-links", help="Skip files that have other names (hard links).")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --undo: also files that another program has changed since.")
    ] = False,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    library: LibraryOption = None,
    format: FormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Write genres, and moods and styles if asked, into files; without --write, show what would be written.

    Files that the library does not know are recognized first. Other tags and the audio do not change, and
    every write can be undone.

    Example: genrelab tag ~/Music --write

    Exit code: 0 if nothing failed; 1 if a file failed or could not be recognized; 2 for wrong use.
    """
    from genrelab.bundle.find import is_model_named
    from genrelab.cli.output.tag_records import write_tag_records
    from genrelab.errors import UsageError
    from genrelab.library import GenreMap, Tagger, TagPolicy
    from genrelab.recognize import ScanLog, scan

    _check_exclusive("--dry-run", dry_run, "--write", write, "--undo", undo)
    _check_exclusive("--only-empty", only_empty, "--overwrite", overwrite, "--combine", combine)
    if skip_outliers and not by:
        message = "--skip-outliers is for --by, which gives albums one genre. Omit it, or add --by album."
        raise UsageError(message, code="outliers-without-albums")
    _check_given(given, undo=undo, without=no_genre, others=bool(guess or by))
    _check_used(context, no_genre=no_genre, moods=moods, styles=styles, undo=undo)
    mode: Mode = "overwrite" if overwrite else "combine" if combine else "only-empty"
    fields = _fields(genre=not no_genre, moods=moods, styles=styles)
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
        itunes_grouping=itunes_grouping,
        fields=fields,
        most=most,
        skip_outliers=skip_outliers,
        spelling=spelling,
        parents=parents,
        guess=guess,
        given=tuple(dict.fromkeys(given or ())),
    )
    checked: list[TagPolicy] | None = context.meta.get(CHECK_ONLY)
    if checked is not None:  # `recognize --tag` and `watch --tag` check the options before they work
        checked.append(policy)
        return
    failed = unsure = 0

    def count(records: Iterable[TagRecord]) -> Iterator[TagRecord]:
        nonlocal failed, unsure
        for done, record in enumerate(records, start=1):
            failed += record.status == "error"
            unsure += record.unsure and not given
            if report is not None:
                report("tagging", done, len(found))
            yield record

    with open_library(library, must_exist=undo or no_recognize, must_write=write or undo) as opened:
        log, patterns = ScanLog(), exclude or ()
        found = list(scan(paths, exclude=patterns, ignore=not no_ignore, follow_lists=False, log=log))
        if not quiet:
            note_skipped(log)
        tagger = Tagger(opened)
        with counting() if sys.stderr.isatty() and not quiet else nullcontext() as report:
            answers = None
            if not undo:
                needed = Wanted(model, not (by or is_model_named(model)), full, jobs)
                identity = _recognize(opened, found, needed, report, quiet=quiet, skip=no_recognize)
                policy = replace(policy, model=identity)
                if not quiet:
                    _warn_of_unknown(genre_map, opened)
            if by and not undo:
                read_tags = tag_reader(by, len(found), report)
                answers = _answers(opened, found, model, full=full, read_tags=read_tags)
            records = (
                tagger.undo(found, force=force, keep_mtime=keep_mtime, skip_hard_links=skip_hard_links)
                if undo
                else tagger.tag(found, policy, write=write, albums=answers)
            )
            write_tag_records(count(records), sys.stdout.buffer, format=format, fields=fields)
    if not quiet and not (write or undo):
        note("note: nothing was written; --write writes the tags")
    if failed and not quiet:
        note(f"note: {failed} of {len(found)} failed; the results say why")
    if not quiet and not undo:
        hint_of_unsure(context, unsure)
    if failed:
        raise typer.Exit(1)


def _fields(*, genre: bool, moods: bool, styles: bool) -> tuple[Field, ...]:
    """Return what to write."""
    from genrelab.errors import UsageError

    wanted: dict[Field, bool] = {"genre": genre, "mood": moods, "grouping": styles}
    fields = tuple(field for field, is_wanted in wanted.items() if is_wanted)
    if not fields:
        message = "--no-genre leaves nothing to write. Add --moods or --styles, or omit it."
        raise UsageError(message, code="nothing-to-write")
    return fields


def _check_given(given: list[str] | None, *, undo: bool, without: bool, others: bool) -> None:
    """Raise if genres that the user chose are no text, or contradict other options."""
    from genrelab.errors import UsageError

    if not given:
        return
    for genre in given:
        if not genre.strip() or not genre.isprintable():
            raise UsageError(f"--as {genre!r} is empty or has control characters.", code="tag-as-no-text")
    if undo or without or others:
        message = "--as says which genre to write. Omit --undo, --no-genre, --guess and --by, or omit --as."
        raise UsageError(message, code="tag-as-with-option")


def _check_used(context: typer.Context, *, no_genre: bool, moods: bool, styles: bool, undo: bool) -> None:
    """Raise if an option was typed that would have no effect."""
    from genrelab.errors import UsageError

    if undo:
        for name in ("no_genre", "guess"):
            if is_typed(context, name):
                option = f"--{name.replace('_', '-')}"
                message = f"--undo takes back all that the last write of each file changed. Omit {option}."
                raise UsageError(message, code="undo-with-option")
        return
    if is_typed(context, "guess") and no_genre:
        message = "--guess is about genres. Omit it, or omit --no-genre."
        raise UsageError(message, code="guess-without-genre")
    if is_typed(context, "most") and not (moods or styles):
        message = "--most limits moods and styles. Add --moods or --styles, or omit it."
        raise UsageError(message, code="most-without-tags")
    if is_typed(context, "itunes_grouping") and not styles:
        message = "--itunes-grouping says where to write styles. Add --styles, or omit it."
        raise UsageError(message, code="itunes-grouping-without-styles")


def _recognize(
    opened: Library, found: list[Found], wanted: Wanted, report: Report | None, *, quiet: bool, skip: bool
) -> str | None:
    """Recognize unknown files; return the identity of the model if only its answers are to be written."""
    from genrelab.bundle.bundle import Bundle

    if skip or not opened.writable:
        if not skip and not quiet:
            note(f"note: the library {opened.path} is read-only: unknown files are not recognized")
        return None if wanted.model is None else Bundle.load(wanted.model, threads=1).identity
    done = recognize_missing(opened, found, wanted, report)
    if not quiet:
        if done.new:
            note(f"note: {done.new} new file{'s' * (done.new != 1)} recognized (library {opened.path})")
        if done.unstored:
            note(f"note: {done.unstored}")
    return None if wanted.any_model else done.model


def _answers(
    library: Library, found: Sequence[Found], model: Path | None, *, full: bool, read_tags: ReadTags | None
) -> AlbumAnswers:
    """Combine what the library knows to answers for albums."""
    from genrelab.bundle.bundle import Bundle
    from genrelab.bundle.find import find_model
    from genrelab.library.tagging.album_answers import AlbumAnswers

    bundle = Bundle.load(find_model(model), threads=1)
    return AlbumAnswers(library, found, bundle, full=full, read_tags=read_tags)


def _check_exclusive(*options: str | bool) -> None:
    """Raise if more than one option is set; options are given as name, value, name, value, ..."""
    from genrelab.errors import UsageError

    given = [name for name, is_set in zip(options[::2], options[1::2], strict=True) if is_set]
    if len(given) > 1:
        message = f"{' and '.join(map(str, given))} exclude each other"
        raise UsageError(message, code="options-exclude-each-other")


def _warn_of_unknown(genre_map: GenreMap, opened: Library) -> None:
    """Warn about genres in the map that no model in the library predicts: most likely typos."""
    known, tags = opened.tracks.genres(), opened.tracks.tags()
    named = {*known, *tags, *(tag.removeprefix("genre:") for tag in tags if tag.startswith("genre:"))}
    unknown = [genre for genre in genre_map.names if genre not in named]
    if unknown and known:
        more = "; `genrelab library tags` lists the tags" if tags else ""
        note(
            f"note: the genre map names {', '.join(map(repr, unknown))}, which no model in the library "
            f"predicts; the known genres are {', '.join(sorted(known))}{more}"
        )
