"""docs/research/plugins.md, as its reader would follow it: every file and command of the page."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import plugin_pages
import pytest
from plugin_pages import forget_plugins

from genrelab.cli.main import main
from genrelab.lab import plugins

NEEDED = ["--plugin=brightness.py", "--plugin=polarity.py", "--plugin=tiny.py"]
RUN = "runs/mine/archive/artist-60-20-20-seed0"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all commands of the page ran."""
    folder = tmp_path_factory.mktemp("page")
    plugin_pages.write_files(folder)
    plugin_pages.write_music(folder / "music")
    for number, path in enumerate(sorted((folder / "music").iterdir())):
        there = folder / "other" / path.name.split(" - ")[0]
        there.mkdir(parents=True, exist_ok=True)
        if number % 3:
            shutil.copyfile(path, there / path.name)
    plugin_pages.write_music(folder / "new", seed=1)
    for path in (folder / "new").iterdir():
        shutil.copyfile(path, folder / "other" / path.name.split(" - ")[0] / f"new {path.name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in plugin_pages.commands():
            if command[0] == "recognize":  # a process of its own
                continue
            forget_plugins()
            assert main(command) == 0, command
    forget_plugins()
    return folder


@pytest.fixture
def here(page: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """That folder, as the current one of a process without plugins."""
    forget_plugins()
    monkeypatch.chdir(page)
    yield page
    forget_plugins()


def test_the_run_names_its_plugins(here: Path) -> None:
    used = {each["name"]: each for each in json.loads(Path(RUN, "plugins.json").read_text())}
    assert set(used) == {"brightness.py", "polarity.py", "tiny.py", "archive.py"}
    digest = hashlib.sha256((here / "tiny.py").read_bytes()).hexdigest()
    assert used["tiny.py"] == {
        "kind": "file", "name": "tiny.py", "version": f"sha256:{digest}", "uses": {"model": ["tiny"]}
    }  # fmt: skip
    evaluation = json.loads(Path(RUN, "metrics.json").read_text())["evaluation"]
    assert evaluation["track"]["majority"]["accuracy"]["value"] == 1.0


def test_the_model_file_needs_no_plugin_and_no_torch(here: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from genrelab.cli.main import run; run()"
    (recognize,) = (each for each in plugin_pages.commands() if each[0] == "recognize")
    command = [sys.executable, "-c", code, *recognize, "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert len(records) > 16
    assert all(Path(record["path"]).parent.name == record["genre"] for record in records)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (["export", RUN, "--to=again.onnx", *NEEDED[:2]], "tiny.py"),
        (["evaluate", RUN, "--corpus=folder:other", *NEEDED[1:]], "brightness.py"),
        (
            ["train", "mine.yaml", "--corpus=archive:music", "--plugin=archive.py", *NEEDED[::2]],
            "polarity.py",
        ),
    ],
)
def test_a_missing_plugin_is_named(
    command: list[str], missing: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    err = capsys.readouterr().err
    assert f"--plugin {missing}" in err and RUN in err
    assert not Path("again.onnx").exists()


def test_without_a_run_the_option_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "mine.yaml", *NEEDED[:2]]) == 2
    err = capsys.readouterr().err
    assert "'tiny'" in err and "--plugin" in err
    assert main(["train", "mine.yaml", "--corpus=archive:music", *NEEDED]) == 1
    err = capsys.readouterr().err
    assert "'archive'" in err and "--plugin" in err


@pytest.mark.slow
def test_a_changed_plugin(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = tmp_path / "tiny.py"
    changed.write_text((here / "tiny.py").read_text() + "# changed\n")
    others = [*NEEDED[:2], f"--plugin={changed}"]
    train = ["train", "mine.yaml", "--corpus=archive:music", "--plugin=archive.py", *others]
    assert main(train) == 1
    err = capsys.readouterr().err
    assert "tiny.py" in err and "--restart" in err
    assert main(["export", RUN, f"--to={tmp_path / 'model.onnx'}", *others]) == 0, "the weights still fit"
    for out in (here / "runs", tmp_path / "runs"):
        assert main([*train, f"--out={out}", "--restart", "--set=training.max_epochs=1", "--set=name=b"]) == 0


def test_a_changed_plugin_is_noted(here: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    changed = tmp_path / "tiny.py"
    changed.write_text((here / "tiny.py").read_text() + "# changed\n")
    assert main(["export", RUN, f"--to={tmp_path / 'model.onnx'}", *NEEDED[:2], f"--plugin={changed}"]) == 0
    (note,) = (each.getMessage() for each in caplog.records if each.name == plugins.__name__)
    assert RUN in note and "'tiny'" in note and note.count("sha256:") == 2


@pytest.mark.slow
def test_a_stopped_training_resumes(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "mine.yaml", "--corpus=archive:music", "--plugin=archive.py", f"--out={tmp_path}"]
    command = [sys.executable, "-m", "genrelab", *train, *NEEDED]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 3/"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert main([*train, *NEEDED[:2]]) == 2
    assert "--plugin tiny.py" in capsys.readouterr().err
    assert main([*train, *NEEDED]) == 0
    epochs = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert 0 < len(epochs) < 58
    whole, resumed = (
        Path(base, "mine/archive/artist-60-20-20-seed0/predictions.csv") for base in ("runs", tmp_path)
    )
    assert whole.read_bytes() == resumed.read_bytes()


@pytest.mark.slow
def test_a_search_and_a_bench_take_plugins(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = ["search", "mine.yaml", "--corpus=archive:music", "--plugin=archive.py", f"--out={tmp_path}"]
    search += ["--grid=model.width=4,8", "--set=training.max_epochs=2", "--format=json", *NEEDED]
    assert main(search) == 0
    study = json.loads(capsys.readouterr().out)["study"]
    assert len(list(Path(study).rglob("plugins.json"))) == 2
    changed = tmp_path / "tiny.py"
    changed.write_text((here / "tiny.py").read_text() + "# changed\n")
    forget_plugins()
    assert main([*search[:-1], f"--plugin={changed}"]) == 1
    assert "plugins" in capsys.readouterr().err
    assert main(["bench", "model", "mine.onnx", "--corpus=archive:new", "--plugin=archive.py"]) == 0
    assert main(["targets", "mine.onnx", "--corpus=archive:new", "--to=new.npz", "--plugin=archive.py"]) == 0


@pytest.mark.slow
def test_finalize_takes_plugins(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = [
        "--set=training.max_epochs=4",
        "--set=training.choose_epoch_on=none",
        "--set=training.monitor=last",
        "--set=voting=mean",
    ]
    for fold in range(2):
        train = ["train", "mine.yaml", "--corpus=archive:music", f"--split=artist-kfold:{fold}/2", *last]
        assert main([*train, f"--out={tmp_path}", "--plugin=archive.py", *NEEDED]) == 0
    folds = sorted(str(path.parent) for path in tmp_path.rglob("metrics.json"))
    made = ["finalize", *folds, "--corpus=archive:music", f"--to={tmp_path / 'final.onnx'}", "--force"]
    forget_plugins()
    capsys.readouterr()
    assert main([*made, "--plugin=archive.py", *NEEDED[:2]]) == 2
    assert "--plugin tiny.py" in capsys.readouterr().err
    assert main([*made, "--plugin=archive.py", *NEEDED]) == 0
    assert {each.name for each in plugins._recorded(Path(folds[0]).parent / "final")} >= {"tiny.py"}


@pytest.mark.slow
def test_the_processes_of_reproduce_load_plugins(here: Path, tmp_path: Path) -> None:
    command = [
        "reproduce",
        "soundfusion-2",
        "--corpus=archive:music",
        "--row=resnet2d-s",
        "--split=kfold:*/2",
    ]
    command += ["--budget=epochs=1", "--budget=seconds=1", "--jobs=2", f"--out={tmp_path}", "--no-models"]
    assert main([*command, "--plugin=archive.py"]) == 0
    assert len(list(tmp_path.rglob("plugins.json"))) == 2
