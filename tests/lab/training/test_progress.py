"""What a training prints where there is no terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from genrelab import console
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.train import Trained


def test_lines_name_epoch_step_loss_and_the_time_left(
    run: Callable[..., Trained],
    tiny_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(console, "LOG_SECONDS", 0.0)
    run(tiny_recipe("training.max_epochs=2"), tmp_path / "run")
    lines = capsys.readouterr().err.splitlines()
    steps = [
        line
        for line in lines
        if re.fullmatch(r"epoch \d/2  step \d/6  loss \d\.\d{3}  0:\d\d:\d\d left", line)
    ]
    assert len(steps) == 12
    assert steps[-1].startswith("epoch 2/2  step 6/6") and steps[-1].endswith("0:00:00 left")
    assert any(re.fullmatch(r"epoch 1/2  valid: step \d/\d", line) for line in lines)


def test_half_a_minute_passes_between_two_lines() -> None:
    now = [0.0]
    pace = console.Pace(100, clock=lambda: now[0])
    found = []
    for now[0] in (10.0, 29.9, 30.0, 59.9, 60.0):
        found.append(pace.due())
    assert found == [False, False, True, False, True]
    assert pace.left(120, 180) == "0:03:00 left", "what was done before the start took no time"
    assert pace.left(100, 180) == ""
