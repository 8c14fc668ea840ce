"""`--help`: an example first, and commands in panels."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from doc_commands import read_by_the_program

from genrelab.cli.help_texts import PANELS
from genrelab.cli.main import app, main

EXAMPLE, WIDTH = "Example: ", 78


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name.strip(), command
        return
    for each, child in children.items():
        yield from leaves(child, f"{name} {each}")


PROGRAM: Any = typer.main.get_command(app)
COMMANDS = dict(leaves(PROGRAM))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_begins_with_an_example_that_parses(name: str) -> None:
    example, summary, *_ = COMMANDS[name].help.split("\n\n")
    assert example.startswith(f"{EXAMPLE}genrelab {name}") and len(example) <= WIDTH
    read_by_the_program(tuple(shlex.split(example.removeprefix(EXAMPLE))))
    assert COMMANDS[name].short_help == summary and not summary.startswith(EXAMPLE)


def test_the_example_is_on_its_own_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["tag", "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].startswith("Usage: ") and lines[1] == "Example: genrelab tag ~/Music --write"


def test_every_command_is_in_a_panel_and_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    placed = {name: panel for panel, names in PANELS.items() for name in names}
    assert {name: command.rich_help_panel for name, command in PROGRAM.commands.items()} == {
        name: placed[name] for name in PROGRAM.commands
    }
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    shown = [panel for panel, names in PANELS.items() if set(names) & set(PROGRAM.commands)]
    assert [printed.index(f" {panel} ") for panel in shown] == sorted(
        printed.index(f" {panel} ") for panel in shown
    )
    assert EXAMPLE not in printed
