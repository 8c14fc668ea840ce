"""The examples in docstrings, by module."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import genrelab

SOURCE = Path(genrelab.__file__).parent


def modules(*, laboratory: bool) -> list[str]:
    """Return the modules of a wing whose source has an example."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        if (parts[1] == "lab") == laboratory and ">>> " in path.read_text(encoding="utf-8"):
            found.append(".".join(part for part in parts if part != "__init__"))
    return found


def run(name: str) -> doctest.TestResults:
    """Run the examples of a module; those marked `# doctest: +SKIP` need files or minutes."""
    return doctest.testmod(import_module(name))
