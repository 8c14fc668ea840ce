"""`genrelab compare`: which system is more accurate, and whether the difference may be chance."""

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
        typer.Argument(metavar="RUN...", help="Finished run folders: all folds and seeds of each system."),
    ],
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    plugin: Plugins = None,
) -> None:
    """Compare finished runs on the clips that both were tested on, with a paired test.

    Example: genrelab compare runs/A/gtzan/* runs/B/gtzan/*

    Runs with the same recipe, corpus and kind of split form one system: its folds are pooled and its seeds
    averaged. Compare a recipe with itself under a random split and a split by artist to see by how much the
    random split overstates accuracy.
    """
    from genrelab.lab.findings.wording import because
    from genrelab.lab.runs.folders import Run
    from genrelab.lab.studies.compare import compare as compare_runs
    from genrelab.lab.studies.compare import effect

    result = compare_runs([Run.load(folder) for folder in runs], seed=seed)
    for system in result.systems:
        for warning in system.warnings:
            note(f"note: {system.name}: {warning}")
        verdict = system.verdict
        note(" ".join([f"verdict on {system.name}: {verdict.state}.", *because(verdict)]))
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
        say(*(f"  {ranking.text()}" for ranking in pair.rankings))
        if pair.only_first is not None:
            g = pair.cohens_g
            size = "" if g is None else f"; Cohen's g {g:+.2f}, {effect(g)}"
            say(f"  right alone: {pair.first} {pair.only_first}, {pair.second} {pair.only_second}{size}")
