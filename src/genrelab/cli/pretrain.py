"""`genrelab pretrain`: let a network learn from teachers on music without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.devices import Devices, Nodes, prepare_torch, processes
from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, say, say_json
from genrelab.cli.teachers import Teachers, TeacherTags, teacher_changes
from genrelab.system import join_words


def pretrain(
    context: typer.Context,
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name (see `genrelab recipes list`) or a YAML file.")
    ],
    corpus: Annotated[
        str, typer.Option(help="NAME:PATH; see `genrelab corpora list`. Its labels are not used.")
    ],
    to: Annotated[Path, typer.Option(help="Folder of the pretraining.")],
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of initial weights, order and augmentation.")
    ] = 0,
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
    teacher: Teachers = None,
    teacher_tags: TeacherTags = None,
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    devices: Devices = 1,
    nodes: Nodes = 1,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Train a network on the outputs of teachers, without labels, as the start of other trainings.

    Example: genrelab pretrain RECIPE --corpus table:a.csv --teacher T --to FOLDER

    A stopped pretraining resumes. `genrelab train RECIPE --weights FOLDER/best.safetensors` begins with its
    weights, and reports a leak if it tests on clips or artists of the pretraining.
    """
    prepare_torch(devices, nodes)
    from dataclasses import replace

    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.exclusions import read_exclusions
    from genrelab.lab.experiment.pretrain import follow_pretraining
    from genrelab.lab.experiment.pretrain import pretrain as run
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.training.checkpoints import BEST

    with processes(context, devices, nodes, device) as group, counting() as report:
        chosen = load_recipe(recipe, changes=[*(set or []), *teacher_changes(teacher, teacher_tags)])
        music = load_corpus(corpus)
        left_out = read_exclusions(exclude, music) if exclude else ()
        music = replace(music, clips=[clip for clip in music.clips if clip.id not in left_out])
        if group is not None and not group.leads:
            follow_pretraining(chosen, music, seed=seed, folder=to, device=device)
            return
        found = run(chosen, music, seed=seed, folder=to, device=device, report=report)
    if format == "json":
        say_json({"folder": str(found.folder), **found.record})
        return
    held = found.record["held_out"]
    shares = {name: share for name, share in held.items() if name not in ("clips", "views")}
    what = (
        "share of the variance of each array that the network explains:" if shares else "nothing is measured"
    )
    say(f"held out  {held['clips']} clips; {what}")
    for name, share in shares.items():
        say(f"  {name:<24} {100 * share:.1f} %")
    say("use       " + join_words(["genrelab", "train", recipe, "--weights", str(to / BEST)]))
