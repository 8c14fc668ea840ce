"""Undo after a program that works with genrelab wrote other tags."""

from __future__ import annotations

import shutil
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from genrelab.library import Library, Tagger, TagPolicy
from genrelab.library.tagging.undo.following import keep_up, standing_change
from genrelab.recognize.recognition import RankedGenre, Recognition

SUFFIXES = (".flac", ".mp3", ".ogg")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    with Library(tmp_path / "library.db") as library:
        yield library


@pytest.fixture(params=SUFFIXES)
def song(request: pytest.FixtureRequest, tmp_path: Path, library: Library) -> Path:
    """A file with the genre `Other`, which genrelab has changed to `Jazz`."""
    from genrelab.library.store.file_snapshot import FileSnapshot

    path = tmp_path / f"song{request.param}"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 22050).astype("float32"), 22050)
    _set(path, genre="Other", title="One")
    snapshot = FileSnapshot(path)
    snapshot.hash_sound()
    ranked = (RankedGenre("jazz", 0.9),)
    library.tracks.store(snapshot, Recognition(path, "m", 1.0, "jazz", 0.9, ranked), "")
    (record,) = Tagger(library).tag([path], TagPolicy("overwrite", spelling="plain"), write=True)
    assert (record.status, record.after) == ("written", ("Jazz",))
    return path


def _set(path: Path, **tags: str) -> None:
    file = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    for name, value in tags.items():
        file[name] = value
    file.save()


def _undo(library: Library, path: Path) -> tuple[str, str | None]:
    (record,) = Tagger(library).undo([path])
    return record.status, record.code


def test_other_tags_written_meanwhile_stay_and_the_genre_is_undone(library: Library, song: Path) -> None:
    for title in ("Two", "Three"):
        standing = standing_change(library, song)
        _set(song, title=title)
        assert keep_up(library, song, standing)
    assert _undo(library, song) == ("undone", None)
    file = mutagen.File(song, easy=True)
    assert (file["title"], file["genre"]) == (["Three"], ["Other"])


def test_without_it_undo_refuses(library: Library, song: Path) -> None:
    _set(song, title="Two")
    assert standing_change(library, song) is None
    assert _undo(library, song) == ("error", "tag-undo-changed")


def test_a_genre_that_was_changed_is_not_followed(library: Library, song: Path) -> None:
    standing = standing_change(library, song)
    _set(song, genre="Polka")
    assert not keep_up(library, song, standing)
    assert _undo(library, song) == ("error", "tag-undo-changed")
    assert mutagen.File(song, easy=True)["genre"] == ["Polka"]


def test_other_audio_is_not_followed(library: Library, song: Path, tmp_path: Path) -> None:
    standing = standing_change(library, song)
    other = tmp_path / f"other{song.suffix}"
    soundfile.write(other, np.random.default_rng(1).normal(0, 0.1, 22050).astype("float32"), 22050)
    _set(other, genre="Jazz")
    shutil.copyfile(other, song)
    assert not keep_up(library, song, standing)


def test_a_file_that_was_not_changed_has_nothing_to_follow(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "new.flac"
    soundfile.write(path, np.zeros(22050, np.float32), 22050)
    assert standing_change(library, path) is None
