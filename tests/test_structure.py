"""The shape of the source: small folders, small files, few parameters, and no logic on sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import genrelab

ROOT = Path(genrelab.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})

#: Folders that hold one file per command, resource, model, front-end, augmentation, musical style or table.
ALIKE = {"cli", "serve/routes", "lab/models", "lab/frontends", "lab/augment", "lab/corpora/synthetic/styles"}
MOST_FILES, MOST_LINES, LONGEST, MOST_PARAMETERS = 12, 2500, 400, 6
#: Constructors of these take the options of a recipe as keywords.
COMPONENTS = ("lab/frontends/", "lab/models/", "lab/augment/")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_no_folder_is_too_large(folder: Path) -> None:
    if name(folder) in ALIKE:
        return
    files = list(folder.glob("*.py"))
    assert len(files) <= MOST_FILES
    assert sum(map(lines, files)) <= MOST_LINES


def test_the_exceptions_exist() -> None:
    assert {name(folder) for folder in FOLDERS} >= ALIKE


def test_no_file_is_too_long() -> None:
    assert {name(path): lines(path) for path in FILES if lines(path) > LONGEST} == {}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    named = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([each for each in named if each not in ("self", "cls")])


def test_no_function_has_too_many_parameters() -> None:
    found = {
        f"{name(path)}:{function.name}": parameters(function)
        for path in FILES
        for function in functions(path)
        if parameters(function) > MOST_PARAMETERS
        and not name(path).startswith("cli/")
        and not (function.name == "__init__" and name(path).startswith(COMPONENTS))
    }
    assert found == {}


WORDING = {
    "sentence", "because", "warnings", "question", "answer", "checked", "not_checked", "verdict_lines",
    "network_state",
}  # fmt: skip
READING = {"startswith", "endswith", "find", "index", "count", "split", "partition", "removeprefix"}


def test_no_logic_reads_a_sentence_back() -> None:
    """What `wording` returns is shown; it is never compared, searched or taken apart."""
    found = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "genrelab.lab.findings.wording"
            for alias in node.names
        } & WORDING

        def words(node: ast.AST, imported: set[str] = imported) -> bool:
            return any(
                isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in imported
                for each in ast.walk(node)
            )

        for node in ast.walk(tree):
            compared = isinstance(node, ast.Compare) and words(node)
            taken_apart = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in READING
                and words(node.func.value)
            )
            if compared or taken_apart:
                found.append(f"{name(path)}:{node.lineno}")
    assert found == []


def test_a_home_folder_that_does_not_exist_raises_nothing() -> None:
    """`Path.expanduser` raises `RuntimeError` for `~nobody`; `genrelab.files.expand_home` does not."""
    found = [name(path) for path in FILES if ".expanduser(" in path.read_text(encoding="utf-8")]
    assert sorted(found) == ["cli/settings/settings.py", "files.py"]  # both call that of `os.path`
