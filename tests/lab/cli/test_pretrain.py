"""`genrelab pretrain` on music without labels with a teacher, and trainings that begin with its weights."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from published_fcn import TAGS, published, write_published
from safetensors.torch import load_file

from genrelab.cli.main import main
from genrelab.lab.training.checkpoints import read_history

RATE = 8000
GENRES = ("high", "low", "middle")
SEED = 0
PLAYERS = 24
HELD = (1, 18)  # of the players, by the hash of seed and name: one clip in twenty or more
RECIPE = """
extends: resnet2d-s
audio: {sample_rate: 8000, channels: 1, segment_seconds: 0.5, overlap: 0.0}
augment: null
model: {width: 4, dropout: 0.0}
training: {max_epochs: 2, batch_size: 4, segments_per_clip: 2, view_segments: 2, mixup: 1.0}
distill: {regress: {layers: 1.0, pen: 1.0}, tags: {tags: 1.0}}
tags: {taught: {"style:soft": [calm]}}
"""


def write(file: Path, number: int, pitch: float) -> None:
    """Write a second and a half of a tone in noise."""
    rng, time = np.random.default_rng(number), np.arange(RATE * 3 // 2) / RATE
    wave = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.8, 1.2) * time) + rng.normal(0, 0.02, len(time))
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, wave, RATE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of music without labels, a folder of other music with genres, a teacher, a recipe."""
    base = tmp_path_factory.mktemp("desk")
    rows = ["path,artist,genre"]
    for number in range(PLAYERS):
        write(base / "free" / f"{number}.wav", number, 120.0 * 1.15**number)
        rows.append(f"free/{number}.wav,Player {number},")
    (base / "free.csv").write_text("\n".join(rows), encoding="utf-8")
    for number in range(12):
        genre = GENRES[number % 3]
        write(
            base / "labelled" / genre / f"{number}.wav",
            100 + number,
            {"high": 2000.0, "low": 150.0}.get(genre, 600.0),
        )
    write(base / "extra.wav", 200, 150.0)
    (base / "mine.yaml").write_text(RECIPE, encoding="utf-8")
    (base / "tags.txt").write_text("\n".join(TAGS), encoding="utf-8")
    write_published(base / "one.safetensors")
    return base


def words(desk: Path, command: str, *more: str) -> list[str]:
    return [command, str(desk / "mine.yaml"), "--device=cpu", *more]


def taught(desk: Path) -> list[str]:
    return [f"--teacher={desk / 'one.safetensors'}", f"--teacher-tags={desk / 'tags.txt'}"]


@pytest.fixture(scope="module")
def pretrained(desk: Path) -> Path:
    folder = desk / "out" / "pre"
    arguments = words(desk, "pretrain", f"--corpus=table:{desk / 'free.csv'}", f"--to={folder}")
    assert main([*arguments, f"--seed={SEED}", *taught(desk)]) == 0
    return folder


