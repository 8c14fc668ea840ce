"""What a genre tag says: words that stand for none, several genres in one text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.library.tagging.genre_text import DEFAULT_PLACEHOLDERS, PLACEHOLDERS, Placeholders, parts


@pytest.mark.parametrize(
    "text",
    [
        *(
            "(255)",
            "255",
            "Unknown",
            "unknown",
            "UNKNOWN GENRE",
            "<unknown>",
            "[Unknown]",
            "Other",
            "other ",
            "genre",
        ),
        *(
            "Genre",
            "none",
            "None",
            "N/A",
            "n/a",
            "(none)",
            "",
            " ",
            "\t",
            "\0",
            "-",
            "--",
            "?",
            "...",
            "/",
            "\u200b",
        ),
        *("misc", "Misc.", "undefined", "No Genre", "Unclassifiable"),
        *("Other; Unknown", "Unknown/Other", "none, other", "Other;", "; ;"),
    ],
)
def test_placeholders(text: str) -> None:
    assert PLACEHOLDERS.says_nothing(text)
    assert PLACEHOLDERS.without([text, "Rock"]) == ("Rock",)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Rock",
            "R&B/Soul",
            "Hip-Hop/Rap",
            "Unknown Pleasures",
            "Otherworldly",
            "Other; Rock",
            "Rock/Unknown",
        ),
        *("♪", "80s", "ロック", "12", "Genreless", "Nonet", "Мисц"),
    ],
)
def test_genres_are_not_placeholders(text: str) -> None:
    assert not PLACEHOLDERS.says_nothing(text)


def test_every_default_word_is_a_placeholder() -> None:
    for word in DEFAULT_PLACEHOLDERS:
        assert PLACEHOLDERS.says_nothing(word) and PLACEHOLDERS.says_nothing(f"({word.upper()})")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rock; Pop", ("Rock", "Pop")),
        ("Rock;Pop/Jazz", ("Rock", "Pop", "Jazz")),
        ("Rock\0Pop", ("Rock", "Pop")),
        ("R&B/Soul", ("R&B", "Soul")),
        ("Rock", ("Rock",)),
        (";;", ()),
    ],
)
def test_parts(text: str, expected: tuple[str, ...]) -> None:
    assert parts(text) == expected


def test_words_of_a_user(tmp_path: Path) -> None:
    own = Placeholders.parse("Sonstige, inconnu")
    assert own.says_nothing("sonstige") and own.says_nothing("Inconnu") and not own.says_nothing("Other")
    none = Placeholders.parse("")
    assert not none.says_nothing("Unknown") and none.says_nothing(" ")
    more = Placeholders.parse("+Sonstige")
    assert more.says_nothing("sonstige") and more.says_nothing("Other")
    file = tmp_path / "words.txt"
    file.write_text("# German\nSonstige\n\nUnbekannt\n", encoding="utf-8")
    of_file = Placeholders.parse(f"@{file}")
    assert of_file.words == {"sonstige", "unbekannt"}
    assert Placeholders.parse(f"+@{file}").words == of_file.words | PLACEHOLDERS.words


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with raises("placeholders-unreadable", "none.txt", "No such file"):
        Placeholders.parse(f"@{tmp_path / 'none.txt'}")
    with raises("placeholders-unreadable", tmp_path):
        Placeholders.parse(f"@{tmp_path}")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\xff")
    with raises("placeholders-unreadable", binary):
        Placeholders.parse(f"@{binary}")
    with raises("placeholders-without-at", f"--placeholders @{binary}"):
        Placeholders.parse(str(binary))


@given(st.text(max_size=30))
def test_no_text_is_lost(text: str) -> None:
    if PLACEHOLDERS.says_nothing(text):
        assert PLACEHOLDERS.without([text]) == ()
    else:
        assert PLACEHOLDERS.without([text]) == (text,) and parts(text)
