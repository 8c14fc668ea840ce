"""`genrelab config`: the config file, and where each value comes from."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Literal

import typer

from genrelab.cli.progress import note, say, say_json
from genrelab.cli.settings.config_file import ConfigPlace

app = typer.Typer(help="Show the config file and where values come from.", no_args_is_help=True)


@app.command("show")
def show(
    context: typer.Context,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """List all settings with their values and where each comes from.

    Example: genrelab config show --format json

    An option of a command precedes the environment, which precedes the config file.
    """
    from genrelab.cli.output.listing import write_table
    from genrelab.cli.settings.keys import KEYS
    from genrelab.cli.settings.settings import read_settings, targets_of

    root = context.find_root()
    place: ConfigPlace | None = root.obj
    found = {} if place is None else read_settings(place, root)
    rows = []
    for key in KEYS:
        targets = targets_of(key, root.command)
        if not targets:
            continue
        value, source, origin = _value_of(key, found, place, targets[0].parameter)
        if key.kind == "file" and key.name != "library" and source != "default" and not os.path.exists(value):
            note(f"note: {key.name} ({origin}) does not exist: {value}")
        rows.append(
            {
                "key": key.name,
                "value": value,
                "source": source,
                "origin": origin,
                "commands": [target.command for target in targets],
            }
        )
    if format == "json":
        path = None if place is None else os.fspath(place.path)
        say_json({"config": path, "exists": place is not None and place.path.exists(), "settings": rows})
        return
    cells = [[row["key"], _text(row["value"]), row["origin"]] for row in rows]
    write_table(["key", "value", "from"], cells, sys.stdout.buffer)


def _value_of(
    key: Any, found: dict[str, Any], place: ConfigPlace | None, parameter: Any
) -> tuple[Any, str, str]:
    """Return the value of a key, the kind of its source, and the source in words."""
    from genrelab.cli.settings.settings import is_set_outside

    if is_set_outside(key):
        return os.environ[key.variable], "environment", f"environment variable {key.variable}"
    if key.name in found and place is not None:
        return found[key.name], "config", os.path.abspath(place.path)
    return _default(key.name, parameter), "default", "default"


def _default(name: str, parameter: Any) -> Any:
    """Return the value that a command uses if nothing else is given; None if it depends on more."""
    if name == "model":
        from genrelab.bundle.find import PACKAGED_MODEL

        return os.fspath(PACKAGED_MODEL) if PACKAGED_MODEL.is_file() else None
    if name == "library":
        from genrelab.library.store.database import default_path

        return os.fspath(default_path())
    return parameter.default


def _text(value: Any) -> str:
    """Return a value as it is written in a config file; `-` if there is none."""
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@app.command("path")
def path(context: typer.Context) -> None:
    """Print the path of the config file that is used, or would be if it existed.

    Example: genrelab config path
    """
    place: ConfigPlace | None = context.find_root().obj
    if place is None:
        note("note: --no-config uses no config file")
        raise typer.Exit(1)
    say(os.fspath(place.path))
    if not place.path.exists():
        note("note: it does not exist")
