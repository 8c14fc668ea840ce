"""`genrelab train`: one recipe, one corpus, one split, one seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name (see `genrelab recipes list`) or a YAML file.")
    ],
    corpus: Annotated[
        str,
        typer.Option(
            help="NAME:PATH, e.g. gtzan:/data/GTZAN; see `genrelab corpora list`. With a change in front, "
            "the sound is changed: mp3@bitrate=64:gtzan:/data/GTZAN."
        ),
    ],
    split: Annotated[
        str,
        typer.Option(help="published, random, artist (one artist, one side), kfold:0/10, artist-kfold:0/5."),
    ] = "artist",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Decides split, weights, order and augmentation.")
    ] = 0,
    exclude: Annotated[
        Path | None,
        typer.Option(help="A list of clips to leave out, e.g. exclude.txt of `genrelab corpora audit`."),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value: training.max_epochs=5. May be repeated."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Where the network starts: none (random), imagenet, or a .safetensors or .pt file. "
            "Short for --set training.weights=."
        ),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            help="An .npz file that the recipe distills, or none to train without. "
            "Short for --set distill.targets=."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto takes a GPU if there is one.")
    ] = "auto",
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away an earlier run in the same folder.")
    ] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print the result.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Train a recipe, test it, write its report and its model file.

    A run that was stopped goes on; a finished one is not run again unless --restart is given.
    """
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.exclusions import read_exclusions
    from genrelab.lab.corpora.splits.make_split import make_split
    from genrelab.lab.experiment.record import warnings_of
    from genrelab.lab.experiment.run import run_experiment
    from genrelab.lab.leakage.verdict import lines_of
    from genrelab.lab.metrics.summary import summary
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.runs.folders import MODEL, REPORT
    from genrelab.lab.training.distillation.unlabelled import leave_out_unlabelled

    start = [] if weights is None else [f"training.weights={json.dumps(weights)}"]
    taught = [] if targets is None else [f"distill.targets={json.dumps(targets)}"]
    chosen = load_recipe(recipe, changes=[*(set or []), *start, *taught])
    music = load_corpus(corpus)
    left_out = read_exclusions(exclude, music) if exclude else ()
    parts = make_split(music, split, seed=seed, exclude=left_out)
    music = leave_out_unlabelled(music, left_out)
    with counting() as report:
        run = run_experiment(
            chosen,
            music,
            parts,
            base=out,
            seed=seed,
            device=device,
            restart=restart,
            source=corpus,
            report=report,
        )
    for warning in warnings_of(run.metrics):
        note(f"note: {warning}")
    if format == "json":
        say_json({"run": str(run.folder), **run.metrics})
        return
    say_text(summary(run.metrics["evaluation"], run.recipe.voting))
    say(*lines_of(run.metrics))
    nothing = run.metrics.get("no_model_file")
    model = f"none: {nothing}" if nothing else run.folder / MODEL
    say(f"run     {run.folder}", f"report  {run.folder / REPORT}", f"model   {model}")
