from __future__ import annotations

import subprocess
import sys

import pytest

import genrelab
from genrelab.cli.main import main

HEAVY = {"torch", "onnxruntime", "numpy", "soundfile", "av", "pyarrow", "pandas", "genrelab.lab", "pydantic"}


def _loaded(code: str) -> set[str]:
    """Return the modules that a fresh Python has loaded after running the code."""
    code += "\nimport sys; sys.stdout.flush(); print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    assert not _loaded("import genrelab") & (HEAVY | {"typer", "rich"})


def test_help_loads_nothing_heavy() -> None:
    loaded = _loaded("from genrelab.cli.main import main; assert main(['--help']) == 0")
    assert "genrelab.cli.recognize" in loaded
    assert not loaded & HEAVY


def test_the_recognizer_does_without_torch() -> None:
    loaded = _loaded("import genrelab.recognize, genrelab.recognize.writers.formats, genrelab.bundle.bundle")
    assert not loaded & {"torch", "onnxruntime", "genrelab.lab", "pyarrow"}


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"genrelab {genrelab.__version__}\n"


@pytest.mark.parametrize("command", [[], ["recognize"]])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["sing"], ["--loud"]])
def test_wrong_use(arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_as_a_process() -> None:
    done = subprocess.run([sys.executable, "-m", "genrelab", "--version"], capture_output=True, check=True)
    assert done.stdout.decode() == f"genrelab {genrelab.__version__}\n"
