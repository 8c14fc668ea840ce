"""What a user may choose about writing: what counts as empty, separators, times, hard links, damage."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import mutagen
import mutagen.id3
import pytest
import tagged
from tagged import only

import genrelab.library
from genrelab.library import Library, Tagger, TagPolicy
from genrelab.library.explore import similar
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tagging import consistency
from genrelab.library.tagging.consistency import check
from genrelab.library.tagging.genre_text import Placeholders
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import Notice, RankedGenre

Know = Callable[..., Path]
linux = pytest.mark.skipif(sys.platform != "linux", reason="hard links, times of files")


@pytest.fixture
def know(library: Library, tmp_path: Path) -> Know:
    """Make a file that the library has an answer to: rock 0.6, pop 0.3, jazz 0.099."""

    def know(kind: str, *genres: str, **said: object) -> Path:
        path = tagged.make(tmp_path, kind)
        if genres:
            put_genres(path, genres)
        ranked = tuple(RankedGenre(*pair) for pair in (("rock", 0.6), ("pop", 0.3), ("jazz", 0.099)))
        answer = {"genre": "rock", "confidence": 0.6, "genres": ranked, **said}
        library.tracks.store(FileSnapshot(path), Recognition(path, "m@1", duration=1.0, **answer))  # type: ignore[arg-type]
        return path

    return know


def put_genres(path: Path, genres: tuple[str, ...]) -> None:
    """Write genres as another program does."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if path.suffix in (".mp3", ".wav", ".aiff"):
        file.tags.add(mutagen.id3.TCON(encoding=1, text=list(genres)))
        version = {"v2_version": file.tags.version[1]} if file.tags.version[1] == 3 else {}
        file.tags.save(path, **version, **({"v23_sep": None} if version else {}))
        return
    file[{".m4a": "\xa9gen", ".wma": "WM/Genre"}.get(path.suffix, "GENRE")] = list(genres)
    file.save()


NOTHING = ("(255)", "Unknown", "Other", "genre", "none", " ", "Other; Unknown")


@pytest.mark.parametrize(
    "kind", ["mp3-23", "mp3-24", "flac", "ogg", "opus", "oga", "m4a", "wma", "wav", "aiff"]
)
@pytest.mark.parametrize("text", NOTHING)
def test_placeholders_count_as_empty(text: str, kind: str, know: Know, tagger: Tagger) -> None:
    path = know(kind, text)
    whole = path.read_bytes()
    record = only(tagger.tag([path], TagPolicy(), write=True))
    assert (record.status, record.after) == ("written", ("rock",))
    assert tagged.genres(path) == ("rock",)
    undone = only(tagger.undo([path]))
    assert undone.status == "undone" and undone.after == record.before
    if kind not in ("ogg", "opus", "oga", "m4a"):
        assert path.read_bytes() == whole


def test_a_user_chooses_the_placeholders(know: Know, tagger: Tagger) -> None:
    path = know("flac", "Unknown")
    none = TagPolicy(placeholders=Placeholders.parse(""))
    assert only(tagger.tag([path], none)).status == "left"
    put_genres(path, ("Sonstige",))
    assert only(tagger.tag([path], TagPolicy())).status == "left"
    assert (
        only(tagger.tag([path], TagPolicy(placeholders=Placeholders.parse("sonstige")))).status
        == "would write"
    )


def test_combine_leaves_placeholders_out(know: Know, tagger: Tagger) -> None:
    path = know("flac", "Unknown", "Dub")
    assert only(tagger.tag([path], TagPolicy("combine"))).after == ("Dub", "rock")


@pytest.mark.parametrize(
    ("kind", "genres", "expected"),
    [
        ("flac", ("Dub; Rock",), ("Dub; Rock", "pop")),
        ("flac", ("R&B/Soul",), ("R&B/Soul", "rock", "pop")),
        ("flac", ("Pop/Rock",), None),
        ("mp3-23", ("Dub;Rock",), ("Dub;Rock/pop",)),
        ("mp3-24", ("Dub", "ROCK"), ("Dub", "ROCK", "pop")),
    ],
)
def test_combine_sees_several_genres_in_one_text(
    kind: str, genres: tuple[str, ...], expected: tuple[str, ...] | None, know: Know, tagger: Tagger
) -> None:
    record = only(tagger.tag([know(kind, *genres)], TagPolicy("combine", genres=2)))
    assert record.after == (expected or genres) and record.status == ("would write" if expected else "left")


@pytest.mark.parametrize("kind", ["mp3-23", "mp3-22", "wav-genre"])
@pytest.mark.parametrize(
    ("separator", "expected"),
    [("/", ("rock/pop",)), (";", ("rock;pop",)), ("; ", ("rock; pop",)), ("\0", ("rock", "pop"))],
)
def test_the_separator_of_id3v23(
    separator: str, expected: tuple[str, ...], kind: str, know: Know, tagger: Tagger
) -> None:
    path = know(kind)
    whole = path.read_bytes()
    wish = TagPolicy("overwrite", genres=2, id3v23_separator=separator)
    plan, record = only(tagger.tag([path], wish)), only(tagger.tag([path], wish, write=True))
    assert plan.after == record.after == expected
    assert tagged.genres(path) == expected
    assert only(tagger.tag([path], wish)).status == "left"
    assert only(tagger.undo([path])).status == "undone" and path.read_bytes() == whole


def test_the_separator_is_not_for_tags_that_hold_several_values(know: Know, tagger: Tagger) -> None:
    for kind in ("mp3-24", "flac", "m4a"):
        record = only(tagger.tag([know(kind)], TagPolicy(genres=2, id3v23_separator="; "), write=True))
        assert record.after == ("rock", "pop")


