"""`genrelab watch`: recognize music as it arrives."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.albums import By, tag_reader
from genrelab.cli.library import open_library
from genrelab.cli.missing import MOST_JOBS, choose_jobs
from genrelab.cli.options import (
    ExcludeOption,
    JobsOption,
    LibraryOption,
    ModelOption,
    NoIgnoreOption,
    QuietOption,
)
from genrelab.cli.output.watch_lines import json_line, text_line
from genrelab.cli.progress import say
from genrelab.cli.tagging import TAG_PANEL, tag_policy, takes_tag_options
from genrelab.system import ending_signals

if TYPE_CHECKING:
    from genrelab.library import CachedRecognizer, Library, TagPolicy, TagRecord
    from genrelab.watch.calls.follow_up import Call
    from genrelab.watch.event import Event
    from genrelab.watch.settings import WatchSettings
    from genrelab.watch.work import WriteTags

_FOLLOW_PANEL = "Tell other programs"
_INTERRUPTED = 130


@takes_tag_options
def watch(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders to watch.")],
    poll: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            help="Look at all files this often, as network drives need.",
            show_default="60 on network drives, else notices of the system",
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, max=3600, help="How long a file must not have changed to be complete."
        ),
    ] = 5.0,
    no_initial_scan: Annotated[
        bool, typer.Option("--no-initial-scan", help="Pass over what is there at the start.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is left to do, instead of waiting for more.")
    ] = False,
    forget_missing: Annotated[
        bool, typer.Option("--forget-missing", help="Remove the results of deleted files from the library.")
    ] = False,
    model: ModelOption = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Process whole files. The default samples segments of long files."),
    ] = False,
    jobs: JobsOption = None,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    library: LibraryOption = None,
    format: Annotated[
        Literal["text", "jsonl"], typer.Option(help="Output format, one line per file.")
    ] = "text",
    quiet: QuietOption = False,
    then: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COMMAND",
            rich_help_panel=_FOLLOW_PANEL,
            help="Run this after files arrived, without a shell. With {path} or {genre}: once for each "
            "recognized file. Repeatable.",
        ),
    ] = None,
    then_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            rich_help_panel=_FOLLOW_PANEL,
            help="Call this after files arrived, such as the scan of a media server. Repeatable.",
        ),
    ] = None,
    then_method: Annotated[
        Literal["POST", "GET"],
        typer.Option(rich_help_panel=_FOLLOW_PANEL, help="How to call it; POST sends the files as JSON."),
    ] = "POST",
    then_header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEADER",
            rich_help_panel=_FOLLOW_PANEL,
            help="A header for --then-url, such as 'X-Key: 123', or @FILE with such lines. Repeatable.",
        ),
    ] = None,
    then_every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, rich_help_panel=_FOLLOW_PANEL, help="Least time between two batches."
        ),
    ] = 30.0,
    then_timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            max=3600,
            rich_help_panel=_FOLLOW_PANEL,
            help="Longest time of a call.",
        ),
    ] = 60.0,
    tag: Annotated[
        bool,
        typer.Option(
            "--tag",
            rich_help_panel=TAG_PANEL,
            help="Show what `genrelab tag` would write into new files; with --write, write it.",
        ),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", rich_help_panel=TAG_PANEL, help="Write into the files.")
    ] = False,
    **options: Any,
) -> None:
    """Watch folders: recognize new and changed music when it is complete, until stopped.

    Example: genrelab watch ~/Music --tag --write

    Files that were renamed or moved keep their results. What arrived while the watcher did not run is found
    at its start.

    A media server: genrelab watch /music --then-url "http://localhost:8096/Library/Refresh?api_key=KEY"

    Exit code: 0 when stopped by a service manager or, with --once, when all is done; 1 if it cannot go on or,
    with --once, something failed; 2 for wrong use; 130 after Ctrl-C.
    """
    from genrelab.bundle.find import find_model, is_model_named
    from genrelab.errors import UsageError
    from genrelab.library import CachedRecognizer
    from genrelab.recognize import Recognizer
    from genrelab.watch.calls.follow_up import FollowUp
    from genrelab.watch.folders import check_folders
    from genrelab.watch.owed import Owed, watching_alone
    from genrelab.watch.settings import WatchSettings
    from genrelab.watch.watcher import Watcher
    from genrelab.watch.work import Work

    if write and not tag:
        raise UsageError("--write is for tags. Add --tag, or omit it.", code="option-without-tag")
    found = check_folders(folders)
    printer = _Printer(format, quiet=quiet)
    calls = _calls(then, then_url, then_method, then_header, then_timeout)
    by: By | None = options["by"]
    with ExitStack() as stack:
        policy = stack.enter_context(tag_policy(context, folders))
        jobs, threads = choose_jobs(jobs, MOST_JOBS)
        recognizer = Recognizer.load(find_model(model), full=full, threads=threads)
        opened = stack.enter_context(open_library(library, must_write=True))
        place = stack.enter_context(watching_alone(opened.path, found))
        any_model = not (by or is_model_named(model))
        cached = CachedRecognizer(recognizer, opened, any_model=any_model)
        settings = WatchSettings(
            tuple(found),
            exclude=tuple(exclude or ()),
            ignore=not no_ignore,
            settle_seconds=settle,
            poll_seconds=poll,
            initial_scan=not no_initial_scan,
            forget_missing=forget_missing,
            together=bool(by),
            once=once,
        )
        writer = None
        if policy is not None:
            policy = replace(policy, model=None if any_model else cached.bundle.identity)
            writer = _writer(opened, cached, policy, settings, write=write, by=by)
        owed = Owed(place) if write else None
        work = Work(cached, jobs=jobs, any_model=any_model, write_tags=writer, owed=owed)
        follow_up = FollowUp(calls, then_every, printer.report)
        interrupted = stack.enter_context(_stopping(printer.stop))
        Watcher(settings, work, printer.report, follow_up=follow_up, stop=printer.stop).run()
    printer.check()
    if once and printer.failures:
        raise typer.Exit(1)
    if interrupted.is_set():
        raise typer.Exit(_INTERRUPTED)


class _Printer:
    """Prints events; several threads may report them.

    Parameters
    ----------
    format : {"text", "jsonl"}
    quiet : bool
        Whether to leave out, of the text, what is not about files and no problem.

    Attributes
    ----------
    stop : threading.Event
        Ends the watcher.
    failures : int
        How many events were about something that failed.
    """

    def __init__(self, format: str, *, quiet: bool) -> None:
        self.stop = threading.Event()
        self.failures = 0
        self._line = json_line if format == "jsonl" else text_line
        self._quiet = quiet and format == "text"
        self._lock = threading.Lock()
        self._error: OSError | None = None

    def report(self, event: Event) -> None:
        """Print an event; stop if the output cannot be written."""
        from genrelab.watch.event import OF_FILES

        failed = event.kind in ("failed", "problem") or (
            event.tags is not None and event.tags.status == "error"
        )
        with self._lock:
            self.failures += failed
            if self._quiet and event.kind not in (*OF_FILES, "problem", "folder-gone"):
                return
            try:
                say(self._line(event))
                sys.stdout.flush()
            except OSError as error:
                self._error = self._error or error
                self.stop.set()

    def check(self) -> None:
        """Raise what stopped the output."""
        if self._error is not None:
            raise self._error


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[threading.Event]:
    """Let SIGTERM and Ctrl-C set `stop`; yield an event that says whether it was Ctrl-C.

    A second signal ends the process as usual.
    """
    interrupted = threading.Event()
    former: dict[int, Any] = {}

    def end(number: int, _: object) -> None:
        if number == signal.SIGINT:
            interrupted.set()
        stop.set()
        for each, handler in former.items():
            signal.signal(each, handler)

    numbers = ending_signals()
    try:
        with suppress(ValueError):  # not in the main thread
            for number in numbers:
                former[number] = signal.signal(number, end)
        yield interrupted
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def _calls(
    then: list[str] | None, urls: list[str] | None, method: Any, headers: list[str] | None, timeout: float
) -> list[Call]:
    from genrelab.errors import UsageError
    from genrelab.watch.calls.follow_up import Command
    from genrelab.watch.calls.web_call import WebCall, parse_header

    if headers and not urls:
        message = "--then-header is for --then-url. Add the URL, or omit it."
        raise UsageError(message, code="then-header-without-url")
    lines = [line for text in headers or () for line in _header_lines(text)]
    given = dict(parse_header(line) for line in lines)
    calls: list[Call] = [Command(text, timeout=timeout) for text in then or ()]
    calls += [WebCall(url, method=method, headers=given, timeout=timeout) for url in urls or ()]
    return calls


def _header_lines(text: str) -> list[str]:
    """Return the headers of an option; those of a file do not show in the list of processes."""
    from genrelab.errors import UsageError

    if not text.startswith("@"):
        return [text]
    path = Path(text[1:])
    try:
        with path.open("rb") as file:
            content = file.read(2**16).decode("utf-8")
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "it is not text"
        message = f"--then-header {path} cannot be read: {what}. Check the path and its permissions."
        raise UsageError(message, code="then-header-file") from error
    return [line for line in content.splitlines() if line.strip()]


def _writer(
    library: Library,
    cached: CachedRecognizer,
    policy: TagPolicy,
    settings: WatchSettings,
    *,
    write: bool,
    by: By | None,
) -> WriteTags:
    """Return what tags recognized files."""
    from genrelab.library import Tagger
    from genrelab.library.tagging.album_answers import AlbumAnswers
    from genrelab.recognize.scan import scan_near

    tagger = Tagger(library)

    def act(paths: Sequence[Path]) -> Iterator[TagRecord]:
        albums = None
        if by is not None:
            folders = sorted({path.parent for path in paths})
            around = list(
                scan_near(settings.folders, folders, exclude=settings.exclude, ignore=settings.ignore)
            )
            read_tags = tag_reader(by, len(around), None)
            albums = AlbumAnswers(library, around, cached.bundle, full=policy.full, read_tags=read_tags)
        return tagger.tag(paths, policy, write=write, albums=albums)

    return act
