"""Own names and wider genres."""

from __future__ import annotations

from pathlib import Path

import pytest
from raising import raises

from genrelab.library import GenreMap

EXAMPLE = """
names:
  hiphop: Hip-Hop
  metal: [Heavy Metal, Rock]
  spoken: null
parents:
  Hip-Hop: Urban
  Heavy Metal: [Metal, Rock]
  Metal: Loud
"""


def load(tmp_path: Path, text: str) -> GenreMap:
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return GenreMap.load(path)


@pytest.mark.parametrize(
    ("genres", "expected"),
    [
        (["hiphop"], ("Hip-Hop", "Urban")),
        (["metal"], ("Heavy Metal", "Rock", "Metal", "Loud")),
        (["jazz"], ("jazz",)),
        (["spoken"], ()),
        (["spoken", "jazz", "hiphop"], ("jazz", "Hip-Hop", "Urban")),
        (["rock", "metal"], ("rock", "Heavy Metal", "Metal", "Loud")),
    ],
)
def test_example(genres: list[str], expected: tuple[str, ...], tmp_path: Path) -> None:
    assert load(tmp_path, EXAMPLE).apply(genres) == expected


def test_nothing_changes_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "").apply(["rock", "Rock", "pop"]) == ("rock", "pop")


@pytest.mark.parametrize(
    ("text", "code", "quoted"),
    [
        ("names: [a, b]", "genre-map-invalid", "names"),
        ("name: {a: b}", "genre-map-invalid", "name"),
        ("names: {a: ''}", "genre-map-invalid", "names.a"),
        ('names: {a: "b\\tc"}', "genre-map-invalid", "names.a"),
        ('names: {a: "b\\0c"}', "genre-map-invalid", "names.a"),
        ("names: {a: {b: c}}", "genre-map-invalid", "names.a"),
        ("parents: {a: b, b: [c], c: a}", "genre-map-circle", "'a'"),
        ("- a", "genre-map-invalid", "the file"),
        ("names: {a: b", "genre-map-unreadable", ""),
        ("names: !!python/object/apply:os.getcwd []", "genre-map-unreadable", ""),
    ],
)
def test_invalid_maps_are_errors(text: str, code: str, quoted: str, tmp_path: Path) -> None:
    with raises(code, quoted, "map.yaml"):
        load(tmp_path, text)


def test_no_such_file(tmp_path: Path) -> None:
    with raises("genre-map-unreadable", "none.yaml"):
        GenreMap.load(tmp_path / "none.yaml")
