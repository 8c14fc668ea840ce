"""`genrelab train --devices 2`: two processes, as a user starts them, train like one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from genrelab.cli.main import main

TRAIN = (
    "train", "resnet2d-s", "--corpus=synthetic:tracks=3,seconds=1", "--split=random:40/30/30",
    "--device=cpu", "--set=audio.sample_rate=8000", "--set=audio.channels=1",
    "--set=audio.segment_seconds=0.5", "--set=model.width=4", "--set=model.dropout=0.2",
    "--set=training.max_epochs=5", "--set=training.batch_size=5", "--set=training.optimizer=muon",
    "--set=training.learning_rate=0.002", "--set=training.gradient_clip=2.0",
    "--set=training.mixup=0.4", "--set=training.balance=sampler",
)  # fmt: skip
RUN = Path("soundfusion-resnet2d-s/synthetic/random-40-30-30-seed0")
FIGURES = ["train_loss", "train_accuracy", "valid_loss", "valid_accuracy"]


def command(out: Path, devices: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "genrelab", *TRAIN, f"--devices={devices}", f"--out={out}", *more]


def history(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / RUN / "history.csv")


def children(process: int) -> list[int]:
    """Return the processes that a process started."""
    tasks = Path(f"/proc/{process}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("devices")


@pytest.fixture(scope="module", autouse=True)
def cache_of_all(place: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENRELAB_CACHE", str(place / "cache"))
        yield


@pytest.fixture(scope="module")
def together(place: Path) -> Path:
    """The folder of a run of two processes, which decoded the corpus."""
    out = place / "two"
    done = subprocess.run(command(out, 2), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 1/5") == 1, "process 0 alone reports"
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    return out


@pytest.mark.slow
def test_two_processes_train_like_one(together: Path, place: Path) -> None:
    assert len(list((place / "cache" / "stores").iterdir())) == 1, "one store for all"
    alone = place / "one"
    assert main([*TRAIN, f"--out={alone}"]) == 0
    ours, theirs = history(together), history(alone)
    np.testing.assert_allclose(ours[FIGURES], theirs[FIGURES], rtol=0, atol=1e-4)
    first, second = (pd.read_csv(out / RUN / "predictions.csv") for out in (together, alone))
    numbers = first.select_dtypes("number").columns
    pd.testing.assert_frame_equal(first.drop(columns=numbers), second.drop(columns=numbers))
    np.testing.assert_allclose(first[numbers], second[numbers], rtol=0, atol=1e-3)
    for name in ("recipe.yaml", "split.csv", "sound.sha256", "sounds.csv"):
        assert (together / RUN / name).read_bytes() == (alone / RUN / name).read_bytes()
    assert len(list((together / RUN / "log").glob("events*"))) == 1


@pytest.mark.slow
def test_a_killed_process_ends_the_other_and_the_run_resumes(together: Path, place: Path) -> None:
    out = place / "killed"
    with subprocess.Popen(command(out, 2), stderr=subprocess.PIPE, text=True) as process:
        while not (out / RUN / "last.ckpt").is_file():
            assert process.poll() is None
            time.sleep(0.01)
        (child,) = children(process.pid)
        os.kill(child, signal.SIGKILL)
        told = process.communicate(timeout=120)[1].splitlines()[-1]
    assert process.returncode == 1
    assert told.startswith("genrelab: process 1 of 2 was ended by SIGKILL") and "repeat the command" in told
    assert not (out / RUN / "metrics.json").exists()
    done = subprocess.run(command(out, 2), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "epoch 1/5" not in done.stderr, "the finished epochs are kept"
    undisturbed, resumed = (load_file(each / RUN / "best.safetensors") for each in (together, out))
    assert all(np.array_equal(resumed[name], undisturbed[name]) for name in undisturbed)


@pytest.mark.slow
def test_if_the_first_process_is_killed_the_other_says_so(together: Path, place: Path) -> None:
    out = place / "headless"
    with subprocess.Popen(command(out, 2), stderr=subprocess.PIPE, text=True) as process:
        while not (out / RUN / "last.ckpt").is_file():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        told = process.communicate(timeout=120)[1]  # until the other process has closed it, too
    assert "genrelab: process 0 of 2 has ended" in told and "Traceback" not in told
    # A run that two processes began can be finished by one.
    assert main([*TRAIN, f"--out={out}"]) == 0
    np.testing.assert_allclose(history(out)[FIGURES], history(together)[FIGURES], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_two_machines_end_with_the_error_of_the_first(place: Path) -> None:
    out = place / "machines"
    (out / RUN).mkdir(parents=True)
    (out / RUN / "recipe.yaml").write_text("another: recipe\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    machines = [
        subprocess.Popen(
            command(out, 1, "--nodes=2"),
            env={**shared, "NODE_RANK": str(node)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in (0, 1)
    ]
    first, second = (each.communicate(timeout=600)[1].splitlines() for each in machines)
    assert [each.returncode for each in machines] == [1, 1]
    assert first == second and "holds a run with other values of the recipe" in first[-1]


def test_more_devices_than_the_machine_has(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = (os.cpu_count() or 1) + 1
    assert main([*TRAIN, f"--devices={count}", f"--out={place / 'none'}"]) == 1
    assert f"choose --devices {count - 1} or fewer" in capsys.readouterr().err
    assert not (place / "none").exists()


def test_an_error_of_the_first_process_is_told_once(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*TRAIN, "--devices=2", f"--out={place / 'none'}", "--set=training.batch_size=2"]
    assert main([*arguments, "--set=training.nonsense=1"]) == 2
    assert capsys.readouterr().err.count("nonsense") == 1


def test_several_machines_need_an_address(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    assert main([*TRAIN, "--nodes=2", f"--out={place / 'none'}"]) == 2
    assert "NODE_RANK, MASTER_ADDR, MASTER_PORT" in capsys.readouterr().err
