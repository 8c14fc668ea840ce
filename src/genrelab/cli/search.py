"""`genrelab search`: try values of a recipe, choose by validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text


def search(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe's name or a YAML file; left out if --plan or --grid recipe= names it."),
    ] = None,
    *,
    corpus: Annotated[
        str, typer.Option(help="NAME:PATH, e.g. gtzan:/data/GTZAN; see `genrelab corpora list`.")
    ],
    split: Annotated[
        str,
        typer.Option(help="As of `genrelab train`; one for all trials. Its validation part chooses."),
    ] = "artist",
    plan: Annotated[
        str | None,
        typer.Option(help="A search that comes with genrelab, e.g. soundfusion-masks, or a YAML file."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(help="key=value,value: try all combinations with those of the other --grid."),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(help="key=low..high, also with :log or :step=N, or key=value,value: draw from them."),
    ] = None,
    sampler: Annotated[
        Literal["tpe", "random"] | None, typer.Option(help="How to draw from a --space; tpe unless told.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="How many to draw from a --space; 20 unless told.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How often each trial is trained; its figure is the mean.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31, help="Decides the split, the draws, and the first training.")
    ] = 0,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value for all trials: training.max_epochs=5. May be repeated."),
    ] = None,
    monitor: Annotated[
        Literal["valid_accuracy", "valid_loss"] | None,
        typer.Option(help="By what the best is chosen; valid_accuracy unless told."),
    ] = None,
    test_figures: Annotated[
        bool,
        typer.Option("--test-figures", help="Show the test figures of all trials, not of the chosen alone."),
    ] = False,
    study: Annotated[
        str | None, typer.Option(help="Name of the folder in --out; the plan's or the recipe's unless told.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where searches are kept.")] = Path("searches"),
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto takes a GPU if there is one.")
    ] = "auto",
    retry: Annotated[bool, typer.Option("--retry", help="Train anew what failed.")] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print the result.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Train a recipe with different values and write out the best by validation.

    A search that was stopped goes on with the same command; started several times at once, the processes
    share the work. Exit code 1 if a trial failed.
    """
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.make_split import make_split
    from genrelab.lab.studies.search import Plan, load_plan, settle, typed
    from genrelab.lab.studies.search import search as work_through
    from genrelab.lab.studies.search.outputs import BEST, PAGE
    from genrelab.lab.studies.search.table import share, text, to_dict

    written = typed(
        load_plan(plan) if plan else Plan(),
        grid=grid or (),
        space=space or (),
        recipe=recipe,
        sampler=sampler,
        trials=trials,
        seeds=seeds,
        set=set,
        monitor=monitor,
        test_figures=test_figures or None,
        name=study,
    )
    music = load_corpus(corpus)
    searched = settle(written, genres=len(music.genres))
    parts = make_split(music, split, seed=seed)
    folder = out / searched.name
    with counting() as report:
        outcome = work_through(
            searched,
            music,
            parts,
            folder=folder,
            seed=seed,
            device=device,
            retry=retry,
            source=corpus,
            report=report,
            say=note,
        )
    best = outcome.best
    assert best is not None
    if format == "json":
        say_json({"study": str(folder), **to_dict(outcome)})
    else:
        say_text(text(outcome))
        tests = ", ".join(f"{level}s {share(best.test(level))}" for level in ("segment", "track"))
        say("", f"chosen  trial {best.number}: {searched.words(best.values)}; on the test part: {tests}")
        say(f"recipe  {folder / BEST}", f"page    {folder / PAGE}")
    if outcome.failed:
        raise typer.Exit(1)
