"""No message has two marks where one belongs, whatever names it quotes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import genrelab
from genrelab.lab.findings import Finding, wording
from genrelab.lab.registry import closest

DOUBLED = re.compile(r"[.;:,?!] ?[.;:,]")
FILES = sorted(Path(genrelab.__file__).parent.rglob("*.py"))
#: What returns whole sentences, or hints that end in a mark.
SENTENCES = {"sentence", "closest", "decision", "_meant", "one_of"}


def calls(node: ast.AST) -> set[str]:
    return {
        each.func.id
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    }


def followed_by_a_mark(text: ast.JoinedStr) -> bool:
    for part, after in zip(text.values, text.values[1:], strict=False):
        whole = isinstance(part, ast.FormattedValue) and calls(part.value) & SENTENCES
        if whole and isinstance(after, ast.Constant) and str(after.value)[:1] in ".;:,":
            return True
    return False


def joined_by_a_mark(call: ast.Call) -> bool:
    """Whether sentences are joined by something that is no white space."""
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "join"
        and isinstance(function.value, ast.Constant)
        and bool(str(function.value.value).strip())
        and bool(calls(call) & {"because", "sentence", "warnings"})
    )


def faults(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (isinstance(node, ast.JoinedStr) and followed_by_a_mark(node)) or (
            isinstance(node, ast.Call) and joined_by_a_mark(node)
        ):
            yield f"{path}:{node.lineno}"


def test_no_sentence_is_followed_by_another_mark() -> None:
    assert [fault for path in FILES for fault in faults(path)] == []


@pytest.mark.parametrize(
    ("code", "faulty"),
    [
        ('f"{closest(a, b)}. More"', True),
        ('f"{closest(a, b)} More"', False),
        ('f"x {sentence(found)}; more"', True),
        ('"; ".join([state, *because(verdict)])', True),
        ('" ".join(because(verdict))', False),
    ],
)
def test_the_check_sees_what_it_is_for(code: str, faulty: bool, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(code)
    assert bool(list(faults(tmp_path / "code.py"))) is faulty


@pytest.mark.parametrize("kind", [*wording._SENTENCES])
def test_a_name_that_ends_in_a_full_stop_ends_the_sentence(kind: str) -> None:
    values = {"of": 20, "unknown": 3, "wanted": 0.8, "reached": 0.5, "least": 30, "from": 0.1, "to": 10}
    for examples in (("one", "R.E.M."), ("R.E.M.",)):
        found = Finding(kind=kind, parts=("train", "test"), count=2, examples=examples, values=values)
        assert not wording.sentence(found).endswith("..")
    found = Finding(kind=kind, parts=("train", "test"), count=2, examples=("one", "two"), values=values)
    assert not DOUBLED.search(wording.sentence(found)), wording.sentence(found)


def test_a_hint_and_a_sentence_after_it() -> None:
    for name in ("mell", "x"):
        assert not DOUBLED.search(closest(name, ["mel", "cqt"], then="`list` shows all"))