def test_further_genres_of_little_probability(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    record = only(tagger.tag([path], TagPolicy(genres=3)))
    assert record.after == ("rock", "pop")
    assert record.note.startswith("1 ") and "0.1" in record.note and "--min-confidence" in record.note
    assert only(tagger.tag([path], TagPolicy(genres=2))).note is None
    for limit in (0.0, 0.05):
        record = only(tagger.tag([path], TagPolicy(genres=3, min_confidence=limit)))
        assert record.after == ("rock", "pop", "jazz") and record.note is None
    low = know("ogg", genre="rock", confidence=0.08, genres=(RankedGenre("rock", 0.08),))
    assert only(tagger.tag([low], TagPolicy(genres=3))).after == ("rock",)  # the first is no further one


@linux
@pytest.mark.parametrize("kind", ["flac", "mp3-24", "wav-info", "m4a", "wma-ffmpeg"])
def test_the_time_of_a_file_is_kept(kind: str, know: Know, tagger: Tagger, library: Library) -> None:
    """It stays known, and a change by others is still seen, also where the size stays the same."""
    path = know(kind)
    whole, then = path.read_bytes(), 1_234_567_890_123_456_789
    os.utime(path, ns=(then, then))
    assert library.tracks.find(FileSnapshot(path)) is not None
    assert only(tagger.tag([path], TagPolicy(keep_mtime=True), write=True)).status == "written"
    assert path.stat().st_mtime_ns == then
    seen = FileSnapshot(path)
    seen.hash_sound = lambda: pytest.fail("the file was read anew")  # type: ignore[method-assign]
    assert library.tracks.find(seen) is not None
    assert only(tagger.undo([path], keep_mtime=True)).status == "undone"
    assert path.stat().st_mtime_ns == then and tagged.genres(path) == ()
    assert library.tracks.find(FileSnapshot(path)) is not None

    assert only(tagger.tag([path], TagPolicy(keep_mtime=True), write=True)).status == "written"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF  # the sound, not the size
    path.write_bytes(data)
    assert only(tagger.tag([path], TagPolicy("overwrite"))).status == "error"
    path.write_bytes(whole)
    assert only(tagger.undo([path])).status == "error"  # somebody else changed it
    assert path.read_bytes() == whole


@linux
def test_without_it_the_time_is_the_present(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    os.utime(path, (1, 1))
    only(tagger.tag([path], TagPolicy(), write=True))
    written = path.stat().st_mtime
    os.utime(path, (1, 1))
    only(tagger.undo([path]))
    assert written > 1 and path.stat().st_mtime > 1


@linux
def test_hard_links_are_named_before_and_can_be_left(know: Know, tagger: Tagger, tmp_path: Path) -> None:
    path = know("flac")
    others = [tmp_path / "second.link", tmp_path / "third.link"]
    for other in others:
        other.hardlink_to(path)
    whole = path.read_bytes()
    plan = only(tagger.tag([path], TagPolicy()))
    assert plan.status == "would write"
    assert plan.note.startswith("2 other names ")
    for write in (False, True):
        record = only(tagger.tag([path], TagPolicy(skip_hard_links=True), write=write))
        assert (record.status, record.after) == ("left", ())
        assert "2 other names " in record.note
    assert path.read_bytes() == whole and path.stat().st_nlink == 3
    written = only(tagger.tag([path], TagPolicy(), write=True))
    assert written.note.startswith("2 other names ")
    assert (
        only(tagger.tag([path], TagPolicy("overwrite", genres=2, skip_hard_links=True))).status
        == "would write"
    )
    later = tmp_path / "later.link"
    later.hardlink_to(path)
    assert only(tagger.undo([path], skip_hard_links=True)).status == "left"
    assert only(tagger.undo([path])).status == "undone"
    assert path.read_bytes() == whole and tagged.genres(tmp_path / "flac.flac") == ()


@pytest.mark.parametrize("kind", ["damaged", "cut off"])
def test_answers_of_damaged_files_are_left(kind: str, know: Know, tagger: Tagger) -> None:
    path = know("flac", notices=(Notice(kind, "1 damaged frame at 0:31"),))  # type: ignore[arg-type]
    whole = path.read_bytes()
    for write in (False, True):
        record = only(tagger.tag([path], TagPolicy(), write=write))
        assert record.status == "left" and "0:31" in str(record.note)
        assert "--damaged" in str(record.note)
    assert path.read_bytes() == whole
    assert only(tagger.tag([path], TagPolicy(damaged=True))).status == "would write"
    assert only(tagger.tag([path], TagPolicy(damaged=True), write=True)).status == "written"


@pytest.mark.parametrize("kind", ["decoder", "playlist", "output"])
def test_other_notices_do_not_matter(kind: str, know: Know, tagger: Tagger) -> None:
    path = know("flac", notices=(Notice(kind, "something"),))  # type: ignore[arg-type]
    assert only(tagger.tag([path], TagPolicy(), write=True)).status == "written"


def test_check_reads_tags_by_the_same_rules(know: Know, library: Library) -> None:
    know("flac", "Unknown")
    know("ogg", "Other; none")
    know("mp3-24", "Dub; Rock")
    know("opus", "Unknown", "Rock")
    know("wav-info-genre")
    report = check(library)
    assert report.counts == {"no tag": 2, "agree": 2, "unknown": 1}
    assert report.unknown == {"Dub": 2}
    all_count = check(library, placeholders=Placeholders.parse(""))
    assert all_count.counts["no tag"] == 0


def test_former_names_still_work() -> None:
    assert genrelab.library.Wish is TagPolicy
    assert consistency.check is consistency.check_tags and similar.hear is similar.find_reference
