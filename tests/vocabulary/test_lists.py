"""The lists of ID3v1, Discogs and MusicBrainz, and the files they come from."""

from __future__ import annotations

import csv
from importlib.resources import files

import mutagen.id3
import pytest
from raising import raises

from genrelab.vocabulary import ancestors, canonical, display, split_values, table, tables
from genrelab.vocabulary.table import LISTS, entries, genres
from genrelab.vocabulary.tables import MOST_ROWS, parse_table, read_notes


def test_id3_is_the_list_of_mutagen() -> None:
    listed = entries("id3")
    assert [each.name for each in listed] == mutagen.id3.TCON.GENRES
    assert [each.number for each in listed] == list(range(192))
    without = {each.name for each in listed if not each.genre}
    assert without == {"Other", "Crossover", "Primus", "Pop/Funk"}
    for each in listed:
        assert canonical(f"({each.number})") == canonical(str(each.number)) == (each.genre or None)


def test_discogs_has_its_genres_and_styles() -> None:
    listed = entries("discogs")
    top = [each.name for each in listed if not each.parents]
    assert top == [
        *("Blues", "Brass & Military", "Children's", "Classical", "Electronic", "Folk, World, & Country"),
        *("Funk / Soul", "Hip Hop", "Jazz", "Latin", "Non-Music", "Pop", "Reggae", "Rock", "Stage & Screen"),
    ]
    styles = [each for each in listed if each.parents]
    assert len(styles) > 400 and {parent for each in styles for parent in each.parents} == set(top)
    by_name = {each.name: each.parents for each in styles}
    assert by_name["Deep House"] == ("Electronic",) and by_name["Ska"] == ("Reggae",)
    assert by_name["Death Metal"] == ("Rock",) and by_name["Hard Bop"] == ("Jazz",)


@pytest.mark.parametrize("name", LISTS)
def test_every_listed_name_is_understood(name: table.ListName) -> None:
    listed = entries(name)
    assert {each.genre for each in listed} <= {*genres(), ""}
    assert [each.name for each in listed if each.genre and canonical(each.name) != each.genre] == []
    several = [each.name for each in listed if not each.genre and len(split_values(each.name)) < 2]
    assert several == {"id3": ["Other", "Primus", "Crossover"]}.get(name, [])
    assert len({(each.name, bool(each.parents)) for each in listed}) == len(listed)  # `Reggae` is both


@pytest.mark.parametrize("name", LISTS)
def test_a_spelling_is_from_its_list(name: table.ListName) -> None:
    names = {each.name for each in entries(name)}
    for genre in {each.genre for each in entries(name) if each.genre}:
        assert display(genre, name) in names


@pytest.mark.parametrize("name", ["genres", "qualifiers", *LISTS])
def test_every_file_names_source_and_licence(name: str) -> None:
    notes = read_notes(name)
    assert "Source: " in notes and "Licence: " in notes
    path = files("genrelab.vocabulary") / "data" / f"{name}.csv"
    assert len(path.read_bytes()) < tables.MOST_BYTES


def test_styles_stand_where_discogs_has_them() -> None:
    """With exceptions: the table files these elsewhere, on purpose."""
    strict = {"Electronic", "Jazz", "Reggae", "Hip Hop", "Classical", "Blues", "Latin"}
    elsewhere = {
        *(
            "Calypso",
            "Soca",
            "Steel Band",
            "Compas",
            "Musette",
            "Favela Funk",
            "Go-Go",
            "Kwaito",
            "RnB/Swing",
        ),
        *("Easy Listening", "Space-Age", "Harsh Noise Wall", "Modern Classical", "New Age", "Sound Collage"),
    }
    found = set()
    for each in entries("discogs"):
        own = {canonical(parent) for parent in each.parents}
        compared = each.genre and each.parents and strict.issuperset(each.parents)
        if compared and own.isdisjoint((each.genre, *ancestors(each.genre))):
            found.add(each.name)
    assert found == elsewhere


COLUMNS = ("name", "genre")


@pytest.mark.parametrize(
    "text", ["", "name\n", "name,genre\nrock\n", "name,genre\na,b,c\n", "genre,name\na,b\n", "# only\n"]
)
def test_a_damaged_table_is_refused(text: str) -> None:
    with raises("vocabulary-damaged", "mine"):
        parse_table(text, "mine", COLUMNS)


def test_a_large_table_is_refused() -> None:
    with raises("vocabulary-too-large", "mine", MOST_ROWS):
        parse_table("name,genre\n" + "a,b\n" * MOST_ROWS, "mine", COLUMNS)


def test_a_missing_table_is_refused() -> None:
    with raises("vocabulary-unreadable", "none.csv"):
        tables.read_table("none", COLUMNS)


def test_a_name_of_two_genres_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(genres(), "rock", table.Genre("rock", "genre", "Rock", (), ("Pop",)))  # type: ignore[arg-type]
    with raises("vocabulary-ambiguous", "'rock'", "'pop'"):
        table.index.__wrapped__()


def test_quotes_and_comments_of_a_table() -> None:
    text = '# a\n\nname,genre\n"Folk, World, & Country",x\n'
    assert parse_table(text, "mine", COLUMNS) == (("Folk, World, & Country", "x"),)
    assert next(csv.reader(['"a,b"'])) == ["a,b"]
