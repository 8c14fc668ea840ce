"""`genrelab compare`: which recognizer is better, and whether that may be chance."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import note, say, say_json


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Finished run folders: of each system all folds and seeds."),
    ],
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print the result.")] = "table",
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    plugin: Plugins = None,
) -> None:
    """Compare finished runs over the clips that both were tested on, with a paired test.

    Runs of one recipe, corpus and kind of split are one system: the folds of a cross-validation are pooled,
    seeds are averaged. The same recipe under a random split and under a split by artist shows how much the
    random one flatters.
    """
    from genrelab.lab.runs.folders import Run
    from genrelab.lab.studies.compare import compare as compare_runs
    from genrelab.lab.studies.compare import effect

    result = compare_runs([Run.load(folder) for folder in runs], seed=seed)
    for system in result.systems:
        for warning in system.warnings:
            note(f"note: {system.name}: {warning}")
        verdict = system.verdict
        note("; ".join([f"verdict on {system.name}: {verdict.state}", *verdict.because()]))
    if format == "json":
        say_json(result.to_dict())
        return
    for pair in result.pairs:
        say(pair.sentence())
        balanced = pair.balanced_difference
        interval = f" ({100 * balanced.low:.1f} to {100 * balanced.high:.1f})"
        say(
            f"  balanced accuracy: {100 * balanced.value:+.1f} points"
            f"{'' if math.isnan(balanced.low) else interval}"
        )
        if pair.only_first is not None:
            g = pair.cohens_g
            size = "" if g is None else f"; Cohen's g {g:+.2f}, {effect(g)}"
            say(f"  right alone: {pair.first} {pair.only_first}, {pair.second} {pair.only_second}{size}")
