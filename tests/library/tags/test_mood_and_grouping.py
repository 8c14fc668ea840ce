"""Mood and grouping in every format: written where other programs look, taken back, nothing else changes."""

from __future__ import annotations

import io
from pathlib import Path

import mutagen
import mutagen.apev2
import mutagen.asf
import mutagen.id3
import mutagen.mp4
import pytest
import tagged
from rewriting import rewrite
from tagged import KINDS, RECORDED_KINDS

from genrelab.library.store.audio_digest import sound_digest
from genrelab.library.tags import Field, Fields, FileTag, read_tag
from genrelab.library.tags.entries.id3 import Id3

BOTH: Fields = ("mood", "grouping")
VALUES: dict[Field, tuple[str, ...]] = {"mood": ("Größe ω", "sad"), "grouping": ("punk", "R&B")}
ALL_KINDS = {**KINDS, **RECORDED_KINDS}
OLD_ID3 = ("mp3-23", "mp3-22", "mp3-23-genre", "mp3-all", "aiff", "wav-genre", "tta-both")
"""With a tag before ID3v2.4, where a frame has one text."""
LISTED = ("mood", "tmoo", "grouping", "wm/mood", "wm/contentgroupdescription", "tt1")
"""Names of the fields in FFmpeg."""


def values_of(path: Path, field: Field) -> tuple[str, ...]:
    with path.open("rb") as file:
        return read_tag(file, path).values(field)


def put(tag: FileTag) -> None:
    for field in BOTH:
        if field not in tag.without:
            tag.set(VALUES[field], field)


