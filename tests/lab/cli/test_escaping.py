"""Errors, warnings, bars and tables: what they print steers no terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from evil_names import EVIL, unprintable

from genrelab.console import PlainConsole
from genrelab.printing import plain


@pytest.mark.parametrize("arguments", [["recogn\x1b[31mize"], ["recognize", "--t\x1b[31mop=3"], ["--\x9b=1"]])
def test_wrong_use_as_a_process_on_a_terminal(arguments: list[str]) -> None:
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "genrelab", *arguments], capture_output=True, env=environment, timeout=60
    )
    assert done.returncode == 2
    assert not unprintable(done.stdout + done.stderr)
    assert b"\\x" in done.stderr


def test_defects_and_warnings_are_escaped_too() -> None:
    code = (
        "from genrelab.cli import main as cli; import sys, warnings\n"
        "def fail(): warnings.warn('w\\x1b[31m'); raise ValueError('defect\\x1b[31m')\n"
        "cli.main = fail; cli.run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert not unprintable(done.stdout + done.stderr)
    assert b"UserWarning: w\\x1b[31m" in done.stderr and b"ValueError: defect\\x1b[31m" in done.stderr


def test_the_bar_takes_no_markup_and_no_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    from genrelab.cli import progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with progress.counting() as report:
        report("[bold]x\x9b", 1, 3, detail=f"[red]y{EVIL}")
    shown = screen.getvalue()
    assert "[bold]x\\x9b" in shown and "[red]y" + plain(EVIL) in shown


def test_tables_take_names_as_they_are() -> None:
    from rich.table import Table

    out = io.StringIO()
    table = Table("[i]head\x1b", title=":smile: \x9b")
    table.add_row("[bold]cell\r\n")
    PlainConsole(file=out, width=60).print(table, "[red]line\x07")
    assert not unprintable(out.getvalue().encode())
    assert "[i]head\\x1b" in out.getvalue() and ":smile: \\x9b" in out.getvalue()
    assert "[bold]cell\\r\\n" in out.getvalue() and "[red]line\\x07" in out.getvalue()


@pytest.mark.parametrize("raised_by", ["make_context", "invoke"])
def test_typer_errors_of_every_version_are_escaped(raised_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older typers quote arguments as they were given."""
    import typer.core

    from genrelab.cli.main import _Commands

    class WrongUse(Exception):
        def format_message(self) -> str:
            return "No such option: --\x1b[31m"

    def fail(self: object, *_: object, **__: object) -> None:
        raise WrongUse

    monkeypatch.setattr(typer.core.TyperGroup, raised_by, fail)
    with pytest.raises(WrongUse) as raised:
        commands = _Commands(name="x")
        context = typer.Context(commands)
        getattr(commands, raised_by)(*([context] if raised_by == "invoke" else ["x", []]))
    assert raised.value.format_message() == "No such option: --\\x1b[31m"
