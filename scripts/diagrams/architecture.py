"""The packages of genrelab and what may import what: from the contracts of import-linter and the imports."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from scripts.diagrams.drawing import ROOT, STYLE, Diagram

SOURCE = ROOT / "src" / "genrelab"
COMMANDS = "genrelab.cli"
ROW, GAP, MOST_IN_A_ROW = 30, 7, 4
LEFT, RIGHT, WIDTH = 20, 484, 396


def layers(wing: str) -> list[list[str]]:
    """Return the layers of a wing (`recognizer` or `laboratory`), from top to bottom, as lists of modules."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (found,) = (
        each for each in contracts["contracts"] if each["type"] == "layers" and wing in each["name"].lower()
    )
    return [[name.strip() for name in layer.split("|")] for layer in found["layers"]]


def rooms() -> set[str]:
    """Return the packages and modules directly below `genrelab` and `genrelab.lab`."""
    found = set()
    for folder, prefix in ((SOURCE, "genrelab"), (SOURCE / "lab", "genrelab.lab")):
        for path in folder.iterdir():
            if (path / "__init__.py").is_file() or (path.suffix == ".py" and not path.stem.startswith("__")):
                found.add(f"{prefix}.{path.stem}")
    return found - {"genrelab.lab"}


def used_by_the_laboratory() -> set[str]:
    """Return the rooms of the recognizer that the laboratory imports."""
    names = {name for path in (SOURCE / "lab").rglob("*.py") for name in _imports(path)}
    above = {".".join(name.split(".")[:2]) for name in names if name.startswith("genrelab.")}
    return above - {"genrelab.lab"}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def draw() -> str:
    """Return the picture."""
    shared = used_by_the_laboratory()
    wings = {
        wing: [layer for layer in layers(wing) if layer != [COMMANDS]]
        for wing in ("laboratory", "recognizer")
    }
    top = 128
    height = top + len(wings["laboratory"]) * (ROW + GAP) + 62
    diagram = Diagram(
        900,
        height,
        "Two stacks of packages below the command line. The laboratory trains and writes a model file; the "
        "recognizer reads it. In each stack, a package imports only what is below it.",
    )
    diagram.words("labelled music", LEFT + WIDTH / 2, 24, anchor="middle", kind="head")
    diagram.arrow((LEFT + WIDTH / 2, 32), (LEFT + WIDTH / 2, 50))
    diagram.words(
        "your files, folders, streams → genres", RIGHT + WIDTH / 2, 24, anchor="middle", kind="head"
    )
    diagram.arrow((RIGHT + WIDTH / 2, 32), (RIGHT + WIDTH / 2, 50))
    diagram.box("plain", LEFT, 50, RIGHT + WIDTH - LEFT, ROW + 4, "`cli")
    diagram.words("one thin file per command", 480, 72)
    ends: dict[str, float] = {}
    for wing, x, title in (
        ("laboratory", LEFT, "The laboratory: genrelab.lab, with PyTorch"),
        ("recognizer", RIGHT, "The recognizer: without PyTorch"),
    ):
        diagram.words(title, x, top - 16, kind="head")
        y = float(top)
        for layer in wings[wing]:
            y = _layer(diagram, layer, x, y, shared)
        ends[wing] = y
    _model_file(diagram, ends)
    return diagram.document(STYLE)


def _layer(diagram: Diagram, layer: list[str], x: float, y: float, shared: set[str]) -> float:
    """Draw the rooms of a layer side by side, and return where the next one begins."""
    for first in range(0, len(layer), MOST_IN_A_ROW):
        row = layer[first : first + MOST_IN_A_ROW]
        width = (WIDTH - GAP * (len(row) - 1)) / len(row)
        for number, name in enumerate(row):
            kind = "shared" if name in shared else "plain"
            diagram.box(kind, x + number * (width + GAP), y, width, ROW, f"`{name.split('.')[-1]}")
        y += ROW + GAP
    return y


def _model_file(diagram: Diagram, ends: dict[str, float]) -> None:
    """Draw the file that the laboratory writes and the recognizer reads, below the recognizer."""
    middle, top, below = RIGHT + WIDTH / 2, ends["recognizer"] + 34, ends["laboratory"]
    diagram.arrow((LEFT + WIDTH, top + 35), (RIGHT, top + 35))
    diagram.box("file", RIGHT, top, WIDTH, 70, "`model.onnx", "waveform in; genres, tags and embedding out")
    diagram.arrow((middle, top), (middle, ends["recognizer"]))
    diagram.words("writes", (LEFT + WIDTH + RIGHT) / 2, top + 28, anchor="middle")
    diagram.words("reads", middle + 10, top - 10)
    diagram.box("shared", LEFT, below + 16, 26, 20)
    diagram.words("used by both wings", LEFT + 36, below + 31)
    diagram.words("A package imports only what is below it in its stack.", RIGHT, below + 31)
