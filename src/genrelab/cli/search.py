"""`genrelab search`: try values of a recipe and choose the best on validation clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.options import RayAddressOption, TrainingEngineOption
from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text


def search(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Name of a recipe, or a YAML file. Omit it if --plan or --grid recipe= names it."
        ),
    ] = None,
    *,
    corpus: Annotated[
        str, typer.Option(help="NAME:PATH, such as gtzan:/data/GTZAN; see `genrelab corpora list`.")
    ],
    split: Annotated[
        str,
        typer.Option(help="As for `genrelab train`. All trials share it; its validation part chooses."),
    ] = "artist",
    plan: Annotated[
        str | None,
        typer.Option(help="Name of a plan that comes with genrelab, e.g. soundfusion-masks, or a YAML file."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(help="key=value,value: try every combination with the other --grid options."),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(help="key=low..high (with :log or :step=N), or key=value,value: sample values."),
    ] = None,
    sampler: Annotated[
        Literal["tpe", "random"] | None, typer.Option(help="How to sample a --space. Default: tpe.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Number of trials of a --space. Default: 20.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Trainings per trial; their mean is compared.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31, help="Seed of the split, the sampler and the first training.")
    ] = 0,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value in all trials: training.max_epochs=5. Repeatable."),
    ] = None,
    monitor: Annotated[
        Literal["valid_accuracy", "valid_loss"] | None,
        typer.Option(help="Figure that chooses the best trial. Default: valid_accuracy."),
    ] = None,
    test_figures: Annotated[
        bool,
        typer.Option(
            "--test-figures", help="Show the test accuracy of all trials, not only of the chosen one."
        ),
    ] = False,
    study: Annotated[
        str | None, typer.Option(help="Name of the folder in --out. Default: that of the plan or recipe.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder that gets the searches.")] = Path("searches"),
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    engine: TrainingEngineOption = "local",
    ray_address: RayAddressOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Parallel trainings. Default: 1; with --engine ray, the GPUs or machines of the cluster.",
        ),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Train failed trials again.")] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Train a recipe with different values and write the best one, chosen on validation clips.

    Example: genrelab search RECIPE --corpus folder:music --grid model.width=8,16

    Give the same command again to resume a stopped search. Start it several times to share the work between
    processes. The exit code is 1 if a trial failed.
    """
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.make_split import make_split
    from genrelab.lab.studies.search import Options, Plan, load_plan, settle, typed
    from genrelab.lab.studies.search import search as run_search
    from genrelab.lab.studies.search.outputs import BEST, PAGE
    from genrelab.lab.studies.search.table import share, text, to_dict
    from genrelab.lab.studies.workers import Launcher

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
    loaded = load_corpus(corpus)
    searched = settle(written, genres=len(loaded.genres))
    parts = make_split(loaded, split, seed=seed)
    folder = out / searched.name
    with counting() as report:
        launcher = Launcher(engine, jobs, ray_address)
        how = Options(device, retry, source=corpus, report=report, say=note, launcher=launcher)
        result = run_search(searched, loaded, parts, folder=folder, seed=seed, options=how)
    best = result.best
    assert best is not None
    if format == "json":
        say_json({"study": str(folder), **to_dict(result)})
    else:
        say_text(text(result))
        tests = ", ".join(f"{level}s {share(best.test(level))}" for level in ("segment", "track"))
        say("", f"chosen  trial {best.number}: {searched.words(best.values)}; on the test part: {tests}")
        say(f"recipe  {folder / BEST}", f"page    {folder / PAGE}")
    if result.failed:
        raise typer.Exit(1)
