from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from disks import fill, small_disk
from raising import raises
from unprivileged import as_plain_user, open_folder

from genrelab import drafts
from genrelab.recognize.writers.output import open_output

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and permissions of POSIX")


def test_the_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), open_output(path) as out:
        out.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    with open_output(path) as out:
        out.write(b"new")
        out.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with open_output(tmp_path / "link") as out:
        out.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_what_is_read_is_not_replaced(tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_text("music")
    with raises("output-is-input", song), open_output(song, keep=[song]):
        raise AssertionError
    assert song.read_text() == "music"


@pytest.mark.parametrize(
    ("name", "code"),
    [(".", "output-no-file"), ("none/x.json", "output-unwritable"), ("/dev/null", "output-no-file")],
)
def test_where_nothing_can_be_written(tmp_path: Path, name: str, code: str) -> None:
    with raises(code, name), open_output(tmp_path / name):
        raise AssertionError


def _refuse(path: Path, code: str) -> None:
    with raises(code, path), open_output(path):
        raise AssertionError


@posix
def test_a_write_protected_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")
    path.chmod(0o444)
    _refuse(path, "output-protected")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x.json"]


@posix
def test_without_permission_nothing_is_written() -> None:
    with open_folder() as folder:
        path = folder / "x.json"
        path.write_text("another's")
        path.chmod(0o644)
        as_plain_user(lambda: _refuse(path, "output-protected"))
        folder.chmod(0o555)
        as_plain_user(lambda: _refuse(folder / "y.json", "output-unwritable"))
        assert path.read_text() == "another's" and os.listdir(folder) == ["x.json"]


@posix
def test_a_link_that_leads_in_a_circle_stays(tmp_path: Path) -> None:
    for name, to in (("a", "b"), ("b", "a"), ("self", "self")):
        (tmp_path / name).symlink_to(tmp_path / to)
    for name in ("a", "self"):
        _refuse(tmp_path / name, "output-link-circle")
        assert (tmp_path / name).is_symlink()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = disk / "x.json"
        path.write_text("old")
        filler = fill(disk)
        with pytest.raises(OSError) as caught, open_output(path) as out:  # noqa: PT011
            out.write(bytes(100_000))
        assert caught.value.errno == errno.ENOSPC
        assert path.read_text() == "old" and sorted(os.listdir(disk)) == ["filler", "x.json"]
        filler.unlink()
        with open_output(path) as out:
            out.write(b"new")
        assert path.read_text() == "new"


def test_an_interrupt_as_soon_as_the_file_is_there_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(number: int, *, wait: bool) -> None:
        assert os.listdir(tmp_path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(drafts, "_lock", interrupted)
        with pytest.raises(KeyboardInterrupt), open_output(tmp_path / "x.json"):
            raise AssertionError("there is nothing to write to")
    assert os.listdir(tmp_path) == []


def test_another_file_under_the_drafts_name_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with drafts.Draft(tmp_path) as draft:
        draft.file.write(b"another's")
        draft.file.flush()
        monkeypatch.setattr(drafts, "new_name", lambda: draft.path.name)
        _refuse(tmp_path / "x.json", "output-unwritable")
        assert draft.path.read_text() == "another's"
