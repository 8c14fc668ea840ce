"""The command `genrelab`: its commands and their exit codes."""

from __future__ import annotations

import gc
import io
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import genrelab
from genrelab.cli import (
    bench,
    catalogue,
    compare,
    config,
    corpora,
    demo,
    evaluate,
    export,
    figures,
    finalize,
    fuse,
    library,
    listen,
    model,
    playlist,
    pretrain,
    recipes,
    recognize,
    reproduce,
    review,
    runs,
    search,
    serve,
    similar,
    tag,
    targets,
    teach,
    train,
    vocabulary,
    watch,
)
from genrelab.cli.devices import ARGUMENTS
from genrelab.cli.help_texts import arrange_help, help_order
from genrelab.cli.progress import note
from genrelab.cli.settings.config_file import CONFIG_VARIABLE, find_config
from genrelab.errors import GenrelabError, RecipeError, UsageError
from genrelab.extras import extra_of, missing_extra
from genrelab.printing import plain

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
_COLLECT_EVERY = 20_000
"""New objects between collections of garbage; with Python's 700, lists of a library took a sixth longer."""


_ASKS_FOR_HELP = "genrelab.asks_for_help"  # a faulty config file must not hide the help
_HELP = {"-h", "--help"}
_GLOBAL_OPTIONS = ("--config", "--no-config")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Escape typer's messages about wrong use, which quote the arguments."""
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # the class is not public in every version of typer
            message = plain(error.format_message())
            option = getattr(error, "option_name", None)
            if option in _GLOBAL_OPTIONS:
                message += f". It stands before the command: genrelab {option} ... COMMAND"
            setattr(error, "format_message", lambda: message)  # noqa: B010
        raise


class _Commands(TyperGroup):
    """The commands of genrelab, with escaped error messages."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Parse the options before the command."""
        given = list(options["args"] if "args" in options else args[1])  # what follows takes it apart
        with _plain_errors():
            context = super().make_context(*args, **options)
        context.meta[ARGUMENTS] = given
        return context

    def invoke(self, ctx: Any) -> Any:
        """Parse the options of the command and run it."""
        ctx.meta[_ASKS_FOR_HELP] = bool(_HELP.intersection(ctx.args))
        with _plain_errors():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order in which the help lists them."""
        return sorted(super().list_commands(ctx), key=help_order)


app = typer.Typer(
    name="genrelab",
    cls=_Commands,
    help="Recognize the genre of music; train and compare such recognizers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": sorted(_HELP)},
)

# A command: app.command("name")(module.function). A group: app.add_typer(module.app, name="name").
app.command("recognize")(recognize.recognize)
app.command("listen")(listen.listen)
app.command("tag")(tag.tag)
app.command("watch")(watch.watch)
app.command("serve")(serve.serve)
app.command("similar")(similar.similar)
app.command("playlist")(playlist.playlist)
app.command("teach")(teach.teach)
app.command("review")(review.review)
app.add_typer(library.app, name="library")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(model.app, name="model")
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(config.app, name="config")
app.command("demo")(demo.demo)
app.add_typer(recipes.app, name="recipes")
app.add_typer(corpora.app, name="corpora")
app.command("train")(train.train)
app.command("pretrain")(pretrain.pretrain)
app.command("targets")(targets.targets)
app.command("search")(search.search)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("fuse")(fuse.fuse)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(figures.app, name="figures")
app.add_typer(runs.app, name="runs")
app.add_typer(bench.app, name="bench")
app.command("finalize")(finalize.finalize)
app.command("export")(export.export)


arrange_help(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genrelab {genrelab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"The config file; default: ${CONFIG_VARIABLE}, or genrelab.toml in your config folder.",
        ),
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Use no config file.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find the config file, and let it give defaults to the options of the command."""
    context.obj = place = find_config(config, none=no_config)
    command = context.invoked_subcommand
    if place is None or command is None or context.meta.get(_ASKS_FOR_HELP):
        return
    from genrelab.cli.settings.settings import default_map, is_concerned, read_settings

    if is_concerned(context.command, command):
        context.default_map = default_map(read_settings(place, context), context.command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str or None
        The arguments after `genrelab`; None means those of this process.

    Returns
    -------
    int
        0: all done; 1: something failed and the rest was done, or the reader closed the output; 2: wrong use;
        130: interrupted. A `GenrelabError` is printed as one line on standard error.
    """
    try:
        try:
            _command()(None if arguments is None else list(arguments), prog_name="genrelab")
        finally:
            sys.stdout.flush()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else DONE if end.code is None else FAILED
        if code == INTERRUPTED:
            _complain("interrupted")
        return code
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return FAILED
    except OSError as error:  # such as a full disk: a traceback would not help
        _complain(str(error))
        return FAILED
    except (UsageError, RecipeError) as error:
        _complain(str(error))
        return WRONG_USE
    except GenrelabError as error:
        _complain(str(error))
        return FAILED
    except ModuleNotFoundError as error:
        extra = extra_of(error.name)
        if extra is None:
            raise
        _complain(str(missing_extra(extra, "this command", error.name or "a package")))
        return FAILED
    return DONE


@cache
def _command() -> Any:
    """Return the tree of commands; typer takes longer to build it than most commands take."""
    return typer.main.get_command(app)


def _complain(message: str) -> None:
    note(f"genrelab: {' '.join(message.split())}")


def _show_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback like Python, but escaped, because its messages may quote names."""
    lines = "".join(traceback.format_exception(kind, error, trace)).rstrip("\n").split("\n")
    for line in lines:
        note(line)


def _warning_text(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Format a warning of another library like Python, but escaped."""
    return f"{plain(f'{filename}:{lineno}: {category.__name__}: {message}')}\n"


def _open_closed() -> None:
    """Replace standard streams that are closed, which Python sets to None."""
    if sys.stdout is None:  # `>&-`: writing must fail, as on a full disk
        closed = io.FileIO(os.open(os.devnull, os.O_RDONLY), "w")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(closed), encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def run() -> None:
    """Run the command of this process and exit: the console script."""
    _open_closed()
    gc.freeze()  # what the imports made stays
    gc.set_threshold(_COLLECT_EVERY, *gc.get_threshold()[1:])
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            # Printing a file name that is not text must not fail, nor one that a code page of Windows lacks.
            encoding = "utf-8" if sys.platform == "win32" else None
            output.reconfigure(encoding=encoding, errors="backslashreplace")
    sys.excepthook = _show_defect
    warnings.formatwarning = _warning_text
    code = main()
    try:
        sys.stdout.flush()
    except OSError:
        # The reader is gone or the disk is full; Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