def labelled(desk: Path, rows: list[str], name: str) -> str:
    """Write a table of the labelled music, with further rows, as the corpus of a training."""
    own = []
    for number in range(12):
        genre, part = GENRES[number % 3], ("train", "train", "valid", "test")[number // 3]
        own.append(f"labelled/{genre}/{number}.wav,{genre},Singer {number},{part}")
    (desk / f"{name}.csv").write_text("\n".join(["path,genre,artist,split", *own, *rows]), encoding="utf-8")
    return f"table:{desk / f'{name}.csv'}"


def train(desk: Path, pretrained: Path, corpus: str, out: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    arguments = words(
        desk, "train", f"--corpus={corpus}", "--split=published", f"--out={out}", "--targets=none"
    )
    arguments += [
        f"--weights={pretrained / 'best.safetensors'}",
        "--set=training.max_epochs=1",
        "--format=json",
    ]
    capsys.readouterr()
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_pretraining_learns_without_labels_and_is_only_read_again(
    desk: Path, pretrained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((pretrained / "pretraining.json").read_text(encoding="utf-8"))
    assert record["epochs"] == 2 and record["steps"] == 2 * 11
    assert record["held_out"]["clips"] == len(HELD) and record["held_out"]["views"] == 2 * len(HELD)
    assert {"one.layers", "one.pen", "one.tags"} < record["held_out"].keys()
    assert record["learned"]["clips"] == {"labelled": 0, "unlabelled": PLAYERS - len(HELD)}
    assert record["tags"] == ["style:soft"]
    with (pretrained / "sounds.csv").open(encoding="utf-8", newline="") as stream:
        parts = {row["clip_id"]: row["part"] for row in csv.DictReader(stream)}
    assert {key for key, part in parts.items() if part == "test"} == {f"free/{number}.wav" for number in HELD}
    assert sorted(parts.values()).count("unlabelled") == PLAYERS - len(HELD)

    before = (pretrained / "best.safetensors").read_bytes()
    arguments = words(desk, "pretrain", f"--corpus=table:{desk / 'free.csv'}", f"--to={pretrained}")
    assert main([*arguments, f"--seed={SEED}", *taught(desk)]) == 0
    out, err = capsys.readouterr()
    assert "epoch" not in err and "one.layers" in out and str(pretrained / "best.safetensors") in out
    assert (pretrained / "best.safetensors").read_bytes() == before
    assert main([*arguments, f"--seed={SEED + 1}", *taught(desk)]) == 1
    assert str(pretrained) in (told := capsys.readouterr().err) and "--to" in told and "--restart" not in told
    (desk / "other").mkdir()
    other = write_published(desk / "other" / "one.safetensors", published(seed=5))
    assert main([*arguments, f"--seed={SEED}", f"--teacher={other}", taught(desk)[1]]) == 1
    assert str(pretrained) in capsys.readouterr().err, "another teacher is another pretraining"
    (pretrained / "pretraining.json").write_text("[]", encoding="utf-8")
    assert main([*arguments, f"--seed={SEED}", *taught(desk)]) == 1
    assert str(pretrained / "pretraining.json") in capsys.readouterr().err
    (pretrained / "pretraining.json").unlink()
    assert main([*arguments, f"--seed={SEED}", *taught(desk), "--format=json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["held_out"] == record["held_out"] and again["epochs"] == 2
    assert (pretrained / "best.safetensors").read_bytes() == before


@pytest.mark.slow
def test_a_training_begins_with_it_and_knows_whom_it_heard(
    desk: Path, pretrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = train(desk, pretrained, labelled(desk, [], "clean"), tmp_path, capsys)
    assert clean["verdict"]["state"] == "clean"
    start = " ".join(clean["start"]["notes"])
    assert str(pretrained / "best.safetensors") in start and "genres" in start
    weights = load_file(pretrained / "best.safetensors")
    assert any("tag" in key for key in weights)

    by_artist = labelled(desk, ["extra.wav,low,PLAYER 3,test"], "artist")
    same_sound = labelled(desk, ["free/2.wav,low,Somebody,test"], "sound")
    held_out = labelled(desk, [f"free/{min(HELD)}.wav,low,Somebody,test"], "held")
    for corpus, name in ((by_artist, "PLAYER 3"), (same_sound, "free/2.wav")):
        found = train(desk, pretrained, corpus, tmp_path, capsys)
        assert found["verdict"]["state"] == "leaks", name
        leaks = [each for each in found["verdict"]["leaks"] if each["kind"] == "start"]
        assert [(each["count"], each["examples"]) for each in leaks] == [(1, [name])]
    assert train(desk, pretrained, held_out, tmp_path, capsys)["verdict"]["state"] == "clean"


def test_a_pretraining_that_cannot_be_is_told(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = words(desk, "pretrain", f"--corpus=table:{desk / 'free.csv'}", f"--to={tmp_path / 'pre'}")

    def told(*more: str) -> str:
        assert main([*arguments, *more]) == 2
        return capsys.readouterr().err

    assert "--teacher FILE" in told()
    assert "--teacher" in told(taught(desk)[1])
    assert "distill.regress" in told(
        *taught(desk), "--set=distill.regress=null", "--set=distill.tags=null",
        "--set=distill.genres={from: [multi]}",
    )  # fmt: skip
    assert "clam" in told(*taught(desk), "--set=tags.taught={style:soft: [clam]}")
    assert "--teacher-tags" in told(taught(desk)[0])
    assert not (tmp_path / "pre" / "best.safetensors").exists()


@pytest.mark.slow
def test_two_processes_pretrain_like_one(desk: Path, pretrained: Path) -> None:
    folder = desk / "out" / "two"
    arguments = words(desk, "pretrain", f"--corpus=table:{desk / 'free.csv'}", f"--to={folder}")
    command = [sys.executable, "-m", "genrelab", *arguments, *taught(desk), "--devices=2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    ours, theirs = ([row["train_loss"] for row in read_history(each)] for each in (folder, pretrained))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    ours, theirs = (
        json.loads((each / "pretraining.json").read_text())["held_out"] for each in (folder, pretrained)
    )
    assert ours == pytest.approx(theirs, abs=1e-3, rel=1e-5)  # few clips vary little: shares can be huge


@pytest.mark.slow
def test_the_first_layers_come_first(desk: Path, tmp_path: Path) -> None:
    common = [f"--corpus=table:{desk / 'free.csv'}", f"--teacher={desk / 'one.safetensors'}", "--device=cpu"]
    changes = ("max_epochs=1", "segments_per_clip=1", "warmup_epochs=0", "warmup_learning_rate=null")
    common += [f"--set=training.{change}" for change in changes]
    common.append("--set=model.widths=[4, 6, 5, 7, 3]")
    low, whole = tmp_path / "low", tmp_path / "whole"
    assert main(["pretrain", "genres-and-tags-first-layers", *common, f"--to={low}"]) == 0
    record = json.loads((low / "pretraining.json").read_text(encoding="utf-8"))
    assert {name for name in record["held_out"] if "." in name} == {"one.map1", "one.map2", "one.map3"}
    fixed = [f"--set=training.weights={low / 'best.safetensors'}", "--set=training.fixed_layers=3"]
    fixed.append("--set=distill.regress={map1: null, map2: null, map3: null}")
    assert main(["pretrain", "genres-and-tags-pretraining", *common, *fixed, f"--to={whole}"]) == 0
    first, then = load_file(low / "best.safetensors"), load_file(whole / "best.safetensors")
    kept = [name for name in first if ".layers." in name]
    assert len(kept) > 10 and all(torch.equal(first[name], then[name]) for name in kept)
    assert any(".layers.4." in name for name in then)
