"""The options of `genrelab tag` for `recognize` and `watch`, which also write tags."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from genrelab.cli.options import is_typed

if TYPE_CHECKING:
    from genrelab.library import TagPolicy

_Function = TypeVar("_Function", bound=Callable[..., None])

TAG_PANEL = "Write the tags"
"""Options of `recognize` that are passed to `tag`."""

#: Other options of `recognize` that are passed to `tag` too.
_SHARED = {
    "by", "exclude", "full", "guess", "jobs", "library", "model", "no_ignore", "quiet",
}  # fmt: skip
_FORMATS = ("table", "json", "csv")
CHECK_ONLY = "genrelab.tag.check_only"
"""Key in the `meta` of a context of `tag`: only check the options, and append the policy to this list."""

#: Parameters of `tag` that say which files, or are for a single run.
_OF_ONE_RUN = {"context", "dry_run", "force", "format", "no_recognize", "paths", "undo", "write"}


class Tagging:
    """The second step of `recognize --tag`.

    Its options are parsed and checked when it is made: an error is reported before files are recognized.

    Parameters
    ----------
    context : typer.Context
        Of the command that has options of `tag`.
    paths : list of Path
    format : str or None
        Of the records; None takes that of the command.
    """

    def __init__(self, context: typer.Context, paths: list[Path], format: str | None = None) -> None:
        self._root = context.find_root()
        program: Any = self._root.command
        self._command: Any = program.get_command(self._root, "tag")
        names = (os.fspath(path) for path in paths)
        self._arguments = [*_options(context), "--format", format or _format(context), "--", *names]
        with self.open():
            pass

    @contextmanager
    def open(self) -> Iterator[TagPolicy]:
        """Yield what the options say; the vocabulary that they name is in use inside the block."""
        with self._context() as checked:
            policies: list[TagPolicy] = []
            checked.meta[CHECK_ONLY] = policies
            try:
                self._command.invoke(checked)
            finally:
                del checked.meta[CHECK_ONLY]  # contexts of one program share it
            yield policies[0]

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
    _refuse_options(context)
    return None


@contextmanager
def tag_policy(context: typer.Context, folders: list[Path]) -> Iterator[TagPolicy | None]:
    """Yield what the options of a command with `takes_tag_options` say about tags; None without `--tag`.

    Raises
    ------
    UsageError
        If options of `tag` are given without `--tag`, exclude each other or cannot be used.
    """
    if context.params["tag"]:
        with Tagging(context, folders, format="table").open() as policy:
            yield policy
    else:
        _refuse_options(context)
        yield None


def takes_tag_options(function: _Function) -> _Function:
    """Add the options of `genrelab tag` to a command that takes `**options`, in a panel of their own.

    Those that the command has itself, and those about a single run, are left out. `tag_policy` reads them.
    """
    from genrelab.cli.tag import tag

    signature = inspect.signature(function, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    left_out = {each.name for each in own} | _OF_ONE_RUN
    added = [
        each.replace(annotation=_in_panel(each.annotation), kind=each.KEYWORD_ONLY)
        for each in inspect.signature(tag, eval_str=True).parameters.values()
        if each.name not in left_out
    ]
    function.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
    setattr(function, "__signature__", signature.replace(parameters=[*own, *added]))  # noqa: B010
    return function


def _in_panel(hint: Any) -> Any:
    """Return the type of an option with its place in the help changed."""
    (option,) = hint.__metadata__
    option = copy.copy(option)
    option.rich_help_panel = TAG_PANEL
    return Annotated[hint.__origin__, option]


def _refuse_options(context: typer.Context) -> None:
    from genrelab.errors import UsageError

    for parameter in _parameters(context):
        if is_typed(context, parameter.name):
            message = f"{parameter.opts[0]} is for tags. Add --tag, or omit it."
            raise UsageError(message, code="option-without-tag")


def _parameters(context: typer.Context) -> Iterator[Any]:
    """Yield the parameters of `recognize` that belong to `tag` alone."""
    for parameter in context.command.params:
        if getattr(parameter, "rich_help_panel", None) == TAG_PANEL and parameter.name != "tag":
            yield parameter


def _options(context: typer.Context) -> Iterator[str]:
    """Yield the options for `tag` that were typed; `tag` reads the config file itself."""
    shared = {each.name: each for each in context.command.params if each.name in _SHARED}
    own = {each.name: each for each in _parameters(context)}
    for parameter in (own | shared).values():
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
