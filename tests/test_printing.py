"""Text from elsewhere made fit to be printed; CSV that is read back as it was."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from genrelab.csv_text import csv_line, write_csv_line
from genrelab.printing import is_plain, json_text, plain, plain_page, shorten, yaml_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too

STEERING = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),  # C0, DEL and C1
    *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)),  # directions
    *"\u200b\u200c\u200d\u2060\ufeff\u00ad",  # no width
    *"\u2028\u2029",  # separators
    *"\ud800\udcff\udfff",  # halves of pairs
    *"\ue000\U000e0041\ufff9",  # private, tags, annotations
]


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_what_steers_a_terminal_is_escaped(character: str) -> None:
    shown = plain(f"a{character}b")
    assert shown.startswith("a\\") and shown.endswith("b") and shown.isascii() and shown.isprintable()
    assert json_text(character).isascii() and json.loads(json_text(character)) == character


@pytest.mark.parametrize(
    "text", ["Björk – Jóga", "東京\u3000事変", "Кино", "فيروز", "नमस्ते", "🎸 a\u00a0b", "e\u0301", "[bold]"]
)
def test_letters_of_all_scripts_stay(text: str) -> None:
    assert plain(text) == text
    assert json_text(text) == f'"{text}"'
    assert yaml_text({"a": text}) == yaml.safe_dump({"a": text}, allow_unicode=True)


@given(ANY_TEXT)
def test_plain_text_is_plain(text: str) -> None:
    assert all(map(is_plain, plain(text)))


@given(st.recursive(ANY_TEXT, lambda each: st.lists(each) | st.dictionaries(ANY_TEXT, each)))
def test_json_gives_the_value_again(value: Any) -> None:
    for indent in (None, 2):
        text = json_text(value, indent=indent)
        assert json.loads(text) == value
        assert all(is_plain(character) or character == "\n" for character in text)
        text.encode("utf-8")


@given(st.dictionaries(st.text(), st.text()))
def test_yaml_gives_the_value_again(value: Any) -> None:
    text = yaml_text(value)
    assert yaml.safe_load(text) == value
    assert all(is_plain(character) or character == "\n" for character in text)


def test_pages_keep_their_lines() -> None:
    assert plain_page("<p>\ta\u202e\x1b\nÜ</p>\n") == "<p>\ta\\u202e\\x1b\nÜ</p>\n"


def test_long_texts_are_shortened() -> None:
    assert shorten("k" * 1000, 5) == "kkkkk... (1000 characters)"
    assert shorten("kkkkk", 5) == "kkkkk"


CELLS = [
    "a\rb", "a\nb", "a\r\nb", "\r", 'say "x", y', "a,b", "tab\there", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1",
    "\r=1", "\n=1", "'tis", "''x", "＝1", "plain", "", " =1", "Ünï", "\x0b", "\x1c", "\x85", "\u2028",
]  # fmt: skip


def back(cell: str) -> str:
    """Undo the rule, as the docs tell it."""
    return cell.removeprefix("'")


def test_rows_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("".join(csv_line([cell, 1]) for cell in ["text", *CELLS]).encode())
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert [back(row[0]) for row in rows[1:]] == CELLS and {row[1] for row in rows} == {"1"}


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), min_size=2))
def test_any_row_is_read_back(cells: list[str]) -> None:
    rows = list(csv.reader(io.StringIO(csv_line(cells) * 2, newline="")))
    assert [list(map(back, row)) for row in rows] == [cells, cells]
    assert list(csv.reader(io.StringIO(csv_line(cells, formulas=True), newline=""))) == [cells]


def test_no_text_is_a_formula_and_no_number_is_marked() -> None:
    line = csv_line([*CELLS, -1.5, +3, None, float("-inf")])
    (row,) = csv.reader(io.StringIO(line, newline=""))
    assert not [cell for cell in row[: len(CELLS)] if cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))]
    assert row[len(CELLS) :] == ["-1.5", "3", "", "-inf"]
    assert csv_line(["=1", "-x"], formulas=True) == "=1,-x\n"


def test_bytes_of_names_stay_and_a_terminal_gets_escapes() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    name = os.fsdecode(b"a\xff\x1b[2J")
    file, screen = io.BytesIO(), Terminal()
    write_csv_line([name, 1], file)
    write_csv_line([name, 1], screen)
    assert file.getvalue() == b"a\xff\x1b[2J,1\n"
    assert screen.getvalue() == b"a\\udcff\\x1b[2J,1\n"
