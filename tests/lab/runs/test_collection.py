"""Folders of runs: what is listed, tagged and removed, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from pathlib import Path

import pytest
from raising import raises
from run_records import first_format

from genrelab.cli.main import main
from genrelab.files import only_one
from genrelab.lab.runs import collection, removal
from genrelab.lab.runs.collection import change_labels, find_runs, read_entry, read_labels
from genrelab.lab.training import checkpoints

ACCURACY = {"value": 0.75, "low": 0.5, "high": 0.9}


def make_run(
    base: Path, name: str = "random-60-20-20-seed0", *, recipe: str = "soundfusion/cnn", weights: str = "none"
) -> Path:
    """Write a run that trained one epoch: `<base>/cnn/tones/<name>`."""
    folder = base / recipe.replace("/", "-") / "tones" / name
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(
        f"name: {recipe}\nvoting: majority\ntraining:\n  weights: {json.dumps(weights)}\n"
    )
    (folder / "split.csv").write_text("clip_id,part\na,train\n")
    (folder / checkpoints.LAST).write_bytes(b"state")
    (folder / checkpoints.BEST).write_bytes(name.encode())
    return folder


def finish(folder: Path, value: float = 0.75) -> Path:
    record = first_format(recipe="soundfusion/cnn")
    level = {**record["evaluation"]["track"]["majority"], "accuracy": {**ACCURACY, "value": value}}
    record["evaluation"] = {**record["evaluation"], "track": {"majority": level}}
    (folder / "metrics.json").write_text(json.dumps(record))
    return folder


def test_names_of_files_are_those_of_the_training() -> None:
    assert collection._LAST_STATE == checkpoints.LAST and removal._BEST == checkpoints.BEST


def test_every_state_is_told_apart(tmp_path: Path) -> None:
    finished = finish(make_run(tmp_path, "random-seed0"))
    stopped = make_run(tmp_path, "random-seed1")
    started = make_run(tmp_path, "random-seed2")
    (started / checkpoints.LAST).unlink()
    damaged = make_run(tmp_path, "random-seed3")
    (damaged / "metrics.json").write_text('{"format": 99}')
    running = make_run(tmp_path, "random-seed4")
    pretrained = make_run(tmp_path, "pre")
    (pretrained / "pretraining.json").write_text("{}")
    with only_one(running.with_name(f".{running.name}.lock")):
        found = {entry.folder: entry for entry in find_runs(tmp_path)}
    states = {folder.name: (found[folder].state, found[folder].kind) for folder in found}
    assert states == {
        "random-seed0": ("finished", "run"),
        "random-seed1": ("stopped", "run"),
        "random-seed2": ("started", "run"),
        "random-seed3": ("damaged", "run"),
        "random-seed4": ("running", "run"),
        "pre": ("finished", "pretraining"),
    }
    assert "99" in (found[damaged].problem or "")
    assert found[finished].tracks is not None and found[finished].tracks.accuracy.value == 0.75
    longer = read_entry(make_run(tmp_path, "random-seed1-epochs40"))
    assert (longer.split, longer.seed) == ("random", 1)
    assert (found[stopped].corpus, found[stopped].split, found[stopped].seed) == ("tones", "random", 1)


def test_links_and_tests_of_runs_are_not_listed(tmp_path: Path) -> None:
    run = finish(make_run(tmp_path / "elsewhere"))
    base = tmp_path / "runs"
    base.mkdir()
    (base / "linked").symlink_to(run)
    (base / "around").symlink_to(base)
    (base / ".hidden").mkdir()
    make_run(base / ".hidden")
    pooled = base / "together"
    pooled.mkdir()
    (pooled / "metrics.json").write_text("{}")
    assert find_runs(base) == []
    with raises("runs-folder-missing", base / "none"):
        find_runs(base / "none")
    with raises("not-a-run-folder", base / "linked"):
        read_entry(base / "linked")


def test_a_search_of_too_many_folders_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_FOLDERS", 3)
    for number in range(4):
        (tmp_path / str(number)).mkdir()
    with raises("runs-folder-too-large", tmp_path):
        find_runs(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "[1]", "x" * (2**20 + 1), "name: !!python/object:os.system {}"])
def test_a_recipe_that_cannot_be_read_hides_no_run(tmp_path: Path, text: str) -> None:
    run = finish(make_run(tmp_path))
    (run / "recipe.yaml").write_text(text)
    (entry,) = find_runs(tmp_path)
    assert entry.state == "finished" and entry.recipe == "soundfusion/cnn"


def test_tags_are_kept_in_order_and_checked(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert change_labels(run, add=["paper", "best", "paper"]) == ("paper", "best")
    assert change_labels(run, add=["two words"], drop=["paper"]) == ("best", "two words")
    assert read_labels(run) == ("best", "two words")
    for faulty in ("", " x", "a,b", "line\nbreak", "\x1b[31m", "x" * 81):
        with raises("run-tag-faulty"):
            change_labels(run, add=[faulty])
    with raises("run-tag-unknown", "worst", "best, two words"):
        change_labels(run, drop=["worst"])
    with raises("run-tags-too-many"):
        change_labels(run, add=[f"t{number}" for number in range(60)])
    with raises("not-a-run-folder", tmp_path):
        change_labels(tmp_path, add=["x"])
    assert read_labels(run) == ("best", "two words")
    (run / "labels.txt").write_bytes(b"\xff")
    with raises("run-tags-unreadable", run / "labels.txt"):
        read_labels(run)
    assert read_entry(run).state == "damaged"


def needed(folder: Path, base: Path) -> list[Path]:
    return [need.folder for need in removal.needs_of(collection.run_folders(base), folder)]


def test_a_run_whose_weights_another_one_names_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_run(tmp_path, "random-seed0")
    absolute = make_run(tmp_path, "random-seed1", weights=str(first / checkpoints.BEST))
    relative = os.path.relpath(first / checkpoints.BEST, tmp_path)
    from_base = make_run(tmp_path, "random-seed2", weights=relative)
    other = make_run(tmp_path, "random-seed3", weights="imagenet")
    monkeypatch.chdir("/")
    assert sorted(needed(first, tmp_path)) == [absolute, from_base]
    assert needed(other, tmp_path) == []


def test_weights_that_moved_are_known_by_their_digest(tmp_path: Path) -> None:
    first = make_run(tmp_path, "random-seed0")
    later = make_run(tmp_path, "random-seed1", weights="/gone/best.safetensors")
    digest = hashlib.sha256((first / checkpoints.BEST).read_bytes()).hexdigest()
    (later / "weights.sha256").write_text(f"{digest}\n")
    assert needed(first, tmp_path) == [later]
    (later / "weights.sha256").write_text(f"{'0' * 64}\n")
    assert needed(first, tmp_path) == []


def test_what_is_needed_stays_unless_both_go(tmp_path: Path) -> None:
    first = make_run(tmp_path, "random-seed0")
    later = make_run(tmp_path, "random-seed1", weights=str(first / checkpoints.BEST))
    with raises("run-needed", first, later):
        removal.check_removable([first], [])
    both = removal.check_removable([first, later], [])
    assert [each.folder for each in both] == [first, later]
    assert both[0].files == 4 and both[0].size == sum(p.stat().st_size for p in first.iterdir())


def test_removal_follows_no_link_and_leaves_other_runs(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "song.mp3").write_bytes(b"song")
    run, other = make_run(tmp_path / "runs", "random-seed0"), make_run(tmp_path / "runs", "random-seed1")
    (run / "music").symlink_to(music)
    (run / "one.mp3").symlink_to(music / "song.mp3")
    run.with_name(f".{run.name}.lock").touch()
    link = tmp_path / "link"
    link.symlink_to(run)
    for refused in (link, music, tmp_path / "missing"):
        with raises("not-a-run-folder", refused):
            removal.check_removable([refused], [])
        with raises("not-a-run-folder", refused):
            removal.remove(refused)
    removal.remove(run)
    assert (music / "song.mp3").read_bytes() == b"song"
    assert sorted(p.name for p in other.parent.iterdir() if p != other) in ([], [f".{other.name}.lock"])
    removal.remove(other)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_in_training_or_around_another_one_stays(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with only_one(run.with_name(f".{run.name}.lock")), raises("run-busy", run):
        removal.remove(run)
    make_run(run)
    with raises("run-in-run", run):
        removal.check_removable([run], [])
    assert (run / "recipe.yaml").is_file()


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    low = finish(make_run(Path("runs"), "random-seed0"), 0.5)
    high = finish(make_run(Path("runs"), "random-seed1"), 0.75)
    make_run(Path("runs"), "random-seed2")
    assert main(["runs", "tag", str(high), "--add", "best"]) == 0
    assert capsys.readouterr().out == f"{high}: best\n"
    assert main(["runs", "tag", str(high)]) == 2

    capsys.readouterr()
    assert main(["runs", "list", "--format", "json", "--sort", "accuracy"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["run"] for row in rows][:2] == [str(high), str(low)]
    assert rows[0]["accuracy"] == ACCURACY and rows[0]["tags"] == ["best"]
    assert rows[2]["state"] == "stopped" and rows[2]["accuracy"] is None

    assert main(["runs", "list", "--format", "csv", "--tag", "best"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["run"], row["accuracy_high"], row["tags"]) == (str(high), "0.9", "best")
    assert main(["runs", "list", "--state", "finished"]) == 0
    table = capsys.readouterr().out
    assert "75.0 % (50.0-90.0)" in table and "seed2" not in table
    assert main(["runs", "list", "--recipe", "nothing"]) == 0
    assert "no run in runs fits" in capsys.readouterr().err

    assert main(["runs", "show", str(high), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["needed_by"] == [] and shown["record"]["recipe"] == "soundfusion/cnn"
    assert main(["runs", "show", str(high)]) == 0
    assert "75.0 % (50.0-90.0)" in capsys.readouterr().out


def test_removal_asks_or_needs_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(Path("runs"))
    assert main(["runs", "remove", str(run), "--dry-run"]) == 0
    assert main(["runs", "remove", str(run)]) == 2  # standard input is no terminal
    assert run.is_dir() and "--yes" in capsys.readouterr().err
    later = make_run(Path("runs"), "random-seed9", weights=str(run / checkpoints.BEST))
    assert main(["runs", "remove", str(run), "--yes"]) == 1
    assert main(["runs", "remove", str(run), str(later), "--yes"]) == 0
    assert not run.exists() and not later.exists()
