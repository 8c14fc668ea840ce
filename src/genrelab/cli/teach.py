"""`genrelab teach`: your own genres on top of a model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.library import open_library
from genrelab.cli.missing import MOST_JOBS, choose_jobs
from genrelab.cli.options import (
    ExcludeOption,
    JobsOption,
    LibraryOption,
    ModelOption,
    NoIgnoreOption,
    PlaceholdersOption,
    QuietOption,
    VocabularyOption,
    is_typed,
    read_placeholders,
)
from genrelab.cli.progress import counting, note, note_skipped, say, say_json

if TYPE_CHECKING:
    from genrelab.recognize import ScanLog
    from genrelab.teach.advice import Outcome
    from genrelab.teach.sources.labelled import Labels

MOST_PROBLEMS = 10  # files that could not be read, named in notes


def teach(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="With --from-tags: files and folders.")
    ] = None,
    from_tags: Annotated[bool, typer.Option("--from-tags", help="Learn the genre tags of PATH.")] = False,
    folders: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Learn from a folder whose subfolders are named after genres."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Learn from a CSV file with the columns path and genre."),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="The model file to write.")] = None,
    update: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A taught model: add the examples to its own, and replace corrected ones."
        ),
    ] = None,
    multi: Annotated[
        bool | None,
        typer.Option(
            "--multi/--single",
            help="Several genres per track, each with its own probability; default: one, or as updated.",
        ),
    ] = None,
    level: Annotated[
        Literal["genre", "style", "as-written"] | None,
        typer.Option(
            help="genre: Death Metal counts as Metal. style: only synonyms are united. "
            "Default: style with --from-tags, otherwise as-written.",
        ),
    ] = None,
    block: Annotated[
        list[str] | None, typer.Option(metavar="GENRE", help="Ignore this genre. Repeatable.")
    ] = None,
    min_examples: Annotated[
        int, typer.Option(metavar="N", min=2, help="Leave out genres with fewer examples.")
    ] = 5,
    precision: Annotated[
        float,
        typer.Option(metavar="P", min=0, max=0.99, help="Share of right answers that the threshold aims at."),
    ] = 0.8,
    model: ModelOption = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page of results; default: beside the model, as .html."),
    ] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Write no page.")] = False,
    placeholders: PlaceholdersOption = None,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    library: LibraryOption = None,
    vocabulary: VocabularyOption = None,
    jobs: JobsOption = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of folds and intervals.")] = 0,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    quiet: QuietOption = False,
) -> None:
    """Learn your own genres from examples, and write a model file for `--model` of all commands.

    Example: genrelab teach ~/Music --from-tags --to mine.onnx

    Five examples per genre are enough to begin. Files that the library does not know are recognized first; a
    stopped run goes on. The page shows accuracy, confusions and the tags that are probably wrong.

    Exit code: 0 if the model was written; 1 if some examples could not be read; 2 for wrong use.
    """
    from genrelab.bundle.find import find_model
    from genrelab.errors import UsageError
    from genrelab.recognize import Recognizer, ScanLog
    from genrelab.recognize.writers.output import open_output
    from genrelab.teach.head import need_onnx
    from genrelab.teach.page import write_page
    from genrelab.teach.sources.examples_file import examples_file
    from genrelab.teach.sources.names import Naming
    from genrelab.teach.summary import lines, write_summary
    from genrelab.teach.teaching import TeachSettings
    from genrelab.teach.workflow import (
        Means,
        check_page,
        check_target,
        is_multi,
        learn,
        stored_examples,
        write_result,
    )

    _check_sources(paths, from_tags, folders, csv, update)
    _check_used(context, from_tags=from_tags, scans=csv is None)
    if update is not None and model is not None:
        raise UsageError("--update names the model already. Omit --model.", code="teach-update-with-model")
    target = to or update
    if target is None:
        raise UsageError("name the model file to write: --to FILE.onnx", code="teach-without-target")
    need_onnx()
    base_file = update or find_model(model)
    check_target(target, [base_file] if update is None else [])
    if page is not None:
        check_page(page)
    if update is None and not quiet and examples_file(target).exists():
        note(f"note: the examples of {target} will be replaced; --update {target} keeps them and adds others")
    jobs, threads = choose_jobs(jobs, MOST_JOBS)
    recognizer = Recognizer.load(base_file, threads=threads)
    stored = stored_examples(update, recognizer.bundle) if update is not None else None
    naming = Naming.of(level or ("style" if from_tags else "as-written"), block or ())
    log = ScanLog()
    with (
        open_library(library) as opened,
        counting() if sys.stderr.isatty() and not quiet else nullcontext() as report,
    ):
        labels = _read(
            paths,
            folders,
            csv,
            exclude=exclude,
            no_ignore=no_ignore,
            placeholders=placeholders,
            log=log,
        )
        unused = naming.unused(block or (), (file.genres for file in labels.files))
        if not quiet:
            note_skipped(log)
            _note_unused(unused)
        means = Means(opened, recognizer, jobs, report)
        settings = TeachSettings(is_multi(multi, stored), precision, seed=seed)
        try:
            outcome, everything = learn(labels, naming, means, settings, stored=stored, fewest=min_examples)
        except UsageError:
            _note_problems(labels.problems)  # they may be why nothing is left
            raise
        taught, problems = outcome.taught, outcome.problems
        pages = None if no_page else page or target.with_suffix(".html")
        write_result(taught, everything, target, recognizer, base_file)
        if pages is not None:
            keep = [target, examples_file(target), base_file, opened.path, *([csv] if csv else [])]
            with open_output(pages, keep=keep) as stream:
                write_page(outcome, target, recognizer.bundle.embedding_of, stream)
    if format == "json":
        say_json({"model": str(target), **taught.to_dict(), "left_out": vars(outcome.left)})
    else:
        write_summary(outcome, sys.stdout.buffer)
        say(*lines(outcome))
    if not quiet:
        _note_rest(outcome, target, pages)
    if problems:
        raise typer.Exit(1)


def _note_rest(outcome: Outcome, target: Path, pages: Path | None) -> None:
    from genrelab.teach.advice import left_out
    from genrelab.teach.sources.examples_file import examples_file

    for line in left_out(outcome):
        note(f"note: left out: {line}")
    _note_problems(outcome.problems)
    note(f"written: {target}, and its examples {examples_file(target)} (they name your files)")
    if pages is not None:
        note(f"written: {pages}")
    note(f"next: genrelab recognize --model {target} PATH; genrelab review {target}")


def _note_problems(problems: Sequence[str]) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        note(f"note: {problem}")
    if len(problems) > MOST_PROBLEMS:
        note(f"note: and {len(problems) - MOST_PROBLEMS} more that could not be read")


def _note_unused(blocked: list[str]) -> None:
    for name in blocked:
        note(f"note: --block {name}: no example has this genre")


def _check_sources(
    paths: list[Path] | None, from_tags: bool, folders: Path | None, csv: Path | None, update: Path | None
) -> None:
    from genrelab.errors import UsageError

    given = [
        name
        for name, is_given in (("--from-tags", from_tags), ("--folders", folders), ("--csv", csv))
        if is_given
    ]
    if len(given) != 1:
        message = (
            f"{' and '.join(given)} exclude each other"
            if given
            else "name the examples: PATH --from-tags, --folders DIR or --csv FILE"
        )
        raise UsageError(message, code="teach-sources")
    if from_tags != bool(paths):
        message = (
            "--from-tags needs the files or folders to read: genrelab teach ~/Music --from-tags"
            if from_tags
            else f"a PATH goes with --from-tags, not with {given[0]}. Omit it."
        )
        raise UsageError(message, code="teach-paths")


def _check_used(context: typer.Context, *, from_tags: bool, scans: bool) -> None:
    """Raise if an option was typed that would have no effect."""
    from genrelab.errors import UsageError

    if is_typed(context, "placeholders") and not from_tags:
        message = "--placeholders is for --from-tags. Omit it, or name genres to ignore with --block."
        raise UsageError(message, code="teach-placeholders-without-tags")
    for name, option in (("exclude", "--exclude"), ("no_ignore", "--no-ignore")):
        if is_typed(context, name) and not scans:
            message = f"{option} is for folders; the rows of --csv name each file. Omit it."
            raise UsageError(message, code="teach-csv-with-folders-option")


def _read(
    paths: list[Path] | None,
    folders: Path | None,
    csv: Path | None,
    *,
    exclude: list[str] | None,
    no_ignore: bool,
    placeholders: str | None,
    log: ScanLog,
) -> Labels:
    """Read the labels from the one source that was given."""
    from genrelab.teach.sources.labelled import read_csv, read_folders, read_tags

    if csv is not None:
        return read_csv(csv)
    if folders is not None:
        return read_folders(folders, exclude=exclude or (), ignore=not no_ignore, log=log)
    words = read_placeholders(placeholders)
    return read_tags(paths or [], exclude=exclude or (), ignore=not no_ignore, placeholders=words, log=log)
