"""Run `genrelab tag` after `genrelab recognize`, with the options that were given to the latter."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from genrelab.cli.options import is_typed

TAG_PANEL = "Write the tags"
"""Options of `recognize` that are passed to `tag`."""

#: Other options of `recognize` that are passed to `tag` too.
_SHARED = {
    "by", "exclude", "full", "guess", "jobs", "library", "model", "no_ignore", "quiet",
}  # fmt: skip
_FORMATS = ("table", "json", "csv")
CHECK_ONLY = "genrelab.tag.check_only"
"""Key in the `meta` of a context of `tag`: check the options, and do nothing."""


class Tagging:
    """The second step of `recognize --tag`.

    Its options are parsed and checked when it is made: an error is reported before files are recognized.

    Parameters
    ----------
    context : typer.Context
        Of `recognize`.
    paths : list of Path
    """

    def __init__(self, context: typer.Context, paths: list[Path]) -> None:
        self._root = context.find_root()
        program: Any = self._root.command
        self._command: Any = program.get_command(self._root, "tag")
        names = (os.fspath(path) for path in paths)
        self._arguments = [*_options(context), "--format", _format(context), "--", *names]
        with self._context() as checked:
            checked.meta[CHECK_ONLY] = True
            try:
                self._command.invoke(checked)
            finally:
                del checked.meta[CHECK_ONLY]  # contexts of one program share it

    def check_lists(self, lists: Iterable[Path]) -> None:
        """Raise if playlists or CUE sheets were named: tags are not written into what they list."""
        from genrelab.errors import UsageError

        for path in lists:
            raise UsageError(
                f"{path} is a list of files. Tags are written only to files that you name: name those, or "
                "omit --tag.",
                code="tag-list",
            )

    def run(self) -> list[str]:
        """Tag the files; return what failed, in words."""
        with self._context() as context:
            try:
                self._command.invoke(context)
            except typer.Exit as end:
                return ["tagging"] if end.exit_code else []
        return []

    def _context(self) -> Any:
        return self._command.make_context("tag", [*self._arguments], parent=self._root)


def prepare_tag(context: typer.Context, paths: list[Path]) -> Tagging | None:
    """Return the second step of `recognize --tag`; None without `--tag`.

    Raises
    ------
    UsageError
        If options of `tag` are given without `--tag`, exclude each other or cannot be used.
    """
    from genrelab.errors import UsageError

    if context.params["tag"]:
        if context.params["no_library"]:
            message = "--tag writes what the library contains. Omit --no-library."
            raise UsageError(message, code="tag-without-library")
        return Tagging(context, paths)
    for parameter in _parameters(context):
        if is_typed(context, parameter.name):
            message = f"{parameter.opts[0]} is for tags. Add --tag, or omit it."
            raise UsageError(message, code="option-without-tag")
    return None


def _parameters(context: typer.Context) -> Iterator[Any]:
    """Yield the parameters of `recognize` that belong to `tag` alone."""
    for parameter in context.command.params:
        if getattr(parameter, "rich_help_panel", None) == TAG_PANEL and parameter.name != "tag":
            yield parameter


def _options(context: typer.Context) -> Iterator[str]:
    """Yield the options for `tag` that were typed; `tag` reads the config file itself."""
    shared = (each for each in context.command.params if each.name in _SHARED)
    for parameter in (*_parameters(context), *shared):
        if not is_typed(context, parameter.name or ""):
            continue
        option, value = parameter.opts[0], context.params[parameter.name or ""]
        for each in value if isinstance(value, list | tuple) else [value]:
            yield option
            if not isinstance(each, bool):
                yield os.fspath(each) if isinstance(each, os.PathLike) else str(each)


def _format(context: typer.Context) -> str:
    """Return the format of the records of tagging; those of `recognize` go to `--out` if it is given."""
    from genrelab.errors import UsageError

    format: str = context.params["format"]
    if format in _FORMATS:
        return format
    if context.params["out"] is None:
        message = f"--tag has no format {format}. Choose one of {', '.join(_FORMATS)}, or add --out FILE."
        raise UsageError(message, code="tag-format")
    return "table"
