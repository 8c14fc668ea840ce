"""The shell steps of the workflows, and those that tests do not run."""

from __future__ import annotations

import tomllib
from typing import Any

import yaml
from clean_checkout import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ADDRESS = "https://github.com/someone/genrelab"
SKIPPED = {
    "Make the page": "it needs GitHub",
    "Run all checks": "the test that reads this is part of them",
    "Build the site": "tests/site builds it",
    "Install": "`make lowest` installs the same extra",
    "Test": "it is the test suite",
}
"""Steps that are not run here, and why."""

EXPRESSIONS = {
    "${{ github.ref_name }}": "v{version}",
    "${{ github.server_url }}/${{ github.repository }}": ADDRESS,
}
"""What GitHub would fill in, in the environment of steps."""


def steps(workflow: str, job: str) -> dict[str, dict[str, Any]]:
    """Return the shell steps of a job by name, in order."""
    (path,) = [each for each in WORKFLOWS if each.stem == workflow]
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {each["name"]: each for each in read["jobs"][job]["steps"] if "run" in each}


def version() -> str:
    """Return the version of the package."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
