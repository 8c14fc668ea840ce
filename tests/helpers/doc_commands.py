"""The commands, options and examples that stand in the pages of documentation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from genrelab.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
CHANGES = ROOT / "docs" / "changelog.md"  # `make docs` makes it; it speaks of commands as they were
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {CHANGES})]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_INLINE = re.compile(r"`(genrelab [^`]+)`")
_END = {"|", ">", "&&", ";"}


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it, in words; from a block to copy, or in running text."""

    page: Path
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {shlex.join(self.words)}"


def blocks(page: Path, language: str = "") -> list[str]:
    """Return what stands in the fenced blocks of a language."""
    return [text for name, text in _FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def shown(page: Path, program: str = "genrelab") -> list[Shown]:
    """Return the commands of a program, those in blocks first, without pipes, redirections and comments."""
    found = []
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(rf"(\$ )?(.*\| )?\s*{program} ", line):
                words = shlex.split(line[line.index(f"{program} ") :], comments=True)
                found.append(Shown(page, tuple(_until_end(words)), True))
    if program == "genrelab":
        running = _FENCE.sub("", page.read_text(encoding="utf-8"))
        found += [Shown(page, tuple(shlex.split(text)), False) for text in _INLINE.findall(running)]
    return found


def _until_end(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in _END:
            return
        yield word


@cache
def _program() -> Any:
    return typer.main.get_command(app)


def read_by_the_program(words: tuple[str, ...]) -> None:
    """Let the command line's own parser read a command, without running it; it raises what it would print.

    Variables of a shell, as in `--seed $seed`, count as 0.
    """
    rest = [re.sub(r"\$\w+|\$\{\w+\}", "0", word) for word in words[1:]]
    command, context, name = _program(), None, words[0]
    while True:
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "commands"):
            return
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


def files_of(page: Path) -> set[str]:
    """Return the names of the files that a page shows in full; each begins with its name as a comment."""
    return set(re.findall(r"^```\w+\n# (\S+\.\w+)\n", page.read_text(encoding="utf-8"), re.M))


def options_of_the_program() -> set[str]:
    """Return every option of every command."""

    def walk(command: object) -> Iterator[str]:
        for parameter in getattr(command, "params", ()):
            yield from (*parameter.opts, *parameter.secondary_opts)
        for child in getattr(command, "commands", {}).values():
            yield from walk(child)

    return set(walk(_program()))
