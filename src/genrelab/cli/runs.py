"""`genrelab runs`: list, show, tag and remove the runs of a folder."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.options import FormatOption
from genrelab.cli.progress import note, say, say_json, say_text

if TYPE_CHECKING:
    from genrelab.lab.runs.collection import Entry

app = typer.Typer(help="List, show, tag and remove the runs of a folder.", no_args_is_help=True)

_BASE = Path("runs")
_COLUMNS = ("run", "state", "recipe", "corpus", "split", "accuracy", "balanced", "verdict", "tags")
_CELLS = (
    "run", "kind", "state", "recipe", "corpus", "split", "seed", "tracks", "accuracy", "accuracy_low",
    "accuracy_high", "balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high", "verdict",
    "findings", "tags", "changed", "problem",
)  # fmt: skip
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")]


@app.command("list")
def list_runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder of runs.")] = _BASE,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Only runs with this tag. Repeatable: all of them."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only runs whose recipe contains this text.")
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only runs whose corpus contains this text.")
    ] = None,
    state: Annotated[
        Literal["finished", "running", "stopped", "started", "damaged"] | None,
        typer.Option(help="Only runs in this state."),
    ] = None,
    sort: Annotated[
        Literal["path", "accuracy", "balanced", "date"], typer.Option(help="Order; the best or newest first.")
    ] = "path",
    format: FormatOption = "table",
) -> None:
    """List the runs of a folder: state, recipe, corpus, split, figures with intervals, verdict and tags.

    Example: genrelab runs list runs --recipe soundfusion --sort accuracy

    Figures are those of tracks, by the voting rule of each recipe. A stopped run resumes when its training
    is started again; a started one has not completed an epoch.
    """
    from genrelab.cli.output.listing import write_csv, write_json, write_table
    from genrelab.lab.runs.collection import find_runs

    wanted = set(tag or ())
    found = [
        entry
        for entry in find_runs(folder)
        if wanted <= set(entry.labels)
        and (recipe or "") in entry.recipe
        and (corpus or "") in entry.corpus
        and state in (None, entry.state)
    ]
    found = _sorted(found, sort)
    if format == "json":
        write_json([entry.to_dict() for entry in found], sys.stdout.buffer)
    elif format == "csv":
        write_csv(_CELLS, map(_cells, found), sys.stdout.buffer)
    elif found:
        write_table(_COLUMNS, [_row(entry, folder) for entry in found], sys.stdout.buffer)
    else:
        note(f"note: no run in {folder} fits")
    for entry in found:
        if entry.problem and format == "table":
            note(f"note: {entry.folder}: {entry.problem}")


@app.command("show")
def show_run(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    base: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="Folder in which to look for runs that need it.")
    ] = _BASE,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """Show a run: its figures, its verdict, how it was trained, which runs need it.

    Example: genrelab runs show RUN
    """
    from genrelab.lab.findings.wording import verdict_lines
    from genrelab.lab.metrics.summary import summary
    from genrelab.lab.runs.collection import read_entry, run_folders
    from genrelab.lab.runs.file_names import MODEL, REPORT
    from genrelab.lab.runs.removal import measured, needs_of

    entry = read_entry(run)
    needs = needs_of(run_folders(base), run) if base.is_dir() else []
    size = measured(run)
    record = entry.record
    if format == "json":
        more = {} if record is None else {"record": record.to_dict()}
        needed = [str(need.folder) for need in needs]
        say_json({**entry.to_dict(), "files": size.files, "bytes": size.size, "needed_by": needed, **more})
        return
    say(f"run      {run}", f"state    {entry.state} {entry.kind if entry.kind != 'run' else ''}".rstrip())
    for name in ("recipe", "corpus", "split"):
        if value := getattr(entry, name):
            say(f"{name:8} {value}")
    say(*([f"seed     {entry.seed}"] if entry.seed is not None else []))
    say(*([f"tags     {', '.join(entry.labels)}"] if entry.labels else []))
    say(f"changed  {_date(entry)}", f"size     {size.files} files, {_bytes(size.size)}")
    if entry.problem:
        say(f"problem  {entry.problem}")
    if record is not None:
        epoch = record.epoch
        kept = f"{epoch.trained} trained, epoch {epoch.chosen + 1} kept (by {epoch.chosen_by})"
        say(f"epochs   {kept}", f"trained  {record.training_seconds:.0f} s on {record.device}")
        say(f"start    {record.start.weights}")
        say_text(summary(record.evaluation.model_dump(mode="json"), entry.voting))
        say(*verdict_lines(record.verdict, record.findings))
    for name, label in ((REPORT, "report"), (MODEL, "model")):
        if (run / name).is_file():
            say(f"{label:8} {run / name}")
    for need in needs:
        say(f"needed   by {need.folder}, which names {need.file}")


@app.command("tag")
def tag_runs(
    runs: Runs,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="TAG", help="Give the runs this tag. Repeatable.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="TAG", help="Take this tag away. Repeatable.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """Give runs tags of your own, or take them away; `runs list --tag` finds them.

    Example: genrelab runs tag RUN --add paper --add best

    Tags are lines of labels.txt in the run folder.
    """
    from genrelab.errors import UsageError
    from genrelab.lab.runs.collection import change_labels, require_run_folder

    if not add and not drop:
        raise UsageError("name a tag: --add TAG or --drop TAG", code="no-run-tag")
    for run in runs:
        require_run_folder(run)
    changed = {str(run): list(change_labels(run, add=add or (), drop=drop or ())) for run in runs}
    if format == "json":
        say_json(changed)
        return
    for name, labels in changed.items():
        say(f"{name}: {', '.join(labels) or 'no tags'}")


@app.command("remove")
def remove_runs(
    runs: Runs,
    base: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="Folder in which to look for runs that need them.")
    ] = _BASE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed, and check it.")
    ] = False,
) -> None:
    """Remove run folders with all that is in them, after a question.

    Example: genrelab runs remove RUN --yes

    What is no run folder stays, and so does a run in training, and one that another run needs: whose recipe
    names its weights or targets. Links are not followed.
    """
    from genrelab.errors import UsageError
    from genrelab.lab.runs.removal import check_removable, remove

    going = check_removable(list(dict.fromkeys(runs)), [base])
    for each in going:
        note(f"{each.folder}: {each.files} files, {_bytes(each.size)}")
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "to remove runs needs an answer: give --yes, or use a terminal", code="remove-unconfirmed"
            )
        if not typer.confirm(f"Remove {len(going)} run{'s' * (len(going) != 1)}?", err=True):
            note("nothing was removed")
            raise typer.Exit(1)
    for each in going:
        remove(each.folder)
        say(f"removed {each.folder}")


def _sorted(found: list[Entry], by: str) -> list[Entry]:
    from genrelab.lab.runs.collection import value_of

    if by == "path":
        return found
    if by == "date":
        return sorted(found, key=lambda entry: -entry.changed)
    name = "accuracy" if by == "accuracy" else "balanced_accuracy"
    return sorted(found, key=lambda entry: -value_of(getattr(entry.tracks, name, None)))


def _row(entry: Entry, base: Path) -> list[str]:
    from genrelab.lab.metrics.summary import figure

    scores, record = entry.tracks, entry.record
    figures = ["-", "-"]
    if scores is not None:
        figures = [figure(each.model_dump()) for each in (scores.accuracy, scores.balanced_accuracy)]
    folder = entry.folder.relative_to(base) if entry.folder != base else entry.folder
    state = entry.state if entry.kind == "run" else f"{entry.state} {entry.kind}"
    verdict = "-" if record is None else record.verdict.state
    split = entry.split if entry.seed is None else f"{entry.split}, seed {entry.seed}"
    named = [entry.recipe, entry.corpus, split]
    return [str(folder), state, *named, *figures, verdict, ", ".join(entry.labels)]


def _cells(entry: Entry) -> dict[str, Any]:
    """Return the cells of a row of CSV: figures as three columns each."""
    row = entry.to_dict()
    for name in ("accuracy", "balanced_accuracy"):
        figure = row[name] or {"value": None, "low": None, "high": None}
        row |= {name: figure["value"], f"{name}_low": figure["low"], f"{name}_high": figure["high"]}
    return {**row, "changed": _date(entry)}


def _date(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.changed, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bytes(size: int) -> str:
    for unit, sign in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {sign}"
    return f"{size} bytes"
