"""`genrelab search` as a user types it: its table, its files, stopping and going on, several at once."""

from __future__ import annotations

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import search_process
import soundfile

from genrelab.cli.main import main
from genrelab.lab.recipes import load_recipe

SMALL = [
    "--set=audio.sample_rate=8000", "--set=audio.channels=1", "--set=audio.segment_seconds=0.5",
    "--set=training.learning_rate=0.003", "--set=training.max_epochs=6", "--set=training.batch_size=4",
    "--set=training.segments_per_clip=2",
]  # fmt: skip
GRID = ["--grid=model.width=2,3", "--grid=augment.inputs.mel.*.count=0,2"]
TIMES = {"seconds_per_epoch"}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of high and low tones."""
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(0)
    seconds = np.arange(8000) / 8000
    for genre, pitch in {"high": 2000.0, "low": 150.0}.items():
        (folder / genre).mkdir()
        for number in range(6):
            wave = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * seconds)
            soundfile.write(folder / genre / f"{number}.wav", wave + rng.normal(0, 0.05, 8000), 8000)
    return folder


def command(music: Path, out: Path, *more: str) -> list[str]:
    """The command line of a search on the tones."""
    own = ["search", "simple-cnn", f"--corpus=folder:{music}", "--split=random", "--device=cpu"]
    return [*own, f"--out={out}", *SMALL, *more]


@pytest.fixture(scope="module")
def undisturbed(music: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The folder of a search over a grid that nobody disturbed, and how many seconds it took."""
    out = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    process = search_process.start(command(music, out, *GRID), out / "said")
    process.join(300)
    assert process.exitcode == 0, (out / "said").read_text()
    return out / "simple-cnn", time.monotonic() - began


def table(folder: Path) -> list[dict[str, str]]:
    """The rows of search.csv without what a clock measured."""
    with (folder / "search.csv").open(newline="") as file:
        return [{key: row[key] for key in row if key not in TIMES} for row in csv.DictReader(file)]


