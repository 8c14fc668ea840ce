"""The script about the edges of segments: a teacher explains itself, and less of it from shorter pieces."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from published_fcn import CHANNELS, write_published

from genrelab.lab.teachers import load_teacher

EXPERIMENTS = Path(__file__).resolve().parents[3] / "experiments"


def test_shorter_pieces_explain_less(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for genre, smooth in (("bright", 1), ("dark", 8)):
        (tmp_path / "music" / genre).mkdir(parents=True)
        for number in range(6):
            noise = np.convolve(rng.normal(size=22 * 16_000), np.ones(smooth) / smooth, mode="same")
            soundfile.write(tmp_path / "music" / genre / f"{number}.wav", 0.1 * noise, 16_000)
    teacher = write_published(tmp_path / "teacher.safetensors")
    result = run("segment_edges.py", teacher, "--corpus", f"folder:{tmp_path / 'music'}")
    assert result["clips"] == 12
    whole, half, quarter = result["rows"]
    assert (whole["seconds"], whole["explained"], whole["explained_averages"]) == (
        20.48,
        [1.0] * 4,
        [1.0] * 4,
    )
    assert quarter["seconds"] == 5.12
    for layer in range(4):
        assert quarter["explained"][layer] < half["explained"][layer] < 1.0
    assert half["explained"][3] < half["explained"][0]  # the higher, the more of it is near an edge
    assert whole["balanced_accuracy"] == 1.0


def test_layers_are_those_of_the_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXPERIMENTS)
    script = runpy.run_path(str(EXPERIMENTS / "segment_edges.py"))
    teacher = load_teacher(write_published(tmp_path / "teacher.safetensors"))
    sound = 0.2 * torch.randn(2, 327_680, generator=torch.Generator().manual_seed(0))
    found = torch.cat([each.mean(dim=(2, 3)) for each in script["layers"](teacher, sound, 1)], dim=1)
    torch.testing.assert_close(found, teacher(sound)["multi"][:, : sum(CHANNELS[:4])], atol=1e-5, rtol=1e-4)
