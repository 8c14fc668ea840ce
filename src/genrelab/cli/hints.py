"""A hint at the end of a run: which options help with what is unsure."""

from __future__ import annotations

import typer

from genrelab.cli.progress import note

#: What an option or command does about unsure files; those that a command lacks or that are set are omitted.
_OPTIONS = {
    "guess": "--guess gives their best genre",
    "full": "--full processes whole files",
    "by": "--by album decides for whole albums",
}
_COMMANDS = {"teach": "`genrelab teach` learns your own genres"}


def hint_of_unsure(context: typer.Context, unsure: int, *, without: frozenset[str] = frozenset()) -> None:
    """Print one line about unsure files, if there are any, and the options that help.

    Parameters
    ----------
    context : typer.Context
        Of the command; it says which options exist and which are set.
    unsure : int
        How many files or albums have no genre because their confidence is too low.
    without : set of str
        Names of options that would not help.
    """
    remedies = [
        text
        for name, text in _OPTIONS.items()
        if name in context.params and not context.params[name] and name not in without
    ]
    root = context.find_root()
    commands = getattr(root.command, "commands", {})
    remedies += [text for name, text in _COMMANDS.items() if name in commands]
    if unsure and remedies:
        note(f"hint: {unsure} {'is' if unsure == 1 else 'are'} unsure: {', '.join(remedies)}")
