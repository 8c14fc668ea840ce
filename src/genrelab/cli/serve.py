"""`genrelab serve`: the page and the HTTP interface."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.options import JobsOption, LibraryOption, ModelOption
from genrelab.cli.progress import note, say
from genrelab.errors import UsageError
from genrelab.extras import need_extra

if TYPE_CHECKING:
    from genrelab.serve.settings import ServeSettings

_MOST_JOBS = 8  # the default limit: each job needs memory


def serve(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER...]", help="Folders whose files the page may name, play and tag."),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option("--root", metavar="FOLDER", help="The same as an argument. Repeatable."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address; any but the loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8765,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the token that the page and programs must give."),
    ] = None,
    allow_write: Annotated[
        bool, typer.Option("--allow-write", help="Let the page write tags, playlists and models.")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOSTNAME", help="A name of the server, as a reverse proxy has. Repeatable."),
    ] = None,
    max_upload: Annotated[int, typer.Option(metavar="MB", min=1, help="Largest upload, in megabytes.")] = 500,
    jobs: JobsOption = None,
    library: LibraryOption = None,
    model: ModelOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Recognize new and changed files in the folders by itself.")
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    selfcheck: Annotated[
        bool, typer.Option("--selfcheck", help="Check on a free port what the server promises, and exit.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print only errors to standard error, not every request.")
    ] = False,
) -> None:
    """Serve a web page and an HTTP interface to recognize, look through and tag music.

    Example: genrelab serve ~/Music --allow-write

    It answers this machine alone. For others: genrelab serve /music --host 0.0.0.0 --token-file FILE

    Exit code: 0 when it is ended by Ctrl-C or SIGTERM; 1 if it fails, or --selfcheck finds a fault; 2 for
    wrong use.
    """
    settings = _settings(
        roots=[*(folders or ()), *(root or ())],
        token_file=token_file,
        names=name or [],
        options={
            "library": library,
            "model": model,
            "allow_write": allow_write,
            "host": host,
            "port": port,
            "most_upload": max_upload * 1_000_000,
            "jobs": jobs or min(os.cpu_count() or 1, _MOST_JOBS),
            "watch": watch,
        },
    )
    if selfcheck:
        _selfcheck(settings)
        return
    _run(settings, open_page=open_page, quiet=quiet)


def _settings(
    *, roots: list[Path], token_file: Path | None, names: list[str], options: dict[str, object]
) -> ServeSettings:
    """Check the options and return the settings."""
    need_extra("serve", "serving", *_NEEDED)
    from genrelab.serve.settings import ServeSettings
    from genrelab.serve.start.token_file import read_token

    for folder in roots:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise UsageError(f"the folder {folder} {what}. Check the path.", code="root-missing")
    for each in names:
        if not each or any(character not in _NAME for character in each.lower()):
            message = f"--name {each!r} is no host name. Give it without http:// and port, such as music.home"
            raise UsageError(message, code="host-name")
    return ServeSettings(
        roots=tuple(Path(os.path.realpath(folder)) for folder in roots),
        token=None if token_file is None else read_token(token_file),
        names=tuple(names),
        **options,  # type: ignore[arg-type]
    )


_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_NEEDED = ("starlette", "uvicorn", "python_multipart", "websockets")


def _run(settings: ServeSettings, *, open_page: bool, quiet: bool) -> None:
    from genrelab.serve.guard.log import set_up_log
    from genrelab.serve.start.address import bind, url_of
    from genrelab.serve.start.run import Runner

    set_up_log(quiet=quiet)
    listener = bind(settings.host, settings.port, has_token=settings.token is not None)
    url = url_of(listener, settings.host)

    def ready() -> None:
        say(url)
        sys.stdout.flush()
        if not quiet:
            note(_summary(settings))
        if open_page:
            webbrowser.open(url)

    try:
        Runner(settings, listener, on_ready=ready).run_until_told()
    finally:
        listener.close()


def _summary(settings: ServeSettings) -> str:
    """Return a line about what requests may do."""
    folders = ", ".join(str(folder) for folder in settings.roots)
    paths = f"files in {folders}" if folders else "no files but uploads: no folder was given"
    writes = "tags and playlists may be written" if settings.allow_write else "nothing is written"
    who = "with the token" if settings.token else "from this machine"
    return f"note: requests {who} reach {paths}; {writes}; stop with Ctrl-C"


def _selfcheck(settings: ServeSettings) -> None:
    from genrelab.console import plain_table, write_console
    from genrelab.serve.guard.log import set_up_log
    from genrelab.serve.start.selfcheck import selfcheck

    set_up_log(quiet=True)
    found = list(selfcheck(settings))
    table = plain_table()
    for title in ("the server", "result", "detail"):
        table.add_column(title)
    words = {True: "yes", False: "NO", None: "-"}
    for each in found:
        table.add_row(each.promise, words[each.kept], each.detail)
    write_console(sys.stdout.buffer, table)
    if any(each.kept is False for each in found):
        raise typer.Exit(1)
