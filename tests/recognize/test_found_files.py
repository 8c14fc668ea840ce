"""Found files are kept in little memory and come back as they were."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from genrelab.recognize import Problem, SheetTrack
from genrelab.recognize.inputs.found_files import FoundFiles
from genrelab.recognize.inputs.playlist import Found


def test_items_come_back_in_order() -> None:
    track = SheetTrack(Path("x/album.flac"), Path("x/album.cue"), 1)
    items: list[Found] = [
        *(Path("a/b.mp3"), Path("a/c.mp3"), Path("b.mp3"), Path("/b.mp3"), Path("/m/b.mp3"), Path("a/b.mp3")),
        *(Problem(Path("gone"), "gone is not there"), track, Path("."), Path(".."), Path("../x.mp3")),
        *(Path(os.fsdecode(b"/m/\xff\xfe.mp3")), Path("/m/two\nlines.mp3")),
    ]
    files = FoundFiles(items)
    assert list(files) == items and list(files) == items
    assert [type(item) for item in files] == [type(item) for item in items]
    assert len(files) == len(items)
    assert list(files.files()) == [
        item.path if isinstance(item, SheetTrack) else item for item in items if not isinstance(item, Problem)
    ]


def test_a_million_names_fit() -> None:
    files = FoundFiles(Path(f"/music/{n // 12}/Track {n % 12}.mp3") for n in range(12_000))
    assert len(files) == 12_000
    assert sum(sys.getsizeof(group[1]) for group in files._groups if isinstance(group, tuple)) < 40 * 12_000
    assert len(files._groups) == 1000
