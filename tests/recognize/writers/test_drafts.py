"""Files in the making: short names, held while they are written, removed when their process was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genrelab import drafts
from genrelab.drafts import Draft, is_name, new_name, remove_abandoned, sweep
from genrelab.files import replace_file, replace_text
from genrelab.recognize.writers.output import open_output

posix = pytest.mark.skipif(sys.platform == "win32", reason="flock, links and FIFOs")

WRITER = """
import sys, time
from genrelab.drafts import Draft
with Draft(sys.argv[1]) as draft:
    draft.file.write(b"half")
    draft.file.flush()
    print(draft.path.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def nothing_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just begun."""
    monkeypatch.setattr(drafts, "_swept", set())


def start_writer(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-c", WRITER, str(folder)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    return writer, writer.stdout.readline().strip()


@posix
@pytest.mark.parametrize("write", [replace_text, lambda path, text: _write_output(path, text)])
def test_a_killed_process_leaves_what_the_next_removes_and_a_living_one_keeps_it(write, tmp_path) -> None:
    writer, name = start_writer(tmp_path)
    assert is_name(name)
    write(tmp_path / "a.txt", "a")
    assert sorted(os.listdir(tmp_path)) == sorted([name, "a.txt"])
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert name in os.listdir(tmp_path)
    drafts._swept.clear()
    write(tmp_path / "a.txt", "b")
    assert os.listdir(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "b"


def _write_output(path: Path, text: str) -> None:
    with open_output(path) as out:
        out.write(text.encode())


@posix
def test_what_is_not_a_draft_by_name_and_kind_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("thesis")
    stay = [
        *(".genrelab-0123456789abcdef.tmp.bak", "genrelab-0123456789abcdef.tmp", ".genrelab-0123.tmp"),
        *(
            ".genrelab-0123456789ABCDEF.tmp",
            ".genrelab-0123456789abcdef.tmp\n",
            ".genrelab-0123456789abcdeg.tmp",
        ),
        ".genrelab-٠١٢٣٤٥٦٧٨٩abcdef.tmp",
    ]
    for name in stay:
        (tmp_path / name).write_text("another's")
    link, fifo, folder = (tmp_path / new_name() for _ in range(3))
    link.symlink_to(precious)
    os.mkfifo(fifo)
    folder.mkdir()
    ours = tmp_path / new_name()
    ours.write_text("left")
    before = set(os.listdir(tmp_path))
    sweep(tmp_path)
    assert set(os.listdir(tmp_path)) == before - {ours.name}
    assert precious.read_text() == "thesis"
    for path in [precious, link, fifo, folder, tmp_path / ".." / tmp_path.name / "precious"]:
        assert not remove_abandoned(path) and os.path.lexists(path)
    for path in (link, os.fsencode(link)):
        assert not remove_abandoned(path)


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".svg")
    with open_output(path) as out:
        out.write(b"drawn")
    replace_text(path.with_suffix(".txt"), "told")
    assert path.read_bytes() == b"drawn" and path.with_suffix(".txt").read_text() == "told"
    assert len(os.listdir(tmp_path)) == 2


def test_a_draft_that_its_writer_replaces_takes_its_place(tmp_path: Path) -> None:
    def write(draft: Path) -> None:
        beside = tmp_path / "beside"
        beside.write_text("whole")
        os.replace(beside, draft)

    replace_file(tmp_path / "x", write)
    assert (tmp_path / "x").read_text() == "whole" and os.listdir(tmp_path) == ["x"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(ZeroDivisionError), Draft(tmp_path) as draft:
        draft.file.write(b"new")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["x"]
    with pytest.raises(FileNotFoundError):
        replace_text(tmp_path / "none" / "x", "new")


@posix
def test_a_draft_that_is_swept_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = drafts._lock, []

    def late(number: int, *, wait: bool) -> None:
        if not taken:
            (name,) = os.listdir(tmp_path)
            taken.append(name)
            os.unlink(tmp_path / name)
        lock(number, wait=wait)

    monkeypatch.setattr(drafts, "_lock", late)
    with Draft(tmp_path) as draft:
        draft.file.write(b"new")
        draft.take_place(tmp_path / "x")
    assert taken and (tmp_path / "x").read_bytes() == b"new"


@posix
def test_permissions(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        for mode, wanted in ((0o666, 0o644), (0o600, 0o600)):
            with Draft(tmp_path, mode=mode) as draft:
                assert draft.path.stat().st_mode & 0o777 == wanted
    finally:
        os.umask(old)
