"""Own names and wider genres."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrelab.errors import UsageError
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
    ("text", "message"),
    [
        ("names: [a, b]", "names"),
        ("name: {a: b}", "name"),
        ("names: {a: ''}", "empty"),
        ('names: {a: "b\\tc"}', "names.a"),
        ('names: {a: "b\\0c"}', "printed"),
        ("names: {a: {b: c}}", "names.a"),
        ("parents: {a: b, b: [c], c: a}", "parent of itself"),
        ("- a", "the file"),
        ("names: {a: b", "cannot be read"),
        ("names: !!python/object/apply:os.getcwd []", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(tmp_path, text)
    assert "map.yaml" in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml"):
        GenreMap.load(tmp_path / "none.yaml")
