"""`genrelab train`: train one recipe on one corpus with one split and one seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.devices import Devices, Nodes, prepare_torch, processes
from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text
from genrelab.cli.teachers import Teachers, TeacherTags, teacher_changes
from genrelab.errors import UsageError


def train(
    context: typer.Context,
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name (see `genrelab recipes list`) or a YAML file.")
    ],
    corpus: Annotated[
        str,
        typer.Option(
            help="NAME:PATH, such as gtzan:/data/GTZAN; see `genrelab corpora list`. A prefix changes the "
            "sound: mp3@bitrate=64:gtzan:/data/GTZAN."
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="published, random, artist (no artist in two parts), kfold:0/10, artist-kfold:0/5, "
            "artist-kfold:0+1/5 (tests folds 0 and 1), file:FOLDER (a list of `genrelab corpora export`)."
        ),
    ] = "artist",
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**32 - 1, help="Seed of split, initial weights, order and augmentation."),
    ] = 0,
    split_seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**32 - 1,
            help="Seed of the split alone; --seed by default. With it, several seeds can train on the same "
            "folds.",
        ),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            help="File that lists clips to leave out, e.g. exclude.txt of `genrelab corpora audit`."
        ),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a value of the recipe: training.max_epochs=5. Repeatable."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Initial weights: none (random), imagenet, or a .safetensors or .pt file. "
            "Short for --set training.weights=."
        ),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            help="An .npz file of targets to distill, or none to train without. "
            "Short for --set distill.targets=."
        ),
    ] = None,
    teacher: Teachers = None,
    teacher_tags: TeacherTags = None,
    out: Annotated[Path, typer.Option(help="Folder that gets the run folders.")] = Path("runs"),
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    devices: Devices = 1,
    nodes: Nodes = 1,
    restart: Annotated[
        bool, typer.Option("--restart", help="Delete an earlier run in the same folder and train again.")
    ] = False,
    more_epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Train the finished run for N more epochs, as a run of its own beside it; give the options "
            "of that run.",
            metavar="N",
        ),
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Train a recipe, test it, and write its report and its model file.

    Example: genrelab train soundfusion-1 --corpus folder:/music/by-genre

    On a corpus of pictures, a recipe that takes one spectrogram takes the pictures in its place:
    pictures:/data/gtzan-pictures.

    A stopped run resumes, also with another number of --devices. A finished run is not repeated without
    --restart; --more-epochs extends it.
    """
    if restart and more_epochs is not None:
        raise UsageError(
            "--restart deletes the run that --more-epochs extends; give one of them",
            code="restart-and-extend",
        )
    prepare_torch(devices, nodes)
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.exclusions import read_exclusions
    from genrelab.lab.corpora.splits.make_split import make_split
    from genrelab.lab.experiment.adapting import adapted
    from genrelab.lab.experiment.extend import extend_run, follow_extension
    from genrelab.lab.experiment.run import follow_run, run_experiment
    from genrelab.lab.findings.wording import published, verdict_lines, warnings
    from genrelab.lab.metrics.summary import summary, tags_summary
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.runs.folders import MODEL, REPORT
    from genrelab.lab.training.distillation.unlabelled import leave_out_unlabelled
    from genrelab.lab.training.experiment import Experiment

    changes = list(set or [])
    if weights is not None:
        changes.append(f"training.weights={json.dumps(weights)}")
    if targets is not None:
        changes.append(f"distill.targets={json.dumps(targets)}")
    changes += teacher_changes(teacher, teacher_tags)
    with processes(context, devices, nodes, device) as group, counting() as report:
        chosen = load_recipe(recipe, changes=changes)
        music = load_corpus(corpus)
        chosen = adapted(chosen, music)
        left_out = read_exclusions(exclude, music) if exclude else ()
        parts = make_split(music, split, seed=seed if split_seed is None else split_seed, exclude=left_out)
        music = leave_out_unlabelled(music, left_out)
        experiment = Experiment(chosen, music, parts, seed, report)
        if group is not None and not group.leads:
            if more_epochs is None:
                follow_run(experiment, base=out, device=device)
            else:
                follow_extension(experiment, more_epochs, base=out, device=device)
            return
        run = (
            run_experiment(experiment, base=out, device=device, restart=restart, source=corpus)
            if more_epochs is None
            else extend_run(experiment, more_epochs, base=out, device=device, source=corpus)
        )
    record = run.record
    for warning in warnings(record.doubts()):
        note(f"note: {warning}")
    if format == "json":
        say_json({"run": str(run.folder), **record.to_dict(), **published(record.verdict)})
        return
    say_text(summary(record.evaluation.model_dump(mode="json"), run.recipe.voting))
    say(*tags_summary(None if record.tags is None else record.tags.model_dump(mode="json")))
    say(*verdict_lines(record.verdict, record.findings))
    model = f"none: {record.no_model_file}" if record.no_model_file else run.folder / MODEL
    say(f"run     {run.folder}", f"report  {run.folder / REPORT}", f"model   {model}")
