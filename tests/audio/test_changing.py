"""Files that vanish, shrink or grow while they are read: the rest comes, or an error that names the file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genrelab.audio.containers import mpeg
from genrelab.audio.containers.mpeg import index_mpeg
from genrelab.audio.containers.window import FileWindow
from genrelab.audio.decode import decode, open_excerpts, stream
from genrelab.errors import AudioError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed there")

Encoded = Callable[[str], Path]


def _vanish(path: Path) -> None:
    path.unlink()


def _shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(path.read_bytes()[: 2**16])


CHANGES = [_vanish, _shrink, _empty, _grow]


@pytest.mark.parametrize("change", CHANGES)
def test_in_the_middle(
    kind: str, change: Callable[[Path], None], tmp_path: Path, encoded: Encoded, signal: np.ndarray
) -> None:
    path = tmp_path / f"song.{kind}"
    path.write_bytes(encoded(kind).read_bytes())
    whole = decode(path)[0]
    blocks = stream(path, block_seconds=1.0)
    heard = [next(blocks)]
    change(path)
    try:
        heard += blocks
    except AudioError as error:
        assert str(path) in str(error) and "None" not in str(error)
    else:  # it had read on, or the system keeps what is open
        found = np.concatenate(heard, axis=1)
        assert found.shape[1] >= 0.98 * whole.shape[1]
    assert np.array_equal(heard[0], whole[:, : heard[0].shape[1]])


@pytest.mark.parametrize("change", CHANGES)
def test_between_pieces(kind: str, change: Callable[[Path], None], tmp_path: Path, encoded: Encoded) -> None:
    path = tmp_path / f"song.{kind}"
    path.write_bytes(encoded(kind).read_bytes())
    with open_excerpts(path, sample_rate=8000, channels=1) as song:
        if song is None:  # such a file is read from beginning to end
            return
        assert song.take(0, 4000).shape == (1, 4000)
        change(path)
        try:
            assert song.take(32_000, 4000).shape[0] == 1
        except AudioError as error:
            assert str(path) in str(error) and "None" not in str(error)


def test_a_file_that_is_cut_while_its_frames_are_walked(
    tmp_path: Path, encoded: Encoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory map of it would end the process (SIGBUS)."""
    path = tmp_path / "song.mp3"
    path.write_bytes(b"".join([encoded("mp3").read_bytes()] * 40))
    whole = index_mpeg(path)
    calls = 0

    class Shrinking(FileWindow):
        def show(self, position: int, count: int) -> bool:
            nonlocal calls
            calls += 1
            if calls == 10:
                os.truncate(path, 5000)
            return super().show(position, count)

    monkeypatch.setattr(mpeg, "FileWindow", Shrinking)
    found = index_mpeg(path)
    assert whole is not None and found is not None and calls > 10
    assert 150 < len(found.offsets) < len(whole.offsets)


def test_recognizing_a_file_that_vanishes_is_an_error_of_that_file(tmp_path: Path, encoded: Encoded) -> None:
    """In a process of its own, whose current folder goes away as well."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "song.wav").write_bytes(encoded("wav").read_bytes())
    code = (
        "import shutil; from genrelab.audio.decode import decode; from genrelab.errors import AudioError\n"
        "shutil.rmtree('../here')\n"
        "try: decode('song.wav')\n"
        "except AudioError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "here", capture_output=True, text=True, timeout=60
    )
    assert "song.wav does not exist" in done.stdout, done.stderr
