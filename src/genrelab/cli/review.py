"""`genrelab review`: doubtful tracks of a taught model, one after the other."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.library import open_library
from genrelab.cli.options import LibraryOption, QuietOption
from genrelab.cli.progress import note, say


def review(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that `genrelab teach` wrote.")],
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The CSV file of answers; default: MODEL.corrections.csv."),
    ] = None,
    most: Annotated[int | None, typer.Option(metavar="N", min=1, help="Ask about at most N tracks.")] = None,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Only labels that are probably wrong, no unsure files.")
    ] = False,
    format: Annotated[
        Literal["table", "json", "csv"] | None,
        typer.Option(help="List the tracks in this format instead of asking."),
    ] = None,
    library: LibraryOption = None,
    quiet: QuietOption = False,
) -> None:
    """Ask about labels that are probably wrong, and about files of which a taught model is unsure.

    Example: genrelab review mine.onnx

    Answer y (the prediction is right), n (the label is right), another genre, Enter to skip or q to quit.
    Each answer is written at once, and the next review goes on after it.

    Exit code: 0 if all was asked or listed; 1 if you quit before the end; 2 for wrong use.
    """
    from genrelab.bundle.bundle import Bundle
    from genrelab.cli.output.listing import write_csv, write_json, write_table
    from genrelab.errors import UsageError
    from genrelab.library.store.database import default_path
    from genrelab.teach.review import Answers, Question, ask, questions
    from genrelab.teach.workflow import stored_examples

    bundle = Bundle.load(model, threads=1)
    if bundle.metadata.base is None:
        message = f"{model} is no model that `genrelab teach` wrote. Teach one first: genrelab teach --help"
        raise UsageError(message, code="review-not-taught")
    stored = stored_examples(model, bundle)
    answers = Answers(to or model.with_name(model.name.removesuffix(".onnx") + ".corrections.csv"))
    has_library = library is not None or default_path().exists()
    opening = open_library(library, must_exist=True) if has_library and not labels_only else nullcontext()
    with opening as opened:
        asked = questions(stored, opened, bundle.identity, answers.paths)[:most]
    if format is not None:
        rows = [each.to_dict() for each in asked]
        if format == "json":
            write_json(rows, sys.stdout.buffer)
        elif format == "csv":
            write_csv(Question.COLUMNS, rows, sys.stdout.buffer)
        else:
            cells = [each.cells() for each in asked]
            write_table(list(Question.COLUMNS), cells, sys.stdout.buffer, right=["probability"], paths="path")
        return
    if not asked and not quiet:
        note(
            "nothing to ask: no label is probably wrong, and the model is sure of every file that it has "
            f"recognized. More files: genrelab recognize --model {model} PATH"
            if not answers.paths
            else "nothing to ask: you have answered everything"
        )
    tally = ask(asked, bundle.metadata.genres, answers, sys.stdin, say, multi=stored.multi)
    if asked and not quiet:
        note(f"{tally.answered} answered, {tally.skipped} skipped, of {len(asked)}")
    if answers.paths and not quiet:
        note(f"next: genrelab teach --update {model} --csv {answers.path}")
    if tally.quit:
        raise typer.Exit(1)
