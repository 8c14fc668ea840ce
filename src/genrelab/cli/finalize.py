"""`genrelab finalize`: from the folds of a cross-validation to the final model file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text


def finalize(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="The finished folds of a cross-validation.")
    ],
    corpus: Annotated[str, typer.Option(help="NAME:PATH of the corpus that the folds were trained on.")],
    to: Annotated[Path, typer.Option(help="The model file to write.")],
    precision: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Share of answers that must be right; sets the threshold of `unsure`."
        ),
    ] = 0.8,
    by_genre: Annotated[
        bool,
        typer.Option(
            "--threshold-by-genre/--one-threshold",
            help="Give genres whose answers are right too rarely thresholds of their own.",
        ),
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in half precision: half the size.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write the file even if the precision is not reached.")
    ] = False,
    exclude: Annotated[Path | None, typer.Option(help="The list of clips that the folds left out.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the training. Default: `final` beside the runs.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Train a recipe on all clips of its folds, calibrate it on their held-out clips, write the model file.

    Example: genrelab finalize RUN... --corpus table:clips.csv --to model.onnx

    The model file states the accuracy of the folds, because no held-out clips are left.
    """
    from genrelab.errors import UsageError
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.exclusions import read_exclusions
    from genrelab.lab.experiment.finalize import Final
    from genrelab.lab.experiment.finalize import finalize as make
    from genrelab.lab.findings import Finding
    from genrelab.lab.findings.wording import sentence
    from genrelab.lab.metrics.summary import summary
    from genrelab.lab.runs.folders import Run
    from genrelab.lab.training.distillation.unlabelled import leave_out_unlabelled

    if to.suffix != ".onnx":
        raise UsageError(f"{to}: the name of a model file must end in .onnx", code="model-file-suffix")
    folds = [Run.load(folder) for folder in runs]
    music = load_corpus(corpus)
    music = leave_out_unlabelled(music, read_exclusions(exclude, music) if exclude else ())
    folder = out or runs[0].parent / "final"
    with counting() as report:
        held, record = make(
            folds, music, Final(folder, to, precision, half, force, by_genre), device=device, report=report
        )
    broken = [Finding.model_validate(each) for each in record["result"]["findings"]]
    for finding in (*held.shortfalls, *broken):
        note(f"note: {sentence(finding)}")
    if format == "json":
        say_json({"folder": str(folder), "model": str(to), **record})
        return
    say_text(summary(record["evaluation"], "mean"))
    say(f"temperature {held.temperature:g}, calibration error {held.error:.3f} on held-out folds")
    right = "none" if math.isnan(held.precision) else f"{100 * held.precision:.0f} %"
    say(
        f"threshold {held.threshold.confidence:g}: answers {100 * held.answered:.0f} % of held-out clips, "
        f"{right} of them right; {100 * precision:.4g} % wanted, "
        f"{'reached' if held.threshold.reached else 'not reached'}"
    )
    for genre, own in held.by_genre.items():
        say(
            f"            {own.confidence:g} for {genre}: {100 * own.precision:.0f} % of {own.answers} "
            f"answers right, after {100 * own.precision_before:.0f} % of {own.answers_before}"
        )
    other, name = (held.common, "one threshold") if by_genre else (held.own, "thresholds by genre")
    right = "none" if math.isnan(other.precision) else f"{100 * other.precision:.0f} %"
    say(f"            with {name}: answers {100 * other.answered:.0f} %, {right} of them right")
    say(f"model       {to} ({to.stat().st_size / 1e6:.1f} MB)")
