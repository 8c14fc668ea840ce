"""Tags and sounds that disagree."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
import tagged
from hypothesis import given
from hypothesis import strategies as st

from genrelab.cli.output.check_report import summary_lines, write_report
from genrelab.library import GenreMap, Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tagging.consistency import CheckReport, Meanings, check_tags, understand
from genrelab.recognize import RankedGenre, Recognition

GENRES = ("rock", "hiphop", "classical", "r&b")
Put = Callable[..., Path]


@pytest.fixture
def put(library: Library, tmp_path: Path) -> Put:
    """Put a real, tagged file into the library, with an answer that a test chooses."""
    numbers = iter(range(1000))

    def put(*tags: str, genre: str | None = "rock", confidence: float = 0.7, **options: object) -> Path:
        path = tmp_path / f"{next(numbers):03}.flac"
        tagged.write_sound(path, "flac", frequency=300.0)
        if tags:
            file = mutagen.File(path)
            file["GENRE"] = list(tags)
            file.save()
        others = [other for other in GENRES if other != genre]
        ranked = [(genre, confidence), *((other, (1 - confidence) / 3) for other in others)]
        said = Recognition(
            *(path, "m", 1.0, genre, confidence),
            genres=tuple(RankedGenre(str(name), p) for name, p in ranked),
            **options,  # type: ignore[arg-type]
        )
        library.tracks.store(FileSnapshot(path), said)
        return path

    return put


def test_what_disagrees_is_listed_most_confident_first(put: Put, library: Library) -> None:
    put("Rock")
    weak = put("Classical", confidence=0.4)
    sure = put("Classical", "Zzyzx", confidence=0.9)
    also = put("Hip-Hop", confidence=0.4)
    report = check_tags(library)
    assert [record.path for record in report.disagreements] == [sure, weak, also]
    assert report.counts == {"agree": 1, "disagree": 3}
    assert report.unknown == {"Zzyzx": 1}
    first = report.disagreements[0].to_dict()
    assert first["tags"] == ["Classical", "Zzyzx"] and first["genre"] == "rock"
    assert (first["confidence"], first["tag_probability"]) == (0.9, pytest.approx(0.1 / 3, abs=1e-6))


def test_min_confidence_counts_but_does_not_list(put: Put, library: Library) -> None:
    put("Classical", confidence=0.4)
    report = check_tags(library, min_confidence=0.5)
    assert report.disagreements == [] and report.counts["disagree"] == 1
    assert "(1 of them" in next(summary_lines(report))
    assert len(check_tags(library, min_confidence=0.4).disagreements) == 1


def test_what_cannot_be_compared_is_counted_by_reason(put: Put, library: Library, tmp_path: Path) -> None:
    put()
    put("Zydeco")
    put("Zydeco", "♪")
    put("Rock", genre="unsure", reason="low confidence")
    put("Rock", genre=None, error=" is broken")
    put("Rock").unlink()
    changed = put("Rock")
    tagged.write_sound(changed, "flac", frequency=999.0)
    words = put("Rock")
    words.write_text("no format that has tags")
    library.tracks.store(FileSnapshot(words), Recognition(words, "m", genre="rock", confidence=1.0))
    report = check_tags(library)
    assert report.counts == {
        **{"no tag": 1, "unknown": 2, "unsure": 1, "not recognized": 1, "gone": 1, "changed": 1},
        "unreadable": 1,
    }
    assert report.unknown == {"Zydeco": 2, "♪": 1}
    assert report.disagreements == [] and str(words) in report.problems[0]
    said = list(summary_lines(report))
    assert said[0] == "0 compared: 0 agree, 0 disagree"
    assert "1 without a genre tag; 2 with " in said[1]
    assert "'Zydeco' (2), '♪' (1)" in said[2]


def test_the_map_defines_tags(put: Put, library: Library) -> None:
    genre_map = GenreMap(
        {"hiphop": ("Rap", "Urban"), "classical": ()},
        {"Rap": ("Spoken",), "rock": ("Loud",), "Urban": ("Loud",)},
    )
    for tag in ("Rap", "urban", "Spoken", "loud", "Hip Hop"):
        put(tag, genre="hiphop")
    put("Loud", genre="rock")
    put("Classical", genre="classical")
    wrong = [put("Rap", genre="rock"), put("Loud", genre="classical")]
    report = check_tags(library, genre_map=genre_map)
    assert [record.path for record in report.disagreements] == wrong
    assert report.counts == {"agree": 7, "disagree": 2}
    assert check_tags(library).counts["unknown"] == 4  # `Rap`, `urban` and `Hip Hop` are in the vocabulary


def test_only_some_paths(put: Put, library: Library) -> None:
    one, _ = put("Classical"), put("Classical")
    assert [record.path for record in check_tags(library, [one]).disagreements] == [one]


@pytest.mark.parametrize(
    ("tag", "meant", "unknown"),
    [
        ("ROCK", {"rock"}, []),
        ("Hip-Hop", {"hiphop"}, []),
        ("Hip Hop", {"hiphop"}, []),
        ("R&B", {"r&b"}, []),
        ("Rock/Classical", {"rock", "classical"}, []),
        ("Rock; Polka", {"rock"}, ["Polka"]),
        ("Folk, World, & Country", set(), ["Folk, World, & Country"]),
        ("Rocksteady", set(), ["Rocksteady"]),
        ("/", set(), ["/"]),
        ("Rap", {"hiphop"}, []),
        ("Hip-Hop/Rap", {"hiphop"}, []),
        ("R'n'B", {"r&b"}, []),
        ("RnB; Soul", {"r&b"}, []),
        ("Krautrock", {"rock"}, []),
        ("Death Metal; Hip Hop", {"rock", "hiphop"}, []),
        ("Folk Rock; Polka", {"rock"}, ["Polka"]),
        ("(17)", {"rock"}, []),
        ("17", {"rock"}, []),
        ("Klassik", {"classical"}, []),
        ("Polish Punk | Swedish Death Metal", {"rock"}, []),
        ("Anti-Rock", set(), ["Anti-Rock"]),
    ],
)
def test_one_tag(tag: str, meant: set[str], unknown: list[str]) -> None:
    assert understand([tag], Meanings.of_model(GENRES, GenreMap())) == (meant, unknown)


@given(st.lists(st.text(max_size=12), max_size=4))
def test_nothing_is_guessed(tags: list[str]) -> None:
    meant, unknown = understand(tags, Meanings.of_model(GENRES, GenreMap()))
    letters = "".join(character for tag in tags for character in tag.casefold() if character.isalnum())
    assert meant <= set(GENRES)
    if not tags:
        assert (meant, unknown) == (set(), [])
    if not letters:
        assert not meant and unknown == tags


def test_formats(put: Put, library: Library) -> None:
    path = put("Classical", "Polka; Ländler")
    report = check_tags(library)
    texts = {}
    for format in ("json", "csv", "table"):
        out = io.BytesIO()
        write_report(report, out, format=format)  # type: ignore[arg-type]
        texts[format] = out.getvalue().decode()
    whole = json.loads(texts["json"])
    assert whole["disagreements"][0]["path"] == str(path) and whole["counts"]["disagree"] == 1
    assert whole["unknown_tags"] == [{"tag": "Polka; Ländler", "tracks": 1}]
    assert texts["csv"].splitlines()[0] == "path,tags,genre,confidence,tag_probability"
    assert "Classical; Polka; Ländler" in texts["csv"]
    assert "70 %" in texts["table"] and path.name in texts["table"]
    out = io.BytesIO()
    write_report(CheckReport(), out, format="table")
    assert out.getvalue() == b""
