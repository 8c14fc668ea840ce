"""`genrelab recipes`: list and show recipes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import say_json, say_text
from genrelab.printing import plain

app = typer.Typer(help="List and show the recipes that `genrelab train` takes.", no_args_is_help=True)


@app.command("list")
def list_recipes(
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """List all recipes: row in the paper, input, number of parameters, accuracy in the paper.

    Example: genrelab recipes list
    """
    import torch

    from genrelab.lab.models import build_network
    from genrelab.lab.recipes import load_recipe, recipe_names

    records: list[dict[str, Any]] = []
    for name in recipe_names():
        recipe = load_recipe(name)
        with torch.device("meta"):  # allocates no weights
            parameters = build_network(recipe, genres=8).parameter_count()
        records.append(
            {
                "name": name,
                "title": recipe.title,
                "paper": recipe.paper,
                "row": recipe.row,
                "inputs": list(recipe.inputs),
                "sample_rate": recipe.audio.sample_rate,
                "segment_seconds": recipe.audio.segment_seconds,
                "parameters": parameters,
                "published_parameters": recipe.parameters,
                "reported": [figure.model_dump() for figure in recipe.reported],
            }
        )
    if format == "json":
        say_json(records)
        return
    from rich.table import Table
    from rich.text import Text

    from genrelab.console import PlainConsole

    table = Table(box=None, pad_edge=False)
    for title in ("recipe", "in the paper", "input", "parameters", "paper: segment/track"):
        table.add_column(title, no_wrap=title == "recipe")
    for record in records:
        sound = f"{' + '.join(record['inputs'])}, {record['segment_seconds']:g} s"
        size = f"{record['parameters']:,}"
        if record["published_parameters"]:
            size += f" (paper: {record['published_parameters']})"
        place = record["row"] or record["title"]
        table.add_row(record["name"], place, sound, size, Text(_figures(record["reported"])))
    console = PlainConsole()
    console.width = max(console.width, 120)
    console.print(table)
    console.print(
        "Parameters are counted for 8 genres. `genrelab recipes show NAME` prints a recipe in full."
    )


def _figures(reported: list[dict[str, Any]]) -> str:
    """Return the accuracies of a paper as `corpus segment/track`, one line per corpus."""
    found = {(figure["corpus"], figure["metric"]): f"{figure['value']:.3f}" for figure in reported}
    lines = []
    for corpus in dict.fromkeys(figure["corpus"] for figure in reported):
        levels = (found.get((corpus, f"{level}_accuracy"), "-") for level in ("segment", "track"))
        others = ", ".join(
            f"{word} {found[corpus, metric]}"
            for metric, word in (("track_top2_accuracy", "top 2"), ("valid_accuracy", "validation"))
            if (corpus, metric) in found
        )
        lines.append(f"{corpus} {'/'.join(levels)}{f' ({others})' if others else ''}")
    return "\n".join(map(plain, lines))


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a YAML file.")],
    set: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: training.max_epochs=5. Repeatable.")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Print a recipe in full, with what it inherits and what --set changes.

    Example: genrelab recipes show soundfusion-1
    """
    from genrelab.lab.models import build_network
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.recipes.load import dump_recipe

    shown = load_recipe(recipe, changes=set or [])
    build_network(shown, genres=8)  # checks the options of its parts
    say_text(dump_recipe(shown))
