"""The benchmark of large libraries runs, and its bars count."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    spec = spec_from_file_location("scale", BENCHMARKS / "scale.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "scale", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("command", "rows", "processor", "memory", "missed"),
    [
        ("list", 10**6, 30.0, 200.0, ()),
        ("list", 10**6, 40.0, 200.0, ("under 30,000 rows/s",)),
        ("list", 10**5, 40.0, 301.0, ("memory over 300 MiB",)),
        ("similar", 10**6, 1.6, 200.0, ("over 1.5 s",)),
        ("similar, first", 10**6, 100.0, 200.0, ()),
        ("map", 10**6, 900.0, 3000.0, ()),
        ("map", 10**6, 1000.0, 3100.0, ("memory over 3,072 MiB", "over 960 s")),
    ],
)
def test_bars(
    scale: Any, command: str, rows: int, processor: float, memory: float, missed: tuple[str, ...]
) -> None:
    assert scale.judged(command, rows, processor, 1.0, memory).missed == missed


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "scale.py", "--quick", "--folder", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *table, line = done.stdout.splitlines()
    figures = json.loads(line)
    assert [row["command"] for row in figures["rows"]] == [
        *("upgrade", "recognize", "list", "similar, first", "similar", "map", "show", "tags", "check")
    ]
    assert len(table) == 11 and figures["missed"] == []
    assert list(tmp_path.iterdir()) == []
