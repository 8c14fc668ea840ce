"""Conditions on tracks: what they select, and what is refused with the closest name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.errors import UsageError
from genrelab.library import Library
from genrelab.library.explore.embeddings import count_models, read_embeddings
from genrelab.library.explore.map import Survey
from genrelab.library.explore.similar import find_reference, find_similar
from genrelab.library.explore.where import parse_where
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre, TagScore

Find = Callable[..., str]
# Name of the file -> genre, confidence, reason, probabilities of the tags.
TRACKS = {
    "a": ("rock", 0.9, None, {"calm": 0.1, "drum and bass": 0.7, "R&B": 0.2, "folk": 0.1, "rock": 0.9}),
    "b": ("hiphop", 0.6, None, {"calm": 0.8, "drum and bass": 0.1, "R&B": 0.9, "folk": 0.6, "rock": 0.6}),
    "c": ("unsure", 0.3, "low confidence", {"calm": 0.5, "drum and bass": 0.5, "R&B": 0.4, "folk": 0.9}),
    "d": ("unsure", 0.2, "no music", {"calm": 0.3, "drum and bass": 0.2, "R&B": 0.1, "folk": 0.1}),
    "e": ("rock", 0.5, None, {}),  # of a model without tags
    "f": ("unsure", 0.0, "silent", {}),
}
KINDS = {"calm": "mood", "drum and bass": "style", "R&B": "style", "folk": "genre", "rock": "genre"}


def recognition(path: Path, name: str) -> Recognition:
    genre, confidence, reason, tags = TRACKS[name]
    other = "hiphop" if genre == "rock" else "rock"
    ranked = (
        () if reason == "silent" else (RankedGenre(genre, confidence), RankedGenre(other, 1 - confidence))
    )
    if genre == "unsure" and ranked:
        ranked = (RankedGenre("hiphop", confidence), RankedGenre("rock", confidence / 2))
    return Recognition(
        path,
        "m@1" if tags else "old@1",
        duration=60.0,
        genre=genre,
        confidence=confidence,
        genres=ranked,
        reason=reason,  # type: ignore[arg-type]
        tags=tuple(TagScore(KINDS[tag], tag, p, p >= 0.5) for tag, p in tags.items()),
        embedding=None if reason == "silent" else np.array([confidence, 1.0], np.float32),
    )


@pytest.fixture
def find(library: Library, tmp_path: Path) -> Find:
    """Return the names of the tracks that fulfil conditions."""
    for name in TRACKS:
        path = tmp_path / name
        path.write_text(name)
        library.tracks.store(FileSnapshot(path), recognition(path, name))
    broken = tmp_path / "x"
    broken.write_text("x")
    library.tracks.store(FileSnapshot(broken), Recognition(broken, "m@1", error=f"{broken} is broken"))

    def find(*texts: str, folder: Path | None = None) -> str:
        where = parse_where(texts, library.tracks.known_tags())
        return "".join(record.path.name for record in library.tracks.all([folder] if folder else (), where))

    return find


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mood=calm", "bc"),
        ("mood = Calm", "bc"),
        ("MOOD=CALM", "bc"),
        ("moods=calm", "bc"),
        ("mood==calm", "bc"),
        ("mood:calm", "bc"),  # as tags are printed
        ("mood:calm>0.6", "b"),
        ("style=drum and bass and mood:calm", "c"),
        ('mood="calm"', "bc"),
        ("mood!=calm", "ad"),
        ("mood=calm>0.6", "b"),
        ("mood=calm>=0.5", "bc"),
        ("mood=calm < 50%", "ad"),
        ("mood=calm<=0.3", "ad"),
        ("style=drum and bass", "ac"),
        ("style=Drum And Bass and mood=calm", "c"),
        ("style=drum-and-bass", "ac"),
        ("style=r&b", "b"),
        ("style=rb", "b"),
        ("style=R&B | drum and bass", "abc"),
        ("style!=R&B|drum and bass", "d"),
        ("style=R&B|drum and bass>0.6", "ab"),
        ("genre=rock", "abe"),  # predicted, or a tag
        ("genre=hip-hop", "b"),
        ("genre=folk", "bc"),
        ("genre=rock|folk", "abce"),
        ("genre=unsure", "cdf"),
        ("genre!=rock", "cdf"),
        ("genre!=folk", "ad"),
        ("genre!=unsure", "abe"),
        ("genre=rock>0.4", "ae"),
        ("genre=hiphop>=0.5", "be"),
        ("genre=folk>0.8", "c"),
        ("genre=unsure>0.25", "c"),
        ("reason=no music", "d"),
        ("reason=silent|no music", "df"),
        ("reason!=silent", "abcde"),
        ("confidence>0.5", "ab"),
        ("confidence>=50 %", "abe"),
        ("confidence<0.3", "df"),
        ("mood=calm, genre=hiphop", "b"),
        ("mood=calm and genre=hiphop", "b"),
        ("mood=calm;genre=hiphop && confidence<0.9", "b"),
        ("confidence>0.4 AND confidence<0.8", "be"),
        ("mood=calm, mood!=calm", ""),
    ],
)
def test_what_is_selected(text: str, expected: str, find: Find) -> None:
    assert find(text) == expected


def test_several_texts_and_folders(find: Find, tmp_path: Path) -> None:
    assert find("mood=calm", "genre=hiphop") == "b"
    assert find("mood=calm", folder=tmp_path) == "bc"
    assert find("mood=calm", folder=tmp_path / "c") == "c"
    assert find("mood=calm", folder=tmp_path / "a") == ""
    assert find() == "abcdefx"


@pytest.mark.parametrize(
    ("text", "code", "quoted"),
    [
        ("mood=clam", "where-name-unknown", ("'clam'", "'calm'")),
        ("mod=calm", "where-kind-unknown", ("'mod'", "'mood'", "confidence")),
        ("genre=hiphpo", "where-name-unknown", ("'hiphop'",)),
        ("reason=no musik", "where-name-unknown", ("'no music'",)),
        ("mood=calm or genre=rock", "where-name-unknown", ("mood=ONE|TWO",)),
        ("mood=", "where-unreadable", ("'mood='",)),
        ("", "where-unreadable", ()),
        ("calm", "where-unreadable", ("'calm'",)),
        ("mood~calm", "where-unreadable", ()),
        ("=calm", "where-unreadable", ()),
        ("mood>0.5", "where-number-without-name", ("mood",)),
        ("confidence=0.5", "where-confidence-exact", ()),
        ("confidence>high", "where-probability", ("'high'",)),
        ("confidence>nan", "where-probability", ("'nan'",)),
        ("mood=calm>2", "where-probability", ("'2'",)),
        ("mood=calm>-1", "where-probability", ("'-1'",)),
        ("mood!=calm>0.5", "where-no-probability", ()),
        ("reason=silent>0.5", "where-no-probability", ()),
        ("mood=calm|", "where-name-unknown", ("''",)),
        ("mood=calm," * 60 + "mood=calm", "where-too-long", ()),
        ("mood=" + " " * 3000, "where-too-long", ()),
    ],
)
def test_what_is_refused(text: str, code: str, quoted: tuple[str, ...], find: Find) -> None:
    with raises(code, *quoted):
        find(text)


def test_a_library_without_tags_says_how_to_get_them(library: Library) -> None:
    with raises("where-kind-unknown", "'mood'"):
        parse_where(["mood=calm"], library.tracks.known_tags())


@pytest.mark.parametrize(
    "name", ["calm'", "calm' OR '1'='1", "calm\\", "%", "calm') OR 1=1 --", "\ud800", "\x1b[2J"]
)
def test_what_is_written_is_never_sql(name: str, library: Library, find: Find) -> None:
    with pytest.raises(UsageError):
        find(f"style={name}")
    tags = (TagScore("style", name, 0.9, True), TagScore("style", "other", 0.1, False))
    try:
        name.encode()
    except UnicodeError:
        return
    path = library.path.with_name("odd")
    path.write_text("odd")
    said = Recognition(path, "odd@1", 1.0, "rock", 0.5, genres=(RankedGenre("rock", 0.5),), tags=tags)
    library.tracks.store(FileSnapshot(path), said)
    where = parse_where([f"style={name}"], library.tracks.known_tags())
    assert where is not None and name not in where.clause
    if "=" not in name:
        assert [record.path.name for record in library.tracks.all((), where)] == ["odd"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.text(alphabet="mood=calm<>!|, andgenrerock0.5%\"'", max_size=40))
def test_any_text_is_read_or_refused(find: Find, text: str) -> None:
    try:
        found = find(text)
    except UsageError as error:
        assert error.code is not None and error.code.startswith("where-")
    else:
        assert set(found) <= set("abcdef")


def test_embeddings_and_counts_are_filtered(find: Find, library: Library, tmp_path: Path) -> None:
    known = library.tracks.known_tags()
    where = parse_where(["mood=calm|"[:-1]], known)
    names = [track.name().name for block, _ in read_embeddings(library, "m@1", where) for track in block]
    assert names == ["b", "c"]
    assert [(model, count) for model, count, _ in count_models(library, where)] == [("m@1", 2)]
    survey = Survey.take(library, where=parse_where(["genre=rock"], known))
    assert [Path(os.fsdecode(path)).name for path in survey.tracks.paths] == ["a", "b"]
    assert (survey.others, survey.where) == (1, "genre=rock")
    with raises("map-nothing-fulfils", "mood=calm, mood!=calm"):
        Survey.take(library, where=parse_where(["mood=calm", "mood!=calm"], known))

    def never() -> None:
        raise AssertionError("it is known")

    reference = find_reference(library, tmp_path / "a", never)  # type: ignore[arg-type]
    assert {track.path.name for track in find_similar(library, reference).tracks} == {"b", "c", "d"}
    assert {track.path.name for track in find_similar(library, reference, where=where).tracks} == {"b", "c"}
