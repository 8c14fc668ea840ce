"""Running the scripts of experiments/."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXPERIMENTS = Path(__file__).resolve().parents[3] / "experiments"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a script in this process; return what its last line says."""

    def run(name: str, *arguments: object) -> dict[str, Any]:
        monkeypatch.syspath_prepend(EXPERIMENTS)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(str(EXPERIMENTS / name), run_name="__main__")
        out = capsys.readouterr().out
        assert "| --- |" in out, "no table"
        result: dict[str, Any] = json.loads(out.splitlines()[-1])
        return result

    return run
