"""`genrelab reproduce`: reproduce a paper's table on any corpus, within any budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.options import RayAddressOption, TrainingEngineOption
from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import note, say, say_json


def reproduce(
    table: Annotated[str, typer.Argument(help="Such as soundfusion-2; --list shows all.")] = "",
    corpus: Annotated[str, typer.Option(help="NAME:PATH, such as gtzan:/data/GTZAN.")] = "",
    split: Annotated[
        list[str] | None,
        typer.Option(help="Kind of split; the paper's by default. kfold:*/10 is all ten folds. Repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings per row, with seeds 0, 1, ...")] = 1,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            help="epochs=N, genres=N, clips=N (per genre), segments=N (per clip), seconds=N (per segment), "
            "folds=N, minutes=N. The page lists them. Repeatable."
        ),
    ] = None,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Only the row of this recipe. Repeatable.")
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value in all recipes. Repeatable.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="For rows that start from ImageNet weights: none, a file, or vgg16=FILE. Repeatable."
        ),
    ] = None,
    start_corpus: Annotated[
        str | None,
        typer.Option(help="For rows that start from another training: its corpus."),
    ] = None,
    test_corpus: Annotated[
        str | None, typer.Option(help="Test all runs on this corpus instead of their own test part.")
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option(
            "--map", help="YAML file that maps genres of the test corpus to those of the corpus, or to null."
        ),
    ] = None,
    engine: TrainingEngineOption = "local",
    ray_address: RayAddressOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Parallel runs, which take the GPUs in turn. Default: 1; with --engine ray, the GPUs or "
            "machines of the cluster.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page and the run folders.")] = Path("runs"),
    models: Annotated[
        bool, typer.Option(help="Write a model file for each run; `genrelab export` can do it later.")
    ] = True,
    publish: Annotated[
        Path | None,
        typer.Option(help="Copy the record, the page and the data of its figures into this folder."),
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    show: Annotated[bool, typer.Option("--list", help="List the tables.")] = False,
    plugin: Plugins = None,
) -> None:
    """Reproduce a table of a paper: the paper's figure, ours, the difference, and how each was measured.

    Example: genrelab reproduce soundfusion-2 --corpus fma-small:/data/fma

    You can stop the command and repeat it: finished runs are kept. The exit code is 1 if a row failed.
    """
    from genrelab.errors import UsageError
    from genrelab.lab.studies.reproduce import Budget, load_table, reproduce, table_names
    from genrelab.lab.studies.reproduce.page import COLUMNS, cells, remarks, verdicts
    from genrelab.lab.studies.reproduce.publish import publish as publish_table
    from genrelab.lab.studies.reproduce.runner import Request
    from genrelab.lab.studies.workers import Launcher

    if show:
        for name in table_names():
            say(f"{name:20}  {load_table(name).title}")
        return
    if not table or not corpus:
        message = "name a table and a --corpus NAME:PATH; --list shows the tables"
        raise UsageError(message, code="reproduce-not-named")
    if map is not None and test_corpus is None:
        message = "--map needs a --test-corpus whose genres it translates"
        raise UsageError(message, code="reproduce-map-without-corpus")
    starts = dict(_start(text) for text in weights or [])
    request = Request(
        corpus=corpus,
        splits=tuple(split or ()),
        seeds=seeds,
        budget=Budget.parse(budget or []),
        changes=tuple(set or ()),
        weights=starts,
        start_corpus=start_corpus,
        elsewhere=test_corpus,
        map=map,
        rows=tuple(rows or ()),
        model_files=models,
    )
    launcher = Launcher(engine, jobs, ray_address)
    record = reproduce(load_table(table), request, out=out, launcher=launcher, device=device, say=note)
    if format == "json":
        say_json(record)
    else:
        from rich.table import Table

        from genrelab.console import PlainConsole

        printed = Table(box=None, pad_edge=False)
        shown = [at for at, name in enumerate(COLUMNS) if name not in ("row", "parameters", "minutes")]
        for at in shown:
            printed.add_column(COLUMNS[at])
        for line in cells(record):
            printed.add_row(*(line[at] for at in shown))
        console = PlainConsole()
        console.width = max(console.width, 140)
        console.print(printed)
        say(f"page    {Path(record['folder']) / 'table.html'}")
    if publish is not None:
        note(f"published in {publish_table(Path(record['folder']), publish)}")
    for verdict in verdicts(record):
        note(verdict)
    for remark in remarks(record):
        note(f"note: {remark}")
    if any(line["failures"] for line in record["lines"]):
        raise typer.Exit(1)


def _start(text: str) -> tuple[str, str]:
    """Parse `vgg16=FILE`, or `FILE` for any architecture."""
    name, equals, source = text.partition("=")
    return (name, source) if equals and "/" not in name else ("*", text)
