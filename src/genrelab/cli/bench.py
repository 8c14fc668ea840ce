"""`genrelab bench`: compare model files on one corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json

if TYPE_CHECKING:
    from genrelab.lab.metrics.bootstrap import Estimate
    from genrelab.lab.studies.model_files import Measured

app = typer.Typer(help="Measure model files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `model` a command of its own while it is the only one."""


@app.command("model")
def model(
    corpus: Annotated[str, typer.Option(help="NAME:PATH of labelled clips; see `genrelab corpora list`.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...", help="Model files (.onnx). Default: the model that `recognize` uses."
        ),
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option(
            "--map", help="YAML file that maps genres of the corpus to those of the model, or to null."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Cores that the network may use.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    with_learned: Annotated[
        bool, typer.Option("--with-learned", help="Include clips that a model was trained on.")
    ] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Print accuracy, calibration and speed of model files on the labelled clips of a corpus.

    Example: genrelab bench model A.onnx B.onnx --corpus gtzan:/data/GTZAN

    Clips that a model was trained on are left out; they are recognized by their sound.
    """
    from rich.table import Table

    from genrelab.bundle.find import find_model
    from genrelab.console import PlainConsole
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.studies.cross_corpus import read_map
    from genrelab.lab.studies.model_files import Options, bench_model

    collection = load_corpus(corpus)
    mapping = read_map(map) if map else None
    measured = []
    with counting() as report:
        for file in files or [find_model()]:
            found, _ = bench_model(
                file,
                collection,
                mapping,
                options=Options(threads, seed, with_learned),
                report=report,
            )
            measured.append(found)
    for each in measured:
        for text in _warnings(each):
            note(f"note: {text}")
    if format == "json":
        say_json([each.to_dict() for each in measured])
        return
    table = Table("", title=collection.name)
    for each in measured:
        table.add_column(str(each.path), justify="right", overflow="fold")
    for heading, cell in _ROWS.items():
        table.add_row(heading, *(cell(each) for each in measured))
    PlainConsole().print(table)
    cores = "one core" if threads == 1 else f"{threads} cores"
    say("artists: each clip of an unknown artist counts as one")
    say(f"x real time: network and front-end on {cores}, without decoding; median over clips")


_ROWS: dict[str, Callable[[Measured], str]] = {
    "tracks": lambda each: str(each.scores.n),
    "artists": lambda each: str(each.scores.groups),
    "accuracy": lambda each: _percent(each.scores.accuracy),
    "balanced accuracy": lambda each: _percent(each.scores.balanced_accuracy),
    "top 2": lambda each: _percent(each.scores.top2_accuracy),
    "calibration error": lambda each: f"{each.calibration_error:.3f}",
    "answered": lambda each: f"{100 * each.answered:.0f} %",
    "accuracy if answered": lambda each: f"{100 * each.precision:.0f} %" if each.answered else "-",
    "x real time": lambda each: f"{each.times_real_time:,.0f}",
    "MB": lambda each: f"{each.megabytes:.1f}",
}


def _percent(estimate: Estimate) -> str:
    from genrelab.lab.metrics.bootstrap import percent

    return percent(estimate)


def _warnings(measured: Measured) -> Iterator[str]:
    if measured.left_out:
        yield f"{measured.left_out} clips are left out: {measured.path} was trained on them"
    if measured.learned:
        yield (
            f"{measured.path} was trained on {measured.learned} of these {measured.scores.n} clips: their "
            "accuracy overstates that on new music"
        )
    if measured.namesakes:
        yield (
            f"{measured.path} was trained on {', '.join(measured.namesakes)}: these clips may be among its "
            "training clips, and its accuracy on new music may be lower"
        )
