"""A full disk, wherever a training meets it: one line that names the file, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from disks import fill, small_disk
from raising import raises

from genrelab.cli.main import main
from genrelab.files import replace_file
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.training.store.audio_store import open_store

CORPUS = "synthetic:tracks=3,seconds=1"
COMMAND = (
    "train", "resnet2d-s", f"--corpus={CORPUS}", "--split=random:34/33/33", "--device=cpu",
    "--set=audio.sample_rate=8000", "--set=audio.channels=1", "--set=audio.segment_seconds=0.5",
    "--set=model.width=4", "--set=training.max_epochs=1",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kib", [12, 20, 200, 800], ids=lambda kib: f"{kib}KiB")
def test_the_file_that_could_not_be_written_is_named(kib: int, tmp_path: Path, cache: Path) -> None:
    """Log, best weights, last state, what is written at the end: which depends on what fits."""
    with small_disk(tmp_path, kib=kib) as disk:
        command = [sys.executable, "-m", "genrelab", *COMMAND, f"--out={disk}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        folder = disk / "soundfusion-resnet2d-s" / "synthetic" / "random-34-33-33-seed0"
        assert done.returncode == 1
        told = done.stderr.splitlines()[-1]
        assert f"{folder}/" in told and "No space left on device" in told and ".draft" not in told
        assert "Traceback" not in done.stderr
        assert not [path for path in folder.iterdir() if path.name.endswith(".draft")]


@pytest.mark.slow
def test_a_training_resumes_when_there_is_room_again(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path, kib=4096) as disk:
        (disk / "runs").mkdir()
        filler = fill(disk)
        assert main([*COMMAND, f"--out={disk / 'runs'}"]) == 1
        assert str(disk / "runs") in capsys.readouterr().err
        filler.unlink()
        assert main([*COMMAND, f"--out={disk / 'runs'}"]) == 0


def test_a_store_names_its_folder_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path, kib=64) as disk:
        monkeypatch.setenv("GENRELAB_CACHE", str(disk))
        with raises("store-unwritable", disk / "stores" / "synthetic", "GENRELAB_CACHE"):
            open_store(load_corpus(CORPUS), sample_rate=8000, channels=1)
        assert list((disk / "stores").iterdir()) == []


def test_an_error_without_a_name_gets_the_one_of_the_file_and_others_keep_theirs(tmp_path: Path) -> None:
    with small_disk(tmp_path, kib=64) as disk:
        (disk / "kept").write_text("old")
        with pytest.raises(OSError, match="No space left") as told:
            replace_file(disk / "kept", lambda draft: draft.write_bytes(bytes(2**20)))
        assert told.value.filename == str(disk / "kept")
        assert (disk / "kept").read_text() == "old" and len(list(disk.iterdir())) == 1
    with pytest.raises(FileNotFoundError) as told:
        replace_file(tmp_path / "absent" / "file", lambda draft: draft.write_bytes(b""))
    assert told.value.filename == str(tmp_path / "absent" / "file")
    with pytest.raises(FileNotFoundError) as told:
        replace_file(tmp_path / "file", lambda draft: (tmp_path / "source").read_bytes())
    assert told.value.filename == str(tmp_path / "source")
