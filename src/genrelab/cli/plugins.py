"""The option `--plugin` of the laboratory's commands: files of your own that they load first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _load(files: list[Path] | None) -> list[Path] | None:
    if files:
        from genrelab.lab.plugins import load_plugin

        for file in files:
            load_plugin(file)
    return files


Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE.py",
        callback=_load,
        help="A Python file that registers models, front-ends, augmentations or corpora. Repeatable.",
    ),
]