def as_mutagen_shows(path: Path) -> dict[Field, tuple[str, ...]]:
    """Mood and grouping in the places where Picard, beets and others look for them."""
    file = mutagen.File(path)
    tags = file.tags
    if path.suffix == ".tta" and not isinstance(tags, mutagen.id3.ID3):
        tags = mutagen.apev2.APEv2(path)
    if isinstance(tags, mutagen.id3.ID3):
        mood = [*tags.getall("TMOO"), *tags.getall("TXXX:MOOD")]
        return {"mood": tuple(mood[0].text), "grouping": tuple(tags["TIT1"].text)}
    if isinstance(tags, mutagen.mp4.MP4Tags):
        mood = tuple(bytes(value).decode() for value in tags["----:com.apple.iTunes:MOOD"])
        return {"mood": mood, "grouping": tuple(tags["\xa9grp"])}
    names = ("WM/Mood", "WM/ContentGroupDescription") if path.suffix == ".wma" else ("MOOD", "GROUPING")
    return {field: tuple(map(str, tags[name])) for field, name in zip(BOTH, names, strict=True)}


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_write_and_take_back(kind: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    whole, sound, had = (
        path.read_bytes(),
        sound_digest(path),
        {field: values_of(path, field) for field in BOTH},
    )
    shown = tagged.as_ffmpeg_sees(path)

    before = rewrite(path, put, fields=BOTH)
    matroska = path.suffix in (".mka", ".mkv", ".webm")
    expected = {
        field: ("/".join(values),) if kind in OLD_ID3 else () if matroska and field == "grouping" else values
        for field, values in VALUES.items()
    }
    assert {field: values_of(path, field) for field in BOTH} == expected
    if not matroska:
        assert as_mutagen_shows(path) == expected
    assert sound_digest(path) == sound
    assert values_of(path, "genre") == ALL_KINDS[kind][2]
    now = tagged.as_ffmpeg_sees(path)
    rest = [{key: value for key, value in seen.items() if key not in LISTED} for seen in (shown, now)]
    assert rest[0] == rest[1]

    rewrite(path, lambda tag: tag.restore(before), fields=BOTH)
    assert {field: values_of(path, field) for field in BOTH} == had
    assert path.read_bytes() == whole or kind in ("m4a-bare", "m4a-fast-bare")
    assert tagged.as_ffmpeg_sees(path) == shown


@pytest.mark.parametrize(
    ("kind", "mood", "grouping"),
    [
        ("mp3-24", "TMOO", "grouping"),
        ("mp3-23", "MOOD", "grouping"),
        ("flac", "MOOD", "GROUPING"),
        ("opus", "MOOD", "GROUPING"),
        ("m4a", "MOOD", "grouping"),
        ("wma", "WM/Mood", "WM/ContentGroupDescription"),
        ("wv", "Mood", "Grouping"),
        ("mka", "MOOD", None),
    ],
)
def test_ffprobe_shows_them(kind: str, mood: str, grouping: str | None, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)

    def put_one(tag: FileTag) -> None:
        for field, value in (("mood", "calm"), ("grouping", "punk")):
            if field not in tag.without:
                tag.set((value,), field)  # type: ignore[arg-type]

    rewrite(path, put_one, fields=BOTH)
    seen = tagged.as_ffprobe_sees(path)
    if seen is not None:
        assert seen[mood.lower()] == "calm"
        assert grouping is None or seen[grouping.lower()] == "punk"


def test_only_the_fields_that_were_asked_for_count_as_changed(tmp_path: Path) -> None:
    """A mood beside the genre is another tag, which may not change."""
    path = tagged.make(tmp_path, "flac")
    with path.open("rb") as file:
        tag = read_tag(file, path, ("mood",))
    others = tag.others()
    tag.set(("calm",), "mood")
    assert tag.others() == others
    tag.set(("Dub",), "genre")
    assert tag.others() != others


def test_the_number_of_id3v1_counts_as_another_tag_unless_the_genre_may_change(tmp_path: Path) -> None:
    others: dict[Field, list[object]] = {"genre": [], "mood": []}
    for number in (17, 8):
        path = tagged.make(tmp_path, "mp3-24")
        tagged.tag_id3v1(path, number)
        for field, found in others.items():
            with path.open("rb") as file:
                found.append(read_tag(file, path, (field,)).others())
    assert others["genre"][0] == others["genre"][1]
    assert others["mood"][0] != others["mood"][1]


@pytest.mark.parametrize("kind", ["mp3-24", "mp3-23", "wma", "m4a", "wv", "ogg", "mka"])
def test_removing_values_that_are_not_there_changes_nothing(kind: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    with path.open("rb") as file:
        tag = read_tag(file, path, ("mood", "grouping"))
    tag.set((), "mood")
    assert tag.values("mood") == () and tag.values("genre") == ()


def frame(name: bytes, *texts: str) -> bytes:
    data = b"\3" + "\0".join(texts).encode()
    return name + len(data).to_bytes(4, "big") + b"\0\0" + data


def test_the_mood_of_old_id3_is_a_text_of_the_user_in_any_case() -> None:
    other, mood = frame(b"TXXX", "Moody", "no"), frame(b"TXXX", "mood", "calm")
    read = Id3(4, [other, mood, frame(b"TMOO", "sad")])
    read.fields = ("mood",)
    assert sorted(read.values("mood")) == ["calm", "sad"]
    assert read.other_entries() == [other]
    read.set_values(["happy"], "mood")
    assert read.entries == [other, frame(b"TMOO", "happy")]
    old = Id3(3)
    old.set_values(["happy", "calm"], "mood", separator="; ")
    found = mutagen.id3.ID3(io.BytesIO(old.render() + bytes(1000)), load_v1=False, translate=False)
    assert found["TXXX:MOOD"].text == ["happy; calm"] and "TMOO" not in found


@pytest.mark.parametrize(("version", "work", "grouping"), [(4, b"TIT1", b"GRP1"), (3, b"TIT1", b"GRP1")])
def test_the_grouping_of_itunes(version: int, work: bytes, grouping: bytes) -> None:
    """iTunes and TagLib read GRP1 as the grouping, and TIT1 as the work of classical music."""
    read = Id3(version, [frame(work, "Winterreise")])
    read.fields = ("grouping",)
    assert read.values("grouping") == ("Winterreise",)
    assert read.values("grouping", itunes=True) == ()
    read.set_values(["song"], "grouping", itunes=True)
    assert [entry[:4] for entry in read.entries] == [work, grouping]
    assert read.values("grouping", itunes=True) == ("song",)
    assert read.values("grouping") == ("Winterreise", "song")  # to keep both when a value is added
    read.set_values(["punk"], "grouping")  # one that is there must not say something else
    found = mutagen.id3.ID3(io.BytesIO(read.render() + bytes(1000)), load_v1=False)
    assert found["TIT1"].text == found["GRP1"].text == ["punk"]


def test_itunes_grouping_in_files(tmp_path: Path) -> None:
    for kind in ("mp3-24", "wav", "tta-id3", "flac"):
        path = tagged.make(tmp_path, kind)
        whole = path.read_bytes()

        def put_grouping(tag: FileTag) -> None:
            tag.itunes_grouping = True
            tag.set(("punk",), "grouping")
            assert tag.values("grouping") == ("punk",)

        before = rewrite(path, put_grouping, fields=("grouping",))
        if kind != "flac":
            tags = mutagen.File(path).tags
            assert tags["GRP1"].text == ["punk"] and "TIT1" not in tags
        assert values_of(path, "grouping") == ("punk",)
        rewrite(path, lambda tag, before=before: tag.restore(before), fields=("grouping",))
        assert path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["mka", "mka-bare", "webm-genre"])
def test_two_fields_of_every_length_in_matroska(kind: str, tmp_path: Path) -> None:
    """Each is written in place or moves the tags; both come back together, byte for byte."""
    path = tagged.make(tmp_path, kind)
    whole = path.read_bytes()
    for length in range(1, 200, 9):

        def put_both(tag: FileTag, length: int = length) -> None:
            tag.set(("g" * length,), "genre")
            tag.set(("m" * (200 - length), "calm"), "mood")

        before = rewrite(path, put_both, fields=("genre", "mood"))
        assert values_of(path, "genre") == ("g" * length,)
        rewrite(path, lambda tag, before=before: tag.restore(before), fields=("genre", "mood"))
        assert path.read_bytes() == whole


def test_values_of_mp4_that_are_no_text_come_back(tmp_path: Path) -> None:
    """A free value has a type; its name may have any case."""
    path = tagged.make(tmp_path, "m4a-bare")
    file = mutagen.mp4.MP4(path)
    odd = mutagen.mp4.MP4FreeForm(b"\xff\0", mutagen.mp4.AtomDataType.IMPLICIT, 3)
    file["----:com.apple.iTunes:mood"] = [odd]
    file.save()
    before = rewrite(path, lambda tag: tag.set(("calm",), "mood"), fields=("mood",))
    assert list(mutagen.mp4.MP4(path).tags) == ["\xa9too", "----:com.apple.iTunes:MOOD"]
    rewrite(path, lambda tag: tag.restore(before), fields=("mood",))
    (value,) = mutagen.mp4.MP4(path)["----:com.apple.iTunes:mood"]
    assert (bytes(value), value.dataformat, value.version) == (b"\xff\0", odd.dataformat, 3)


def test_an_atom_of_mp4_with_another_case_is_another_atom(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "m4a-bare")
    file = mutagen.mp4.MP4(path)
    file["\xa9GEN"] = ["odd"]
    file.save()
    assert values_of(path, "genre") == ()
    before = rewrite(path, lambda tag: tag.set(("rock",), "genre"))
    assert mutagen.mp4.MP4(path)["\xa9GEN"] == ["odd"]
    rewrite(path, lambda tag: tag.restore(before))
    tags = mutagen.mp4.MP4(path).tags
    assert tags["\xa9GEN"] == ["odd"] and "\xa9gen" not in tags
