"""What a test needs: skipped without it, failed where nothing may be lacking, and asked for in one way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import needs
import pytest

TESTS = Path(__file__).parent
pytest_plugins = ["pytester"]

NEEDY = """
import needs
import pytest

@pytest.mark.needs("mpv")
def test_marked(): ...

def test_asks():
    needs.program("sox")

def test_content(): ...
"""


@pytest.mark.parametrize("required", ["", "0", "1"])
def test_a_test_without_its_program_is_skipped_or_fails(
    required: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(needs.REQUIRE, required)
    monkeypatch.setenv("PATH", "")
    pytester.makeconftest((TESTS / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyprojecttoml(f"""[tool.pytest.ini_options]
pythonpath = ["{TESTS / "helpers"}"]
markers = ["needs(program, ...): "]""")
    pytester.makepyfile(NEEDY)
    done = pytester.runpytest_inprocess("-ra")
    lacking = "mpv is not installed (apt install mpv)"
    if required == "1":
        # A mark that fails does so before the test, which pytest calls an error.
        done.assert_outcomes(passed=1, failed=1, errors=1)
        done.stdout.fnmatch_lines([f"*{lacking}; {needs.REQUIRE} is set*"])
    else:
        done.assert_outcomes(passed=1, skipped=2)
        done.stdout.fnmatch_lines([f"SKIPPED*{lacking}*"])


def test_an_unlisted_program_is_refused() -> None:
    with pytest.raises(LookupError, match="add it there, so that CI installs it"):
        needs.program("no-such-program")


def test_the_file_prints_the_packages_that_are_lacking() -> None:
    command = [sys.executable, "-S", str(TESTS / "helpers" / "needs.py")]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(set(needs.PACKAGES.values()))
    here = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    absent = {package for name, package in needs.PACKAGES.items() if not needs.find(name)}
    assert set(here.stdout.split()) == absent


def test_every_test_asks_in_this_way() -> None:
    """A skip of its own would pass unseen where CI failed to install something."""
    own = re.compile(r"\bshutil\.which\(|\bimportorskip\(")
    files = [path for path in TESTS.rglob("*.py") if path not in (Path(needs.__file__), Path(__file__))]
    assert len(files) > 100
    found = [str(path.relative_to(TESTS)) for path in files if own.search(path.read_text(encoding="utf-8"))]
    assert not found, f"use tests/helpers/needs.py in {', '.join(found)}"
