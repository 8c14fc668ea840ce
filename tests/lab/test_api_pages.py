"""docs/api against the code: every public name is on a page, and every docstring can be read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import griffe
import pytest
from doc_commands import ROOT

import genrelab
import genrelab.client
import genrelab.errors
import genrelab.lab
import genrelab.recognize
from genrelab.lab import registry
from genrelab.lab.teachers import TEACHERS

PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
SHOWN = [
    name for page in PAGES for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.M)
]
PUBLIC = [
    f"{module.__name__}.{name}"
    for module in (genrelab, genrelab.client, genrelab.lab, genrelab.recognize)
    for name in module.__all__
    if name != "__version__"
]


def found(path: str) -> Any:
    """Return the object with a dotted name."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def test_every_public_name_is_on_a_page() -> None:
    shown = {id(found(name)) for name in SHOWN}
    assert [name for name in PUBLIC if id(found(name)) not in shown] == []


def test_every_error_is_on_the_page() -> None:
    own = {
        f"genrelab.errors.{name}"
        for name, value in vars(genrelab.errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == "genrelab.errors"
    }
    assert own == {name for name in SHOWN if name.startswith("genrelab.errors.")}


def test_every_registry_of_parts_is_on_the_page() -> None:
    shown = [found(name) for name in SHOWN]
    named = [getattr(genrelab.lab, name) for name in genrelab.lab.__all__ if name.isupper()]
    assert all(isinstance(each, registry.Names) for each in named) and len(named) == 4
    assert {id(each) for each in (*named, TEACHERS)} <= {id(each) for each in shown}


def test_no_name_is_shown_twice() -> None:
    assert sorted(SHOWN) == sorted(set(SHOWN))


@pytest.fixture(scope="module")
def package() -> griffe.Object:
    """The whole package as the documentation reads it, without running it."""
    return griffe.load(
        "genrelab", search_paths=[ROOT / "src"], docstring_parser="numpy", resolve_aliases=True
    )


def members(shown: griffe.Object | griffe.Alias) -> Iterator[griffe.Object | griffe.Alias]:
    """Return an object and what the page shows of it."""
    yield shown
    if shown.is_class:
        yield from (each for each in shown.members.values() if each.is_public and not each.is_alias)


@pytest.mark.parametrize("name", SHOWN)
def test_a_docstring_is_read_without_a_warning(
    name: str, package: griffe.Object, caplog: pytest.LogCaptureFixture
) -> None:
    shown = package[name.removeprefix("genrelab.")]
    assert shown.docstring or shown.is_attribute, "no docstring"
    with caplog.at_level(logging.WARNING):
        for each in members(shown):
            if each.docstring:
                assert each.docstring.parse("numpy")
    assert caplog.messages == []
