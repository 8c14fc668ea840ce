"""The recipe of genres and tags on a user's own music, without any teacher."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from published_fcn import write_published

from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.lab.recipes.tags import NO_MUSIC
from genrelab.lab.runs.folders import Run

RATE = 16_000
SMALL = [
    "--device=cpu", "--set=model.widths=[2, 2, 2, 2, 2]", "--set=training.max_epochs=1",
    "--set=training.view_segments=2", "--set=training.warmup_epochs=0",
    "--set=training.warmup_learning_rate=null", "--format=json",
]  # fmt: skip


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of two genres, and a table of the same files with moods; two have no genre."""
    base = tmp_path_factory.mktemp("music")
    rows = ["path,genre,artist,tags"]
    rng, time = np.random.default_rng(0), np.arange(6 * RATE) / RATE
    for number in range(14):
        genre = ("high", "low")[number % 2]
        wave = 0.3 * np.sin(2 * np.pi * (2000.0 if number % 2 else 150.0) * rng.uniform(0.9, 1.1) * time)
        file = base / "genres" / genre / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, wave + rng.normal(0, 0.02, len(time)), RATE)
        own = "" if number > 11 else genre
        rows.append(
            f"genres/{genre}/{number}.wav,{own},Singer {number},mood:{('calm', 'wild')[number % 4 // 2]}"
        )
    (base / "clips.csv").write_text("\n".join(rows), encoding="utf-8")
    return base


def train(corpus: str, out: Path, capsys: pytest.CaptureFixture[str], *more: str) -> Run:
    capsys.readouterr()
    command = [
        "train",
        "genres-and-tags",
        f"--corpus={corpus}",
        f"--out={out}",
        "--targets=none",
        *SMALL,
        *more,
    ]
    assert main(command) == 0
    return Run.load(Path(json.loads(capsys.readouterr().out)["run"]))


@pytest.mark.slow
def test_it_trains_on_a_folder(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train(f"folder:{music / 'genres'}", tmp_path, capsys, "--split=random")
    assert run.record.network_tags == (NO_MUSIC,) and "distilled" not in run.record.learned
    about = Bundle.load(run.folder / "model.onnx").metadata
    assert [f"{each.kind}:{each.name}" for each in about.tags] == [NO_MUSIC]
    assert about.no_music_above is not None


@pytest.mark.slow
def test_it_trains_on_a_table_with_tags(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(f"table:{music / 'clips.csv'}", tmp_path, capsys, "--set=tags.least_clips=4")
    assert run.record.network_tags == ("mood:calm", "mood:wild", NO_MUSIC)
    assert (
        run.record.learned["tags"]["taught"] == [] and sum(run.record.learned["tags"]["corpus"].values()) > 4
    )
    found = run.tag_predictions()
    assert found is not None and found.teacher is None and (found.truth[:, :2] >= 0).all()
    assert run.record.tags is not None and run.record.tags.tags["mood:calm"].measured == "labels"


def test_one_teacher_instead_of_two_is_told_what_to_do(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_published(tmp_path / "one.safetensors")
    command = [
        "train",
        "genres-and-tags",
        f"--corpus=folder:{music / 'genres'}",
        f"--out={tmp_path / 'runs'}",
    ]
    assert main([*command, f"--teacher={weights}", "--split=random", *SMALL]) == 2
    told = capsys.readouterr().err
    assert "style:acoustic" in told and "--teacher-tags" in told and "tags.taught=null" in told
    assert not (tmp_path / "runs").exists(), "before anything is touched"
