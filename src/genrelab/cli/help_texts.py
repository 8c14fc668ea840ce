"""Help texts: the example comes first, and the list of commands is divided into panels."""

from __future__ import annotations

import inspect

import typer

_EXAMPLE = "Example: "
"""Begins the paragraph of a command's docstring that shows how to use it."""

PANELS = {
    "Recognize and tag": ("recognize", "tag", "watch", "serve", "listen"),
    "Library": ("library", "similar", "playlist", "catalogue"),
    "Your own genres": ("teach", "review", "vocabulary"),
    "Models and settings": ("model", "config"),
    "Laboratory": (
        "demo", "recipes", "corpora", "train", "pretrain", "targets", "search", "evaluate", "compare",
        "fuse", "reproduce", "figures", "runs", "bench", "finalize", "export",
    ),
}  # fmt: skip
"""Title of each panel of `genrelab --help` -> its commands."""


_ORDER = {name: place for place, name in enumerate(name for names in PANELS.values() for name in names)}


def help_order(name: str) -> int:
    """Return the place of a command in the list of commands."""
    return _ORDER.get(name, len(_ORDER))


def arrange_help(program: typer.Typer) -> None:
    """Set the panel of each command and its help text, from its docstring.

    The width of the terminal, not that of the source, breaks the lines. The paragraph with the example comes
    first in the command's own help; lists of commands show the first paragraph of the docstring.
    """
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    for command in program.registered_commands:
        if command.name in panels:
            command.rich_help_panel = panels[command.name]
    for group in program.registered_groups:
        if group.name in panels:
            group.rich_help_panel = panels[group.name]
    _arrange_texts(program)


def _arrange_texts(program: typer.Typer) -> None:
    for command in program.registered_commands:
        text = inspect.getdoc(command.callback) or ""
        paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
        command.short_help = paragraphs[0]
        paragraphs.sort(key=lambda paragraph: not paragraph.startswith(_EXAMPLE))
        command.help = "\n\n".join(paragraphs)
    for group in program.registered_groups:
        if group.typer_instance:
            _arrange_texts(group.typer_instance)
