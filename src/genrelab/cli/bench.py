"""`genrelab bench`: model files side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.progress import counting, note

app = typer.Typer(help="Measure model files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `model` a command of its own while it is the only one."""


@app.command("model")
def model(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Model files (.onnx).")],
    corpus: Annotated[str, typer.Option(help="NAME:PATH of labelled clips; see `genrelab corpora list`.")],
    map: Annotated[
        Path | None,
        typer.Option("--map", help="YAML: the corpus's genre to the model's genre, or to null."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Cores that the network may use.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals' resampling.")] = 0,
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print the result.")] = "table",
) -> None:
    """Print accuracy, calibration and speed of model files on all labelled clips of a corpus."""
    from rich.console import Console
    from rich.table import Table

    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.evaluation.bench import bench_model
    from genrelab.lab.evaluation.elsewhere import read_map
    from genrelab.lab.evaluation.intervals import percent

    collection = load_corpus(corpus)
    mapping = read_map(map) if map else None
    measured = []
    with counting() as report:
        for file in files:
            found, _ = bench_model(
                file, collection, mapping=mapping, threads=threads, seed=seed, report=report
            )
            measured.append(found)
    for each in measured:
        if each.learned:
            note(
                f"note: {each.path} learned from {', '.join(each.learned)}: its figures here are of clips "
                "that it may have heard, and say nothing of new music"
            )
    if format == "json":
        print(json.dumps([each.to_dict() for each in measured], indent=2, ensure_ascii=False))
        return
    table = Table(
        title=f"{collection.name}: {measured[0].scores.n} tracks of {measured[0].scores.groups} artists "
        "(or clips of unknown artist)"
    )
    table.add_column("model", overflow="fold")
    for heading in (
        "accuracy",
        "balanced accuracy",
        "top 2",
        "calibration error",
        "answers",
        "of these right",
        "x real time",
        "MB",
    ):
        table.add_column(heading, justify="right", overflow="fold")
    for each in measured:
        table.add_row(
            str(each.path),
            percent(each.scores.accuracy),
            percent(each.scores.balanced_accuracy),
            percent(each.scores.top2_accuracy),
            f"{each.calibration_error:.3f}",
            f"{100 * each.answered:.0f} %",
            "-" if not each.answered else f"{100 * each.precision:.0f} %",
            f"{each.times_real_time:,.0f}",
            f"{each.megabytes:.1f}",
        )
    Console().print(table)
    cores = "one core" if threads == 1 else f"{threads} cores"
    print(f"x real time: the network with its front-end on {cores}, without decoding; median over clips")
