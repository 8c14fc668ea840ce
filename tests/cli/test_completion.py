"""Shell completion: bash runs the script, and the program answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import needs
import pytest

COMPLETE = """
source script.bash
words() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _genrelab_completion genrelab
    echo "${COMPREPLY[*]}" | tr '\\n' ' '; echo
}
words genrelab recog
words genrelab recognize --gue
words genrelab library pl
words genrelab recognize --format js
words genrelab --no-conf
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a program `genrelab`."""
    program = tmp_path / "bin" / "genrelab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m genrelab "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(place: Path, *words: str, **variables: str) -> str:
    environment = {
        **os.environ,
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "HOME": str(place),
        "XDG_CONFIG_HOME": str(place),
        **variables,
    }
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_bash(place: Path) -> None:
    bash = needs.program("bash")
    (place / "script.bash").write_text(run(place, "genrelab", _GENRELAB_COMPLETE="source_bash"))
    assert run(place, bash, "--norc", "-c", COMPLETE).split("\n")[:-1] == [
        "recognize ",
        "--guess ",
        "playlist ",
        "json jsonl ",
        "--no-config ",
    ]


def test_bash_installs_it_where_it_reads_it(place: Path) -> None:
    bash = needs.program("bash")
    run(place, bash, "--norc", "-c", "genrelab --install-completion; true")
    printed = run(place, bash, "--norc", "-c", "source ~/.bashrc; complete -p genrelab")
    assert "_genrelab_completion genrelab" in printed


def test_zsh_asks_in_its_own_way(place: Path) -> None:
    script = run(place, "genrelab", _GENRELAB_COMPLETE="source_zsh")
    assert "#compdef genrelab" in script and "complete_zsh" in script
    found = run(place, "genrelab", _GENRELAB_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="genrelab recog")
    assert found.startswith("_arguments ") and '"recognize":"Recognize the genre' in found
