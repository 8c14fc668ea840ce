"""The temporary folder: private, emptied of what killed servers left, and of no other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from raising import raises

from genrelab.serve.uploads.temp import TempFolder

_LEAVE = """
import os, sys
from pathlib import Path
from genrelab.serve.uploads.temp import TempFolder
temp = TempFolder(Path(sys.argv[1]), most_bytes=100)
for name in ("a.mp3", "b.flac"):
    made, file = temp.new(name)
    file.write(b"sound")
    file.close()
    print(made, flush=True)
print(temp.path, flush=True)
if sys.argv[2] == "stay":
    sys.stdin.read()
os._exit(9)
"""


@pytest.fixture(autouse=True)
def system_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def leave(library: Path) -> tuple[str, str, Path]:
    """Let a server end without cleaning up; return two uploads and the folder."""
    command = [sys.executable, "-c", _LEAVE, str(library), "end"]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    return lines[0], lines[1], Path(lines[2])


def made_in(library: Path, most_bytes: int = 1000) -> TempFolder:
    return TempFolder(library, most_bytes=most_bytes)


def test_it_is_private_and_removed_at_the_end(tmp_path: Path) -> None:
    temp = made_in(tmp_path / "library.db")
    assert list((tmp_path / "temp").iterdir()) == []
    made, file = temp.new("a/../b.MP3")
    file.close()
    assert made.endswith(".mp3")
    assert temp.new("evil.sh")[0].isalnum()
    folder = temp.path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (temp.path / made).stat().st_mode & 0o777 == 0o600
    assert temp.find(made) == temp.path / made
    temp.close()
    assert not folder.exists()


def test_what_a_killed_server_left_is_kept_only_for_its_jobs(tmp_path: Path) -> None:
    library = tmp_path / "library.db"
    kept, other, folder = leave(library)
    temp = made_in(library)
    assert temp.find(kept) == folder / kept
    temp.sweep({kept})
    assert not folder.exists()
    assert temp.find(kept) == temp.path / kept
    assert temp.find(other) is None
    temp.close()


def test_folders_of_living_servers_and_other_libraries_stay(tmp_path: Path) -> None:
    library = tmp_path / "library.db"
    command = [sys.executable, "-c", _LEAVE, str(library), "stay"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        made, _, living = (process.stdout.readline().rstrip("\n") for _ in range(3))
        foreign = leave(tmp_path / "other.db")[2]
        temp = made_in(library)
        temp.sweep(())
        assert (Path(living) / made).exists()
        assert foreign.exists()
        temp.remove(made)  # its job was cancelled here
        assert not (Path(living) / made).exists()
        temp.close()
        process.communicate("")


def test_folders_that_others_can_write_are_not_touched(tmp_path: Path, system_temp: Path) -> None:
    library = tmp_path / "library.db"
    first = made_in(library)
    prefix = first.path.name[: -len("xxxxxxxx")]
    first.close()
    target = tmp_path / "precious"
    target.mkdir()
    (target / "lock").touch()
    (system_temp / f"{prefix}link0000").symlink_to(target)
    open_to_all = system_temp / f"{prefix}open0000"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / "lock").touch()
    temp = made_in(library)
    temp.sweep(())
    assert (target / "lock").exists()
    assert open_to_all.exists()
    temp.close()


@pytest.mark.parametrize(
    "name", ["../library.db", "/etc/passwd", "lock", "", "a" * 32 + "/..", "0" * 32 + ".M"]
)
def test_names_that_it_did_not_make_are_no_files(tmp_path: Path, name: str) -> None:
    temp = made_in(tmp_path / "library.db")
    assert temp.find(name) is None
    temp.remove(name)
    assert (temp.path / "lock").exists()
    temp.close()


def test_a_link_is_no_upload(tmp_path: Path) -> None:
    temp = made_in(tmp_path / "library.db")
    secret = tmp_path / "secret"
    secret.write_text("x")
    os.symlink(secret, temp.path / ("0" * 32))
    assert temp.find("0" * 32) is None
    temp.close()


def test_waiting_uploads_are_bounded_together(tmp_path: Path) -> None:
    temp = made_in(tmp_path / "library.db", most_bytes=10)
    made, file = temp.new("a")
    temp.reserve(made, 6)
    file.write(bytes(6))
    file.close()
    with raises("uploads-full", 6):
        temp.reserve(made, 5)
    temp.remove(made)
    temp.reserve(temp.new("b")[0], 10)
    temp.close()


@pytest.mark.parametrize("written", [0, 3])
def test_room_is_free_again_whatever_became_of_the_file(tmp_path: Path, written: int) -> None:
    temp = made_in(tmp_path / "library.db", most_bytes=10)
    made, file = temp.new("a")
    temp.reserve(made, 10)
    file.write(bytes(written))  # the disk is full
    file.close()
    if not written:
        (temp.path / made).unlink()  # the system removes old temporary files
    temp.remove(made)
    temp.reserve(temp.new("b")[0], 10)
    temp.close()


def test_a_folder_that_the_system_removed_is_made_again(tmp_path: Path) -> None:
    temp = made_in(tmp_path / "library.db")
    gone = temp.path
    shutil.rmtree(gone)
    made, file = temp.new("a.mp3")
    file.close()
    found = temp.find(made)
    assert found is not None and found.is_file() and found.parent != gone
    other = made_in(tmp_path / "library.db")
    other.sweep(())
    assert found.is_file()  # its lock holds
    other.close()
    temp.close()
    assert not found.parent.exists()
