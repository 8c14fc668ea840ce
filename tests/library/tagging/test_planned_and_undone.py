"""Genres that the user chose, writing exactly what was shown, undo by number, and the history."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import tagged
from raising import raises
from tagged import only

from genrelab.library import Library, Tagger, TagPolicy
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.tagging.planned import plan_digest
from genrelab.library.tagging.undo.history import history
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre

Know = Callable[..., Path]
KINDS = ["mp3-23", "mp3-24-genre", "mp3-all", "flac-genre", "ogg", "opus", "m4a", "wma", "wav", "mka-genre"]


@pytest.fixture
def know(library: Library, tmp_path: Path) -> Know:
    """Make a file that the library has an answer to: rock 0.6, hiphop 0.4."""

    def know(kind: str, folder: str = "", **said: object) -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        path = tagged.make(place, kind)
        ranked = (RankedGenre("rock", 0.6), RankedGenre("hiphop", 0.4))
        answer = {"genre": "rock", "confidence": 0.6, "genres": ranked, **said}
        library.tracks.store(FileSnapshot(path), Recognition(path, "m@1", duration=1.0, **answer))  # type: ignore[arg-type]
        return path

    return know


def given(*genres: str, **options: object) -> TagPolicy:
    return TagPolicy(mode="overwrite", spelling="plain", given=genres, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_chosen_genre_is_written_and_undone(kind: str, know: Know, tagger: Tagger) -> None:
    path = know(kind)
    whole, sound = path.read_bytes(), tagged.samples(path)
    record = only(tagger.tag([path], given("hiphop"), write=True))
    assert (record.status, record.after, record.note) == ("written", ("Hip-Hop",), "predicted: rock")
    assert tagged.genres(path)[:1] == ("Hip-Hop",)
    assert tagged.samples(path) == sound
    assert only(tagger.undo([path])).status == "undone"
    assert path.read_bytes() == whole


def test_a_chosen_genre_needs_no_confident_answer_but_obeys_the_other_rules(
    know: Know, tagger: Tagger
) -> None:
    unsure = know("flac", genre="unsure", confidence=0.2, reason="low confidence")
    assert only(tagger.tag([unsure], given("Zydeco"))).after == ("Zydeco",)
    has_one = know("flac-genre")
    keeps = TagPolicy(given=("Zydeco",))
    assert only(tagger.tag([has_one], keeps)).note == "has a genre"
    combined = only(tagger.tag([has_one], TagPolicy(mode="combine", given=("Zydeco",))))
    assert combined.after == ("Dub", "Ska", "Zydeco")
    assert only(tagger.tag([has_one], given("Rock", min_confidence=0.99))).note is None


def test_what_was_shown_is_written(know: Know, tagger: Tagger) -> None:
    paths = [know("flac"), know("mp3-23")]
    shown = list(tagger.tag(paths, TagPolicy()))
    planned = plan_digest(shown, TagPolicy())
    assert planned == plan_digest(list(tagger.tag(paths, TagPolicy())), TagPolicy())
    written = list(tagger.tag(paths, TagPolicy(), write=True, planned=planned))
    assert [(record.status, record.after) for record in written] == [("written", ("rock",))] * 2


def test_an_outdated_plan_writes_nothing(know: Know, tagger: Tagger, library: Library) -> None:
    paths = [know("flac"), know("mp3-23")]
    planned = plan_digest(list(tagger.tag(paths, TagPolicy())), TagPolicy())

    def refused(policy: TagPolicy | None = None, files: list[Path] | None = None) -> None:
        before = [path.read_bytes() for path in paths]
        with raises("tag-plan-outdated"):
            list(tagger.tag(files or paths, policy or TagPolicy(), write=True, planned=planned))
        assert [path.read_bytes() for path in paths] == before and library.journal.count() == 0

    refused(TagPolicy(genres=2))
    refused(files=paths[:1])
    refused(files=paths[::-1])
    os.utime(paths[1])  # someone saved it
    refused()
    planned = plan_digest(list(tagger.tag(paths, TagPolicy())), TagPolicy())
    library.tracks.store(
        FileSnapshot(paths[0]),
        Recognition(
            paths[0], "m@1", duration=1.0, genre="rock", confidence=0.7, genres=(RankedGenre("rock", 0.7),)
        ),
    )
    refused()


def test_a_file_that_changes_during_the_run_is_left(know: Know, tagger: Tagger) -> None:
    first, second = know("flac"), know("mp3-23")
    planned = plan_digest(list(tagger.tag([first, second], TagPolicy())), TagPolicy())
    records = tagger.tag([first, second], TagPolicy(), write=True, planned=planned)
    assert next(records).status == "written"
    tagged.tag_id3(second, 3, "Polka")
    record = next(records)
    assert (record.status, record.code) == ("error", "tag-plan-outdated")
    assert tagged.genres(second) == ("Polka",)


def test_changes_are_undone_by_number_the_latest_first(know: Know, tagger: Tagger, library: Library) -> None:
    one, two = know("flac"), know("mp3-24-genre")
    before = [one.read_bytes(), two.read_bytes()]
    for genre in ("Rock", "Pop"):
        for path in (one, two):
            only(tagger.tag([path], given(genre), write=True))
    changes, total = history(library, limit=10)
    assert total == 4
    assert [(change.path, change.last) for change in changes] == [
        *((two, True), (one, True), (two, False), (one, False))
    ]
    ((field,), numbers) = changes[1].fields, [change.number for change in changes]
    assert (field.field, field.before, field.after) == ("genre", ("Rock",), ("Pop",))
    assert changes[2].fields[0].before == ("Krautrock",)
    with raises("tag-change-unknown", 999):
        list(tagger.undo_changes([numbers[0], 999]))
    assert library.journal.count() == 4
    (refused,) = tagger.undo_changes([numbers[3]])
    assert (refused.status, refused.code) == ("error", "tag-change-not-last")
    undone = list(tagger.undo_changes([numbers[3], numbers[1], numbers[0], numbers[0]]))
    assert [(record.path, record.status) for record in undone] == [
        *((two, "undone"), (one, "undone"), (one, "undone"))
    ]
    assert one.read_bytes() == before[0] and tagged.genres(two) == ("Rock",)
    list(tagger.undo_changes([numbers[2]]))
    assert two.read_bytes() == before[1]
    with raises("tag-change-unknown", numbers[2]):
        list(tagger.undo_changes([numbers[2]]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_history_of_each_format(kind: str, know: Know, tagger: Tagger, library: Library) -> None:
    path = know(kind)
    record = only(tagger.tag([path], given("Zydeco"), write=True))
    whole = path.read_bytes()
    ((change,), _) = history(library, limit=1)
    assert (change.fields[0].before, change.fields[0].after) == (record.before, ("Zydeco",))
    assert change.when is not None and abs(change.when.timestamp() - path.stat().st_mtime) < 3600
    assert path.read_bytes() == whole


def test_pages_and_folders_of_the_history(
    know: Know, tagger: Tagger, library: Library, tmp_path: Path
) -> None:
    paths = [know("flac", folder) for folder in ("a", "b", "ab")]
    for path in paths:
        only(tagger.tag([path], TagPolicy(), write=True))
    found, total = history(library, limit=1, offset=1)
    assert (found[0].path, total) == (paths[1], 3)
    found, total = history(library, limit=9, folders=[real_path(tmp_path / "a")])
    assert ([change.path for change in found], total) == ([paths[0]], 1)
    paths[0].unlink()
    paths[1].write_bytes(b"no music")
    os.mkfifo(tmp_path / "pipe")
    paths[2].unlink()
    (tmp_path / "pipe").rename(paths[2])
    changes, _ = history(library, limit=9)
    assert [change.fields for change in changes] == [(), (), ()]
    assert all(str(change.path) in str(change.note) for change in changes)


@pytest.mark.parametrize("when", [None, -1, 2**62])
def test_a_change_without_a_usable_time(
    when: int | None, know: Know, tagger: Tagger, library: Library
) -> None:
    path = know("flac")
    whole = path.read_bytes()
    only(tagger.tag([path], TagPolicy(), write=True))
    library.database.execute("UPDATE changes SET written = ?", (when,))
    ((change,), _) = history(library, limit=1)
    assert change.when is None and change.to_dict()["when"] is None
    list(tagger.undo_changes([change.number]))
    assert path.read_bytes() == whole
