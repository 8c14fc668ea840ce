"""`genrelab recipes`: list and show recipes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import say, say_json, say_text
from genrelab.printing import plain

if TYPE_CHECKING:
    from genrelab.lab.models import GenreNetwork
    from genrelab.lab.recipes import Recipe

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
    from genrelab.lab.models.layer_table import own_statistics
    from genrelab.lab.recipes import load_recipe, recipe_names
    from genrelab.lab.recipes.paper_genres import paper_genres

    records: list[dict[str, Any]] = []
    for name in recipe_names():
        recipe = load_recipe(name)
        with torch.device("meta"):  # allocates no weights
            network = build_network(recipe, genres=paper_genres(recipe))
        records.append(
            {
                "name": name,
                "title": recipe.title,
                "paper": recipe.paper,
                "row": recipe.row,
                "inputs": list(recipe.inputs),
                "sample_rate": recipe.audio.sample_rate,
                "segment_seconds": recipe.audio.segment_seconds,
                "genres": paper_genres(recipe),
                "parameters": network.parameter_count(),
                "statistics": own_statistics(network, deep=True),
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
        size = _size(record["parameters"], record["statistics"], record["published_parameters"])
        place = record["row"] or record["title"]
        table.add_row(record["name"], place, sound, size, Text(_figures(record["reported"])))
    console = PlainConsole()
    console.width = max(console.width, 120)
    console.print(table)
    console.print(
        "Parameters are counted for the number of genres in the paper. `genrelab recipes show NAME` prints a "
        "recipe in full, with --layers the layers of its network."
    )


def _size(weights: int, statistics: int, published: str | None) -> str:
    """Return the number of weights beside the paper's; it may count the statistics of batch norms too."""
    if published is None:
        return f"{weights:,}"
    digits = re.findall(r"\d+", published.replace(",", ""))
    if str(weights) in digits:
        return f"{weights:,} (paper: the same)"
    if str(weights + statistics) in digits:
        return f"{weights + statistics:,} with statistics of batch norms (paper: {published})"
    return f"{weights:,} (paper: {published})"


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
    layers: Annotated[
        bool, typer.Option("--layers", help="Print the layers of its network instead: shapes and weights.")
    ] = False,
    genres: Annotated[
        int | None, typer.Option(min=2, max=10_000, help="With --layers; default: as in the paper.")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Print a recipe in full, with what it inherits and what --set changes.

    Example: genrelab recipes show soundfusion-1
    """
    from genrelab.errors import UsageError
    from genrelab.lab.models import build_network
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.recipes.load import dump_recipe
    from genrelab.lab.recipes.paper_genres import paper_genres

    if genres is not None and not layers:
        raise UsageError("--genres sets the genres of a network; give --layers too", code="genres-of-recipe")
    shown = load_recipe(recipe, changes=set or [])
    network = build_network(shown, genres=genres or paper_genres(shown))  # checks the options of its parts
    if layers:
        _print_layers(network, shown)
    else:
        say_text(dump_recipe(shown))


def _print_layers(network: GenreNetwork, recipe: Recipe) -> None:
    from rich.table import Table

    from genrelab.console import PlainConsole
    from genrelab.lab.models import layer_table

    table = Table(box=None, pad_edge=False)
    for title in ("layer", "kind", "sizes", "output", "weights"):
        table.add_column(title, justify="right" if title == "weights" else "left", no_wrap=title == "output")
    for row in layer_table.layers(network, recipe.audio):
        shape = layer_table.shape_text(row.shape)
        table.add_row(row.name, row.kind, row.detail, shape, f"{row.weights:,}" if row.weights else "0")
    console = PlainConsole()
    console.width = max(console.width, 100)
    console.print(table)
    statistics = layer_table.own_statistics(network, deep=True)
    kept = f"; batch norms keep {statistics:,} statistics besides" if statistics else ""
    say(f"{network.parameter_count():,} weights{kept}")
