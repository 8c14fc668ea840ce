"""Many known files are looked up at once, in order, and the others are recognized as before."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from big_library import make_library
from tiny_onnx import RATE, tone

from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.library import CachedRecognizer, Library
from genrelab.library.store.file_snapshot import FileSnapshot, RealFolders
from genrelab.library.store.schema.shown import Shown
from genrelab.recognize import Recognizer, scan

ROWS = 1200


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Files that the library beside the folder knows."""
    music = Path(os.path.realpath(tmp_path)) / "music"
    make_library(tmp_path / "l.db", ROWS, folder=os.fspath(music), files=True)
    return music


def test_a_few_statements_find_all(music: Path, tmp_path: Path) -> None:
    statements: list[str] = []
    with Library(tmp_path / "l.db") as library:
        cached = CachedRecognizer(Recognizer.load(PACKAGED_MODEL), library)
        whole = list(library.tracks.all())
        library.database._connection.set_trace_callback(statements.append)
        assert list(cached.recognize_many(scan([music]), jobs=2)) == whole
        assert cached.recalled == len(whole) == ROWS
        assert len(statements) < ROWS / 50
        cached.shown = Shown(2, timeline=False, tags=False)
        short = list(cached.recognize_many(scan([music])))
    assert [(each.path, each.genre, each.genres) for each in short] == [
        (each.path, each.genre, each.genres[:2]) for each in whole
    ]
    assert not any(each.timeline or each.tags for each in short)


def test_new_and_changed_files_among_known_ones_keep_their_places(music: Path, tmp_path: Path) -> None:
    import soundfile

    files = [found for found in scan([music]) if isinstance(found, Path)]
    new = files[40].with_name("50 new.wav")
    soundfile.write(new, tone(300.0, 6.0), RATE)
    os.utime(files[700])  # its sound is not that of the library: it is empty
    with Library(tmp_path / "l.db") as library:
        cached = CachedRecognizer(Recognizer.load(PACKAGED_MODEL), library)
        for _ in range(2):
            records = list(cached.recognize_many(scan([music]), jobs=2))
            assert [record.path for record in records] == sorted([*files, new])
            (changed,) = [record for record in records if record.path == files[700]]
            assert changed.error is not None
            (added,) = [record for record in records if record.path == new]
            assert added.error is None and added.genres
    assert cached.recalled == 2 * (ROWS - 1) + 2  # the new and the changed file the second time


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_links_lead_to_the_files(music: Path, tmp_path: Path) -> None:
    some = [found for found in scan([music]) if isinstance(found, Path)][:3]
    (tmp_path / "folder").symlink_to(some[0].parent)
    (tmp_path / "link.mp3").symlink_to(some[1])
    names = [tmp_path / "folder" / some[0].name, tmp_path / "link.mp3", some[2], some[2]]
    folders = RealFolders()
    for name in names:
        one, other = FileSnapshot(name), FileSnapshot(name, folders)
        assert (one.real, one.size, one.mtime_ns) == (other.real, other.size, other.mtime_ns)
    with Library(tmp_path / "l.db") as library:
        cached = CachedRecognizer(Recognizer.load(PACKAGED_MODEL), library)
        records = list(cached.recognize_many(names))
    assert [record.path for record in records] == names
    assert cached.recalled == 4


@pytest.mark.parametrize("name", ["x.mp3", "./x.mp3", "a/../x.mp3", "a/x.mp3", "/etc/hostname", "a/."])
def test_paths_of_any_form(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    for place in ("x.mp3", "a/x.mp3"):
        Path(place).touch()
    if not Path(name).is_file():
        with pytest.raises(OSError, match="regular"):
            FileSnapshot(Path(name), RealFolders())
    else:
        assert FileSnapshot(Path(name), RealFolders()).real == FileSnapshot(Path(name)).real
