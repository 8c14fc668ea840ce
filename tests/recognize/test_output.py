from __future__ import annotations

import os
from pathlib import Path

import pytest

from genrelab.errors import UsageError
from genrelab.recognize.output import open_output


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
    with pytest.raises(UsageError, match="would be replaced"), open_output(song, keep=[song]):
        raise AssertionError
    assert song.read_text() == "music"


@pytest.mark.parametrize("name", [".", "none/x.json", "/dev/null"])
def test_where_nothing_can_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="Name"), open_output(tmp_path / name):
        raise AssertionError
