"""Codes of errors: short, in kebab case, each raised by one class."""

from __future__ import annotations

import ast
import pickle
import re
from collections import defaultdict
from pathlib import Path

import pytest
from raising import raises

import genrelab
from genrelab import errors
from genrelab.errors import AudioError, GenrelabError, UsageError

SOURCES = sorted(Path(genrelab.__file__).parent.rglob("*.py"))
FAMILY = [
    each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, GenrelabError)
]


def raised() -> dict[str, set[str]]:
    """Return code -> the classes that are called with it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            for keyword in node.keywords:
                if keyword.arg == "code" and node.func.id.endswith("Error"):
                    assert isinstance(keyword.value, ast.Constant), f"{path}:{node.lineno}: not a literal"
                    found[keyword.value.value].add(node.func.id)
    return found


def test_codes_are_kebab_case_and_belong_to_one_class() -> None:
    found = raised()
    assert [code for code in found if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []
    assert {code: classes for code, classes in found.items() if len(classes) > 1} == {}


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [each.code for each in FAMILY]
    assert len(set(codes)) == len(codes)
    assert set(codes).isdisjoint(raised())


@pytest.mark.parametrize("kind", FAMILY)
def test_code_of_the_class_unless_given(kind: type[GenrelabError]) -> None:
    assert kind("why").code == kind.code
    error = pickle.loads(pickle.dumps(kind("why", code="other")))
    assert (str(error), error.code) == ("why", "other")


def test_raises_tells_codes_and_quoted_values_apart() -> None:
    with raises("usage", "a.mp3", 3):
        raise UsageError("a.mp3 has 3")
    with pytest.raises(AssertionError, match="audio"), raises("usage"):
        raise AudioError("why")
    with pytest.raises(AssertionError, match=r"b\.mp3"), raises("usage", "b.mp3"):
        raise UsageError("a.mp3")
