"""`genrelab figures`: draw the figures and tables of the papers, from recipes, songs and runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import note, say, say_json

if TYPE_CHECKING:
    from genrelab.lab.studies.figures.material import Material
    from genrelab.lab.studies.figures.pages import Drawn

app = typer.Typer(
    help="Draw the figures and tables of the papers: one page, and each picture as SVG and PNG.",
    no_args_is_help=True,
)

SongsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--song",
        metavar="FILE",
        help="A song to draw; default: a composed piece, as from `genrelab demo --compose`. Repeatable.",
    ),
]
StartOption = Annotated[
    float, typer.Option(min=0.0, metavar="SECONDS", help="Where the drawn part of a song begins.")
]
RunsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        metavar="FOLDER",
        help="A run folder, a folder of runs, or a folder of `genrelab reproduce`. Repeatable.",
    ),
]
OutOption = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the page and the pictures.")]
NumbersArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="N", help="Such as 2b or table-3; default: all that can be drawn."),
]
SongArgument = Annotated[
    Path | None, typer.Argument(metavar="[SONG]", help="A sound file; default: a composed piece.")
]
RecipeArgument = Annotated[str, typer.Argument(help="Name of a recipe, or a YAML file.")]
ChangesOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change a value: inputs.picture.colours=gray. Repeatable.")
]


@app.command("list")
def list_figures(
    paper: Annotated[str | None, typer.Argument(help="Short name of a paper; default: all.")] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """List the figures and tables of the papers, what each is drawn from, and its command.

    Example: genrelab figures list mfcc-cqt
    """
    from genrelab.lab.studies.figures import catalogue

    chosen = {paper: catalogue.paper(paper)} if paper else catalogue.papers()
    if format == "json":
        say_json(
            [
                {"paper": name, "number": number, "command": catalogue.command(name, number)}
                | entry.model_dump(mode="json")
                for name, each in chosen.items()
                for number, entry in each.drawn.items()
            ]
        )
        return
    for name, each in chosen.items():
        say(f"{name}: {each.title}")
        for number, entry in each.drawn.items():
            say(f"  {number:8} {entry.caption}")
            say(f"           {catalogue.command(name, number)}")


def _paper(name: str, description: str) -> Callable[..., None]:
    """Make the command that draws the figures of a paper."""

    def draw(
        numbers: NumbersArgument = None,
        songs: SongsOption = None,
        start: StartOption = 0.0,
        runs: RunsOption = None,
        out: OutOption = Path("figures"),
        plugin: Plugins = None,
    ) -> None:
        from genrelab.lab.studies.figures.material import Material
        from genrelab.lab.studies.figures.papers import draw_paper

        material = Material.given(songs=songs or (), start=start, runs=runs or ())
        drawn, left_out = draw_paper(name, numbers or (), material)
        _write(drawn, name, out)
        for reason in left_out:
            note(f"note: {reason}")

    draw.__doc__ = f"{description}\n\nWithout a number, figures that need runs or tables are left out."
    return draw


PAPERS = {
    "soundfusion": """Draw the figures 1, 2 and the tables 1, 2 of paper `soundfusion`.

    Example: genrelab figures soundfusion 2 --run runs""",
    "fds": """Draw the figures 1, 2a, 2b of paper `fds`.

    Example: genrelab figures fds 1 --song song.mp3""",
    "ms-sincresnet": """Draw the figures 1 to 5 and the tables 1 to 3 of paper `ms-sincresnet`.

    Example: genrelab figures ms-sincresnet 4 --song song.mp3""",
    "mel-augmentation": """Draw the figures 1 to 9 and the tables 1 to 5 of paper `mel-augmentation`.

    Example: genrelab figures mel-augmentation 8 --song song.mp3""",
    "mfcc-cqt": """Draw the figures 1 to 19 and the table 1 of paper `mfcc-cqt`.

    Example: genrelab figures mfcc-cqt 9 10 --song song.mp3""",
}
for _name, _description in PAPERS.items():
    app.command(_name)(_paper(_name, _description))


@app.command("input")
def draw_input(
    recipe: RecipeArgument,
    song: SongArgument = None,
    start: StartOption = 0.0,
    set: ChangesOption = None,
    out: OutOption = Path("figures"),
    plugin: Plugins = None,
) -> None:
    """Draw what the network of a recipe gets from a song.

    Example: genrelab figures input mel-augmentation/cnn song.mp3
    """
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.studies.figures.inputs import input_plates

    loaded = load_recipe(recipe, changes=set or [])
    _write(input_plates(loaded, _material(song, start)), f"input-{loaded.name}", out)


@app.command("augment")
def draw_augmentations(
    recipe: RecipeArgument,
    song: SongArgument = None,
    start: StartOption = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of the random changes.")] = 0,
    set: ChangesOption = None,
    out: OutOption = Path("figures"),
    plugin: Plugins = None,
) -> None:
    """Draw a song under each augmentation of a recipe, as its network gets it.

    Example: genrelab figures augment mel-augmentation/cnn song.mp3
    """
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.studies.figures.augmentations import augmentation_plates

    loaded = load_recipe(recipe, changes=set or [])
    drawn = augmentation_plates(loaded, _material(song, start), seed=seed)
    _write(drawn, f"augment-{loaded.name}", out)


@app.command("network")
def draw_network(
    recipe: RecipeArgument,
    genres: Annotated[
        int | None, typer.Option(min=2, max=10_000, help="Number of genres; default: the paper's.")
    ] = None,
    set: ChangesOption = None,
    out: OutOption = Path("figures"),
    plugin: Plugins = None,
) -> None:
    """Draw the network of a recipe: its layers, their output shapes and weights.

    Example: genrelab figures network soundfusion-1
    """
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.studies.figures.architecture import network_plates

    loaded = load_recipe(recipe, changes=set or [])
    _write(network_plates(loaded, genres=genres), f"network-{loaded.name}", out)


@app.command("losses")
def draw_losses(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders of runs.")],
    out: OutOption = Path("figures"),
) -> None:
    """Draw the losses and accuracies of several runs by epoch, each run a curve.

    Example: genrelab figures losses runs/mel-augmentation-cnn runs/fds-cnn-5s
    """
    from genrelab.lab.studies.figures.curves import loss_plates
    from genrelab.lab.studies.figures.material import Material

    _write(loss_plates(Material.given(runs=runs)), "losses", out)


def _material(song: Path | None, start: float) -> Material:
    from genrelab.lab.studies.figures.material import Material

    return Material.given(songs=() if song is None else (song,), start=start)


def _write(drawn: Drawn, name: str, out: Path) -> None:
    from genrelab.lab.studies.figures.pages import write_figures

    page, pictures = write_figures(drawn, name.replace("/", "-"), out)
    for path in pictures:
        say(str(path))
    say(f"page    {page}")
