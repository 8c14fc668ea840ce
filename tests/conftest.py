"""What all tests share: the folder of real clips, when there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from hypothesis import settings
from longest_first import seconds

settings.register_profile("genrelab", deadline=None)  # how fast a machine is decides no test
settings.load_profile("genrelab")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the programs that a test is marked to need."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            needs.program(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests: at the end, no process is alone with one of them while others idle."""

    items.sort(key=seconds, reverse=True)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real clips (the one that holds clips.csv); the test is skipped without it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GENRELAB_DATA", beside))
    if not (folder / "clips.csv").is_file():
        pytest.skip("no real clips: set GENRELAB_DATA to the folder that holds clips.csv")
    return folder


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """What drives chromium: a process can have one of it only."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the stores and the library that tests make out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENRELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GENRELAB_LIBRARY", str(tmp_path_factory.mktemp("library") / "library.db"))
        yield