def without_times(value: Any) -> Any:
    """A value of search.json without what a clock measured."""
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key not in TIMES}
    return [without_times(each) for each in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_a_finished_search_is_only_shown(
    music: Path, undisturbed: tuple[Path, float], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = undisturbed
    assert main(command(music, folder.parent, *GRID)) == 0
    out, err = capsys.readouterr()
    assert "epoch" not in err and "trial" not in err, "nothing is trained again"
    header, *rows = out.split("\n\n")[0].splitlines()
    assert header.split()[:4] == ["trial", "width", "count", "valid"]
    assert sorted(row.split()[0] for row in rows) == ["1", "2", "3", "4"]
    assert (
        str(folder / "best.yaml") in out and str(folder / "search.html") in out and "on the test part" in out
    )
    assert main(command(music, folder.parent, *GRID, "--format=json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["study"] == str(folder)
    assert result["best"] | {"test": None} in [trial | {"test": None} for trial in result["trials"]]
    assert "test" not in result["trials"][0], "only the chosen trial shows its test figures"
    assert result["best"]["test"]["track"]["by_seed"].keys() == {"0"}


@pytest.mark.slow
def test_trials_are_run_folders_and_the_best_is_a_recipe(undisturbed: tuple[Path, float]) -> None:
    folder, _ = undisturbed
    result = json.loads((folder / "search.json").read_text())
    accuracies = [trial["valid_accuracy"] for trial in result["trials"]]
    assert result["best"]["valid_accuracy"] == max(accuracies)
    for trial in result["trials"]:
        (run,) = trial["runs"]
        used = load_recipe(str(folder / run / "recipe.yaml"))
        assert used.model.options()["width"] == trial["values"]["model.width"]
        counts = [part.options()["count"] for part in used.augment.inputs["mel"]]
        assert counts == [trial["values"]["augment.inputs.mel.*.count"]] * 2
        assert (folder / run / "report.html").is_file()
    best = load_recipe(str(folder / "best.yaml"))
    chosen = load_recipe(str(folder / result["best"]["runs"][0] / "recipe.yaml"))
    assert best.model == chosen.model and best.augment == chosen.augment and best.training == chosen.training
    assert best.name == "simple-cnn" and best.reported == () and "simple-cnn" in best.sources["model.width"]


@pytest.mark.slow
def test_more_seeds_go_on_with_the_same_search_and_other_values_are_refused(
    music: Path, undisturbed: tuple[Path, float], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = undisturbed
    assert main(command(music, folder.parent, "--grid=model.width=2,4")) == 1
    err = capsys.readouterr().err
    assert "study.json" in err and ": values;" in err and "--study" in err
    assert main(command(music, folder.parent, *GRID, "--set=training.max_epochs=7")) == 1
    assert ": recipe;" in capsys.readouterr().err
    assert main(command(music, folder.parent, *GRID, "--seed=1")) == 1
    assert "clips" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_five_times_it_ends_with_the_same_table(
    music: Path, undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    """Each kill comes at a random moment; with those that are left it goes on to the end."""
    folder, seconds = undisturbed
    rng = np.random.default_rng(5)
    killed = 0
    for delay in rng.uniform(0.02, 0.2, 5) * seconds:
        process = search_process.start(command(music, tmp_path, *GRID), tmp_path / "said")
        process.join(delay)
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
    assert killed >= 3, "the machine was so fast that the search ended before it was killed often"
    process = search_process.start(command(music, tmp_path, *GRID), tmp_path / "said")
    process.join(300)
    assert process.exitcode == 0, (tmp_path / "said").read_text()
    again = tmp_path / "simple-cnn"
    assert table(again) == table(folder)
    results = [json.loads((each / "search.json").read_text()) for each in (again, folder)]
    assert without_times(results[0]) == without_times(results[1])
    assert (again / "best.yaml").read_text() == (folder / "best.yaml").read_text()
    left = [path.name for path in again.rglob("*") if path.suffix in {".draft", ".old"}]
    assert len(left) <= killed, "a kill leaves one draft at most"


@pytest.mark.slow
def test_two_processes_share_one_search(music: Path, undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    said = [tmp_path / "first", tmp_path / "second"]
    processes = [search_process.start(command(music, tmp_path, *GRID), file) for file in said]
    for process in processes:
        process.join(300)
    heads = [
        {
            line.split(",")[0]
            for line in file.read_text().splitlines()
            if line.startswith("trial ") and " of " in line
        }
        for file in said
    ]
    assert [process.exitcode for process in processes] == [0, 0], [file.read_text() for file in said]
    assert all(heads), "both had something to do"
    assert heads[0] | heads[1] == {f"trial {number} of 4" for number in (1, 2, 3, 4)}
    assert not heads[0] & heads[1], "no trial was trained twice"
    assert table(tmp_path / "simple-cnn") == table(undisturbed[0])
    for file in said:
        assert "chosen  trial" in file.read_text(), "each tells of the whole search at its end"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "a grid, a space or a plan"),
        (["--grid=model.widht=2,4"], "'width'"),
        (["--grid=training.lerning_rate=1e-3"], "'training.learning_rate'"),
        (["--grid=model.width="], "key=values"),
        (["--grid=model.width=[]", "--grid=model.width=2"], "twice"),
        (["--grid=model.width=2,2"], "model.width has the value 2"),
        (["--grid=model.width=2,4", "--space=training.learning_rate=1e-4..1e-2"], "--space model.dropout"),
        (["--grid=model.width=2,4", "--trials=3"], "all its 2 combinations"),
        (["--grid=model.width=2,4", "--sampler=tpe"], "sampler tpe"),
        (["--space=model.width=2.5..4"], "model.width is a whole number, 8"),
        (["--space=model.width=8..4"], "8 is above 4"),
        (["--space=training.learning_rate=0..1:log"], "0..1:log"),
        (["--space=training.learning_rate=1e-4..1e-2:lin"], "'lin'"),
        (["--space=model.width=2..1000000"], "'width' = 1000000"),
        (["--grid=augment.inputs.mel.5.count=1,2"], "from 0 to 1, or *"),
        (["--grid=training.choose_epoch_on=valid,test"], "--set training.choose_epoch_on=valid"),
        (["--grid=recipe=simple-cnn,simple-vgg"], "over recipes"),
        (["--plan=soundfusion-mask"], "'soundfusion-masks'"),
        (["--study=../elsewhere", "--grid=model.width=2,4"], "name = '../elsewhere'"),
    ],
)
def test_wrong_searches_train_nothing(
    options: list[str], words: str, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(music, tmp_path / "out", *options)) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
