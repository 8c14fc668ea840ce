"""Moods and styles in files: what is chosen, what is kept, and that undo takes all of it back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import mutagen
import mutagen.apev2
import mutagen.id3
import pytest
import tagged
from tagged import only

from genrelab.library import GenreMap, Library, Tagger, TagPolicy, TagRecord
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tags import Field, read_tag
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import Notice, RankedGenre, TagScore

Know = Callable[..., Path]
ALL: tuple[Field, ...] = ("genre", "mood", "grouping")
TAGS = (
    TagScore("mood", "calm", 0.9, True),
    TagScore("genre", "rock", 0.85, True),  # the genre itself
    TagScore("style", "indie", 0.8, True),
    TagScore("voice", "female", 0.75, True),
    TagScore("genre", "folk", 0.7, True),
    TagScore("mood", "sad", 0.6, True),
    TagScore("style", "punk", 0.55, True),
    TagScore("style", "garage", 0.5, True),
    TagScore("mood", "happy", 0.45, False),
    TagScore("mood", "tense", 0.2, True),
    TagScore("mood", "dark", 0.1, True),
)
MOODS, STYLES = ("calm", "sad", "tense"), ("indie", "folk", "punk")


@pytest.fixture
def know(library: Library, tmp_path: Path) -> Know:
    """Make a file that the library has an answer to: rock 0.6, with `TAGS`."""

    def know(kind: str, **said: object) -> Path:
        path = tagged.make(tmp_path, kind)
        answer = {
            "genre": "rock",
            "confidence": 0.6,
            "genres": (RankedGenre("rock", 0.6),),
            "tags": TAGS,
            **said,
        }
        library.tracks.store(FileSnapshot(path), Recognition(path, "m@1", duration=1.0, **answer))  # type: ignore[arg-type]
        return path

    return know


def after(record: TagRecord) -> dict[str, tuple[str, ...]]:
    return {"genre": record.after, **{change.field: change.after for change in record.more}}


def values(path: Path) -> dict[Field, tuple[str, ...]]:
    with path.open("rb") as file:
        tag = read_tag(file, path)
    return {field: tag.values(field) for field in ALL}


def test_without_the_options_only_the_genre_is_written(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    record = only(tagger.tag([path], TagPolicy(), write=True))
    assert record.more == () and record.status == "written"
    assert values(path) == {"genre": ("rock",), "mood": (), "grouping": ()}
    assert set(record.to_dict()) == {*TagRecord.COLUMNS}


def test_the_plan_is_what_is_written(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    whole = path.read_bytes()
    policy = TagPolicy(fields=ALL)
    plan = only(tagger.tag([path], policy))
    assert plan.status == "would write" and path.read_bytes() == whole
    assert after(plan) == {"genre": ("rock",), "mood": MOODS, "grouping": STYLES}
    record = only(tagger.tag([path], policy, write=True))
    assert after(record) == after(plan) and values(path) == after(plan)
    assert record.to_dict()["mood_after"] == list(MOODS) and record.to_dict()["grouping_before"] == []
    assert only(tagger.tag([path], policy, write=True)).status == "left"


@pytest.mark.parametrize(
    "kind", ["mp3-bare", "mp3-24-genre", "flac", "wma", "wav-info-genre", "aiff-bare", "wv"]
)
def test_undo_takes_all_fields_back_at_once(kind: str, know: Know, tagger: Tagger, library: Library) -> None:
    path = know(kind)
    whole = path.read_bytes()
    policy = TagPolicy("overwrite", fields=ALL)
    assert only(tagger.tag([path], policy, write=True)).status == "written"
    assert library.journal.count() == 1
    undone = only(tagger.undo([path]))
    assert undone.status == "undone" and {change.field for change in undone.more} == {"mood", "grouping"}
    assert path.read_bytes() == whole and library.journal.count() == 0


@pytest.mark.parametrize(
    "kind", ["mp3-23", "mp3-v1", "flac-bare", "m4a", "opus", "wma-ffmpeg", "tta-v1", "mka"]
)
def test_two_writes_are_undone_one_by_one(kind: str, know: Know, tagger: Tagger) -> None:
    path = know(kind)
    before = values(path)
    genre = TagPolicy("overwrite", genres=1)
    assert only(tagger.tag([path], genre, write=True)).status == "written"
    between = values(path)
    assert (
        only(tagger.tag([path], TagPolicy("combine", fields=("mood", "grouping")), write=True)).status
        == "written"
    )
    assert set(values(path)["mood"]) != set(between["mood"])
    assert only(tagger.undo([path])).status == "undone"
    assert values(path) == between
    assert only(tagger.undo([path])).status == "undone"
    assert values(path) == before
    assert only(tagger.undo([path])).status == "left"


def test_values_of_others_are_kept(know: Know, tagger: Tagger) -> None:
    path = know("mp3-23")  # its mood is calm
    record = only(tagger.tag([path], TagPolicy(fields=ALL), write=True))
    assert values(path) == {"genre": ("rock",), "mood": ("calm",), "grouping": ("/".join(STYLES),)}
    assert "mood: " in str(record.note)
    record = only(tagger.tag([path], TagPolicy("combine", fields=("mood",)), write=True))
    assert values(path)["mood"] == ("calm/sad/tense",)
    record = only(tagger.tag([path], TagPolicy("overwrite", fields=("mood",), most=1), write=True))
    assert values(path)["mood"] == ("calm",) and values(path)["grouping"] == ("/".join(STYLES),)


def test_a_mood_in_an_apev2_tag_counts(know: Know, tagger: Tagger) -> None:
    path = know("mp3-ape")
    tags = mutagen.apev2.APEv2(path)
    tags["Mood"] = "weird"
    tags.save()
    path = know_again(path, tagger)
    record = only(tagger.tag([path], TagPolicy(fields=("mood",))))
    assert record.status == "left" and "mood" in str(record.note)
    record = only(tagger.tag([path], TagPolicy("overwrite", fields=("mood",)), write=True))
    assert record.status == "written" and "weird" in str(record.note)


def know_again(path: Path, tagger: Tagger) -> Path:
    """A file that another program tagged is still known by its sound."""
    assert only(tagger.tag([path], TagPolicy("overwrite"))).status == "would write"
    return path


@pytest.mark.parametrize("kind", ["mka", "webm"])
def test_a_format_without_a_place_is_named_and_the_rest_is_written(
    kind: str, know: Know, tagger: Tagger
) -> None:
    path = know(kind, tags=TAGS[:3])
    whole = path.read_bytes()
    record = only(tagger.tag([path], TagPolicy("overwrite", fields=ALL, most=1), write=True))
    assert record.status == "written" and "grouping: " in str(record.note)
    assert values(path) == {"genre": ("rock",), "mood": ("calm",), "grouping": ()}
    assert only(tagger.undo([path])).status == "undone" and path.read_bytes() == whole
    assert only(tagger.tag([path], TagPolicy(fields=("grouping",)), write=True)).status == "left"


@pytest.mark.parametrize("kind", ["mp3-23", "aiff-bare", "tta-id3"])
def test_the_grouping_of_itunes_beside_the_work(kind: str, know: Know, tagger: Tagger) -> None:
    """TIT1 may be the work of classical music: `--itunes-grouping` neither counts it nor replaces it."""
    path = know(kind)
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(mutagen.id3.TIT1(encoding=1, text="Winterreise"))
    version = file.tags.version[1]
    file.tags.save(path, v2_version=version if version in (3, 4) else 4)
    whole = path.read_bytes()
    assert only(tagger.tag([path], TagPolicy(fields=("grouping",)))).status == "left"
    policy = TagPolicy(fields=("grouping",), itunes_grouping=True, most=1)
    record = only(tagger.tag([path], policy, write=True))
    assert (record.status, after(record)["grouping"]) == ("written", ("indie",))
    tags = mutagen.File(path).tags
    assert (tags["TIT1"].text, tags["GRP1"].text) == (["Winterreise"], ["indie"])
    assert only(tagger.tag([path], policy, write=True)).status == "left"
    assert only(tagger.undo([path])).status == "undone" and path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["mp3-23", "aiff-bare"])
def test_combine_loses_neither_grouping(kind: str, know: Know, tagger: Tagger) -> None:
    """Both frames get the new values; neither loses its own."""
    path = know(kind)
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(mutagen.id3.TIT1(encoding=1, text="Winterreise"))
    file.tags.add(mutagen.id3.GRP1(encoding=1, text="songs"))
    file.tags.save(path, v2_version=3 if file.tags.version[1] == 3 else 4)
    whole = path.read_bytes()
    policy = TagPolicy("combine", fields=("grouping",), most=1)
    assert only(tagger.tag([path], policy, write=True)).status == "written"
    tags = mutagen.File(path).tags
    for frame in (tags["TIT1"], tags["GRP1"]):
        assert "/".join(frame.text) == "Winterreise/songs/indie"
    assert only(tagger.tag([path], policy, write=True)).status == "left"
    assert only(tagger.undo([path])).status == "undone" and path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["mp3-23", "flac"])
def test_combine_adds_a_name_with_a_separator_once(kind: str, know: Know, tagger: Tagger) -> None:
    path = know(kind, tags=(TagScore("style", "Comedy/Spoken", 0.9, True),))
    policy = TagPolicy("combine", fields=("grouping",))
    assert only(tagger.tag([path], policy, write=True)).status == "written"
    again = only(tagger.tag([path], policy, write=True))
    assert (again.status, again.note) == ("left", "grouping: has it already")
    with_another = TagPolicy(
        "combine", fields=("grouping",), genre_map=GenreMap({"style:Comedy/Spoken": ("a", "Spoken/b")})
    )
    assert only(tagger.tag([path], with_another, write=True)).status == "written"
    assert only(tagger.tag([path], with_another)).status == "left"
    assert only(tagger.tag([path], policy)).status == "left"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_most(most: int, know: Know, tagger: Tagger) -> None:
    record = only(tagger.tag([know("flac")], TagPolicy(fields=ALL, most=most)))
    assert after(record)["mood"] == ("calm", "sad", "tense", "dark")[:most]
    assert after(record)["grouping"] == ("indie", "folk", "punk", "garage")[:most]


def test_the_genre_of_the_file_is_no_style(know: Know, tagger: Tagger) -> None:
    path = know("flac-genre")
    file = mutagen.File(path)
    file["GENRE"] = ["Indie / Folk"]
    file.save()
    record = only(tagger.tag([path], TagPolicy(fields=ALL)))
    assert after(record) == {
        "genre": ("Indie / Folk",),
        "mood": MOODS,
        "grouping": ("indie", "punk", "garage"),
    }


def test_the_written_name_of_a_genre_is_no_style(know: Know, tagger: Tagger) -> None:
    genres = (RankedGenre("rock", 0.6), RankedGenre("folk", 0.3))
    tags = (TagScore("genre", "rock", 0.8, True), TagScore("genre", "folk", 0.7, True))
    path = know("flac", genres=genres, tags=tags)
    policy = TagPolicy(genres=2, fields=ALL, genre_map=GenreMap({"folk": ("Volksmusik",)}))
    record = only(tagger.tag([path], policy))
    assert (after(record)["genre"], after(record)["grouping"]) == (("rock", "Volksmusik"), ())
    record = only(tagger.tag([path], TagPolicy(genres=2, fields=ALL)))
    assert "grouping: no tag beside its genre" in (record.note or "")


def test_an_unsure_genre_does_not_hide_the_mood(know: Know, tagger: Tagger) -> None:
    path = know("flac", genre="unsure", reason="low confidence", confidence=0.2)
    record = only(tagger.tag([path], TagPolicy(fields=ALL), write=True))
    assert values(path) == {"genre": (), "mood": MOODS, "grouping": ("rock", "indie", "folk")}
    assert record.status == "written" and "low confidence" in str(record.note)


@pytest.mark.parametrize("reason", ["silent", "no music"])
def test_silence_and_noise_have_no_mood(reason: str, know: Know, tagger: Tagger) -> None:
    path = know("flac", genre="unsure", reason=reason, tags=())
    record = only(tagger.tag([path], TagPolicy(fields=ALL), write=True))
    assert record.status == "left" and f"mood, grouping: {reason}" in str(record.note)


def test_an_answer_without_tags(know: Know, tagger: Tagger) -> None:
    """As of a model without tags, or without such ones, or if none is present."""
    for tags in (
        (),
        TAGS[3:4],
        (TagScore("mood", "calm", 0.4, False), TagScore("style", "punk", 0.1, False)),
    ):
        path = know("flac", tags=tags)
        record = only(tagger.tag([path], TagPolicy(fields=ALL)))
        assert after(record) == {"genre": ("rock",), "mood": (), "grouping": ()}
        assert record.status == "would write"
        assert all(str(record.note).count(field) == 1 for field in ("mood", "grouping"))
        assert only(tagger.tag([path], TagPolicy(fields=("mood",)))).status == "left"


def test_damaged_files_are_left_whole(know: Know, tagger: Tagger) -> None:
    path = know("flac", notices=(Notice("damaged", "at 0:31"),))
    assert only(tagger.tag([path], TagPolicy(fields=ALL))).status == "left"
    assert after(only(tagger.tag([path], TagPolicy(fields=ALL, damaged=True))))["mood"] == MOODS


def test_names_of_ones_own(know: Know, tagger: Tagger, tmp_path: Path) -> None:
    names = tmp_path / "map.yaml"
    names.write_text(
        "names: {'mood:calm': [Ruhig, Still], 'mood:sad': null, folk: Volksmusik, 'style:indie': Indie Rock}"
    )
    policy = TagPolicy(fields=ALL, genre_map=GenreMap.load(names))
    found = after(only(tagger.tag([know("flac")], policy)))
    assert found["mood"] == ("Ruhig", "Still", "tense")
    assert found["grouping"] == ("Indie Rock", "Volksmusik", "punk")


@pytest.mark.skipif(sys.platform != "linux", reason="hard links, times of files")
def test_times_and_hard_links(know: Know, tagger: Tagger, tmp_path: Path) -> None:
    path = know("flac")
    then = 1_234_567_890_123_456_789
    os.utime(path, ns=(then, then))
    policy = TagPolicy(fields=("mood",), keep_mtime=True)
    assert only(tagger.tag([path], policy, write=True)).status == "written"
    assert path.stat().st_mtime_ns == then
    (tmp_path / "second.link").hardlink_to(path)
    skipping = TagPolicy(fields=("grouping",), skip_hard_links=True)
    record = only(tagger.tag([path], skipping, write=True))
    assert record.status == "left" and "hard link" in str(record.note)
    assert only(tagger.undo([path], skip_hard_links=True)).status == "left"
    assert values(path)["mood"] == MOODS


def test_another_programs_change_is_kept_with_force(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    only(tagger.tag([path], TagPolicy(fields=("mood",)), write=True))
    file = mutagen.File(path)
    file["GENRE"], file["GROUPING"] = ["Dub"], ["mine"]
    file.save()
    assert only(tagger.undo([path])).code == "tag-undo-changed"
    assert only(tagger.undo([path], force=True)).status == "undone"
    assert values(path) == {"genre": ("Dub",), "mood": (), "grouping": ("mine",)}


@pytest.mark.parametrize("fields", ["mood", [], ["mood", "title"], [["mood"]], {"mood": 1}, None])
def test_a_journal_with_unknown_fields_is_refused(
    fields: object, know: Know, tagger: Tagger, library: Library
) -> None:
    path = know("flac")
    only(tagger.tag([path], TagPolicy(fields=("mood",)), write=True))
    whole = path.read_bytes()
    ((text,),) = library.database.rows("SELECT tag_before FROM changes")
    damaged = json.dumps({**json.loads(text), "fields": fields})
    library.database.execute("UPDATE changes SET tag_before = ?", (damaged,))
    record = only(tagger.undo([path]))
    assert record.code == "tag-undo-damaged" and (record.note or "").startswith(str(path))
    assert path.read_bytes() == whole


def test_a_journal_of_before_is_of_the_genre(know: Know, tagger: Tagger, library: Library) -> None:
    """An older genrelab named no fields: the genre comes back, moods written since by others stay."""
    path = know("mp3-24")
    only(tagger.tag([path], TagPolicy(), write=True))
    ((text,),) = library.database.rows("SELECT tag_before FROM changes")
    assert "fields" not in json.loads(text)
    assert only(tagger.undo([path])).status == "undone"
    assert values(path)["mood"] == ("calm",)


def test_a_value_that_is_too_long_leaves_the_file(know: Know, tagger: Tagger) -> None:
    path = know("wma", tags=(TagScore("mood", "x" * 40_000, 0.9, True),))
    whole = path.read_bytes()
    record = only(tagger.tag([path], TagPolicy(fields=ALL), write=True))
    assert record.code == "tag-genre-too-long" and path.read_bytes() == whole
