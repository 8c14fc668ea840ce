"""The documentation site, built once."""

from __future__ import annotations

from pathlib import Path

import built_site
import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    made = built_site.copy(tmp_path_factory.mktemp("docs"))
    done = built_site.build(made)
    assert done.returncode == 0, done.stdout
    return (made / "site").resolve()
