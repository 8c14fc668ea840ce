"""The laboratory's commands, as a user types them, on real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from warm import Warm

from genrelab.cli.main import main

SMALL = [
    "--set=audio.sample_rate=8000", "--set=audio.channels=1", "--set=audio.segment_seconds=0.5",
    "--set=model.width=4", "--set=model.dropout=0.0", "--set=augment.inputs=null",
    "--set=training.learning_rate=0.003", "--set=training.max_epochs=6", "--set=training.batch_size=4",
]  # fmt: skip


def write_tones(folder: Path, *, clips: int = 6, seed: int = 0) -> None:
    """Write a folder a genre: tones in files of several formats."""
    rng = np.random.default_rng(seed)
    time = np.arange(16000) / 8000
    for genre, pitch in {"high": 2000.0, "low": 150.0}.items():
        (folder / genre).mkdir(parents=True)
        for number in range(clips):
            wave = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time) + rng.normal(0, 0.01, 16000)
            suffix = ("wav", "flac", "mp3")[number % 3]
            soundfile.write(folder / genre / f"song {number}.{suffix}", wave, 8000)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of music and the run folder that `genrelab train` printed for it."""
    base = tmp_path_factory.mktemp("laboratory")
    write_tones(base / "music")
    command = [sys.executable, "-m", "genrelab", "train", "resnet2d-s", f"--corpus=folder:{base / 'music'}"]
    command += ["--split=random", "--device=cpu", f"--out={base / 'runs'}", "--format=json", *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "epoch 6/6" in done.stderr
    return base / "music", Path(json.loads(done.stdout)["run"])


def test_train_prints_where_things_are_and_what_they_are_worth(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    music, run = trained
    arguments = ["train", "resnet2d-s", f"--corpus=folder:{music}", "--split=random", "--device=cpu"]
    assert main([*arguments, f"--out={run.parents[2]}", *SMALL]) == 0
    out, err = capsys.readouterr()
    assert "balanced accuracy" in out and str(run / "model.onnx") in out and str(run / "report.html") in out
    assert "epoch" not in err, "a finished run is not trained again"
    assert "artist of every clip is unknown" in err


def test_a_second_seed_trains_and_tests_on_the_same_clips(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music, first = trained
    arguments = ["train", "resnet2d-s", f"--corpus=folder:{music}", "--split=random", "--device=cpu"]
    arguments += [f"--out={tmp_path}", *SMALL, "--set=training.max_epochs=1", "--format=json"]
    assert main([*arguments, "--seed=1", "--split-seed=0"]) == 0
    record = json.loads(capsys.readouterr().out)
    second = Path(record["run"])
    assert second.name == f"{record['split']['name']}-split0-seed1"
    assert (second / "split.csv").read_bytes() == (first / "split.csv").read_bytes()
    assert (record["seed"], record["split"]["seed"]) == (1, 0)
    assert record["split"]["made"].endswith("seed 0")


def test_the_model_recognizes_without_torch(trained: tuple[Path, Path]) -> None:
    music, run = trained
    code = "import sys; sys.modules['torch'] = None; from genrelab.cli.main import run; run()"
    command = [sys.executable, "-c", code, "recognize", str(music), f"--model={run / 'model.onnx'}"]
    done = subprocess.run([*command, "--format=json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert len(records) == 12
    right = sum(Path(record["path"]).parent.name == record["genre"] for record in records)
    assert right >= 10


@pytest.mark.slow
def test_export_writes_the_same_network_again(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = trained
    assert main(["export", str(run), "--to", str(tmp_path / "again.onnx")]) == 0
    assert (tmp_path / "again.onnx").stat().st_size > 10_000
    assert "differs from torch by at most" in capsys.readouterr().out
    assert main(["export", str(run), "--to", str(tmp_path / "again.pt")]) == 2
    assert main(["export", str(tmp_path), "--to", str(tmp_path / "x.onnx")]) == 1


def test_evaluate_on_another_corpus(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = trained
    write_tones(tmp_path / "other", clips=3, seed=1)  # with the same seed: sound that was learned
    (tmp_path / "other" / "high").rename(tmp_path / "other" / "z treble")
    arguments = [
        "evaluate",
        str(run),
        f"--corpus=folder:{tmp_path / 'other'}",
        "--device=cpu",
        "--format=json",
    ]
    assert main(arguments) == 2
    assert "z treble" in capsys.readouterr().err
    (tmp_path / "map.yaml").write_text("z treble: high\n")
    assert main([*arguments, f"--map={tmp_path / 'map.yaml'}"]) == 0
    out, err = capsys.readouterr()
    assert "not checked whether recordings" in err
    result = json.loads(out)
    assert result["evaluation"]["track"]["majority"]["n"] == 6
    assert result["evaluation"]["track"]["majority"]["accuracy"]["value"] == 1.0
    assert Path(result["folder"], "report.html").is_file()


def test_evaluate_pools_runs(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = trained
    assert main(["evaluate", str(run), f"--out={tmp_path / 'together'}"]) == 0
    segments, tracks = capsys.readouterr().out.splitlines()[1:3]
    assert segments.split()[:2] == ["segment", "10"] and tracks.split()[:3] == ["track,", "majority", "2"]
    assert main(["evaluate", str(run), str(run), "--corpus=synthetic"]) == 2
    assert main(["evaluate", str(run), f"--map={tmp_path}"]) == 2


def training(tmp_path: Path, *more: str) -> list[str]:
    """A training of a folder of tones, as a command."""
    write_tones(tmp_path / "music")
    command = ["train", "resnet2d-s", f"--corpus=folder:{tmp_path / 'music'}"]
    return [*command, "--split=random", "--device=cpu", f"--out={tmp_path / 'runs'}", *SMALL, *more]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_training_goes_on(sent: signal.Signals, tmp_path: Path) -> None:
    command = training(tmp_path, "--set=training.max_epochs=60")

    def run_until(epochs: int) -> tuple[int, int, str]:
        """Return the first epoch that was trained, the exit code and what was said at the end."""
        process = Warm(*command, read="stderr")
        first = 0
        for line in process.output:
            if line.startswith(b"epoch"):
                epoch = int(line.split()[1].split(b"/")[0])
                first = first or epoch
                if epoch >= first + epochs - 1:
                    process.send_signal(sent)
                    break
        rest = process.end(60)
        assert process.returncode is not None
        return first, process.returncode, rest.decode()

    first, code, rest = run_until(3)
    assert first == 1 and code == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in rest
    assert "interrupted" in rest or sent == signal.SIGKILL
    first, _, _ = run_until(1)
    assert first >= 4, "it did not go on where it was stopped"


@pytest.mark.slow
def test_names_that_are_no_text_go_all_the_way(tmp_path: Path) -> None:
    command = training(tmp_path, "--set=training.max_epochs=1", "--format=json")
    music = os.fsencode(tmp_path / "music")
    os.rename(music + b"/low/song 0.wav", music + b"/low/s\xe9.wav")
    os.rename(music + b"/high", music + b"/h\xf6ch")
    words = [sys.executable, "-m", "genrelab", *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["corpus"]["genres"] == ["h\\xf6ch", "low"]
    assert "s\\xe9.wav" in Path(result["run"], "split.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("format", ["table", pytest.param("json", marks=pytest.mark.slow)])
def test_lists(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "list", "--format", format]) == 0
    recipes = capsys.readouterr().out
    assert main(["corpora", "list", "--format", format]) == 0
    corpora = capsys.readouterr().out
    if format == "json":
        named = {record["name"]: record for record in json.loads(recipes)}
        assert named["soundfusion/resnet2d-s"]["parameters"] == 446_024
        assert {"gtzan", "folder", "synthetic"} <= {record["name"] for record in json.loads(corpora)}
    else:
        assert "soundfusion/soundfusion-1" in recipes and "446,024" in recipes
        assert "gtzan:/data/GTZAN" in corpora


def test_recipes_show_gives_a_recipe_that_can_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recipes", "show", "resnet1d-s", "--set", "model.width=8"]) == 0
    path = tmp_path / "mine.yaml"
    path.write_text(capsys.readouterr().out)
    assert main(["recipes", "show", str(path)]) == 0
    assert "width: 8" in capsys.readouterr().out
    assert main(["recipes", "show", "resnet1d-s", "--set", "model.width"]) == 2


@pytest.mark.slow
def test_corpora_show_verify_and_render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "synthetic:tracks=3,seconds=2,seed=1"
    assert main(["corpora", "render", str(tmp_path / "heard"), f"--corpus={spec}", "--format=mp3"]) == 0
    assert len(list((tmp_path / "heard").rglob("*.mp3"))) == 30
    (tmp_path / "heard" / "jazz" / "cut.wav").write_bytes(b"RIFF")
    capsys.readouterr()
    assert main(["corpora", "show", f"folder:{tmp_path / 'heard'}", "--split=random", "--format=json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["clips"]["jazz"] == 4 and sum(shown["split"]["clips"].values()) == 31
    assert main(["corpora", "verify", f"folder:{tmp_path / 'heard'}"]) == 1
    assert "cut.wav" in capsys.readouterr().out
    assert main(["corpora", "render", str(tmp_path / "x"), f"--corpus=folder:{tmp_path / 'heard'}"]) == 1


def test_corpora_show_counts_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["path,genre,tags"]
    for number in range(60):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF")
        tags = ("mood:calm", "mood:sad;voice:choir", "")[number % 3]
        rows.append(f"{number}.wav,{'' if number % 2 else 'jazz'},{tags}")
    (tmp_path / "clips.csv").write_text("\n".join(rows), encoding="utf-8")
    show = ["corpora", "show", f"table:{tmp_path}", "--format=json"]
    assert main([*show, "--split=random"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["tags"] == {"mood:calm": 20, "mood:sad": 20, "voice:choir": 20}
    assert (shown["clips"], shown["unlabelled"], shown["tags_only"]) == ({"jazz": 30}, 10, 20)
    assert shown["usable_tags"] == [], "20 clips are too few"
    assert sum(shown["split"]["clips"].values()) == 50
    assert main(["corpora", "show", f"table:{tmp_path}?tags="]) == 0
    assert "tags:" not in capsys.readouterr().out


def test_a_missing_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from genrelab.cli.main import main; sys.exit(main(['recipes', 'list']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "genrelab[lab]" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("weights", ["[a].pt", "my: file.safetensors", "1e5", "null"])
def test_weights_are_taken_as_they_are_typed(
    weights: str, trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "resnet18-mel", f"--corpus=folder:{trained[0]}", "--split=random", "--device=cpu"]
    assert main([*command, f"--out={tmp_path / 'runs'}", "--weights", weights]) == 2
    err = capsys.readouterr().err
    assert weights in err and "YAML" not in err
    assert not (tmp_path / "runs").exists()
