"""Libraries of former formats, and rows without derived values: nothing is lost, and all give the same."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from big_library import make_library
from old_library import OLD_FORMATS, make_format

from genrelab.library import Library
from genrelab.library.explore.where import parse_where
from genrelab.library.store.database import Database
from genrelab.library.store.schema.derived import DAMAGED
from genrelab.library.store.schema.shown import Shown
from genrelab.library.store.track_row import READ_COLUMNS, TrackRow, checksum_of
from genrelab.library.store.tracks import Tracks
from genrelab.recognize.writers.formats import write_csv, write_records

ROWS = 700


def contents(
    path: Path, table: str, columns: list[str] | None = None
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return columns and rows of a table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        names = columns or [row[1].decode() for row in connection.execute(f"PRAGMA table_info({table})")]
        return names, connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY id").fetchall()


def indices(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL"
        )
        return {(name, " ".join(text.replace("IF NOT EXISTS ", "").split())) for name, text in found}


@pytest.mark.parametrize("version", OLD_FORMATS)
def test_a_former_format_is_upgraded_without_loss(version: int, tmp_path: Path) -> None:
    path, new = tmp_path / "old.db", tmp_path / "new.db"
    make_format(path, version)
    before = {table: contents(path, table) for table in ("tracks", "changes")}
    for _ in range(2):
        with Library(path) as library:
            song, failed, damaged = library.tracks.all()
            assert (song.genre, song.genres[1].genre, len(song.timeline)) == ("jazz", "rock", 2)
            assert (song.probabilities is not None) == (version >= 2)
            assert (song.warning == "it is cut off") == (version >= 3)
            assert [tag.label for tag in song.present_tags] == (["mood:calm"] if version >= 4 else [])
            assert failed.error == f"{failed.path} is cut off"
            assert damaged.error is not None and "is damaged (genres)" in damaged.error
            assert library.tracks.embedding("/m/a.wav") == [1.0]
            calm = [("mood", "calm", 1), ("mood", "dark", 0)]
            assert library.tracks.count_tags() == (calm if version >= 4 else [])
            assert library.tracks.counts() == [("m@0123456789ab", "jazz", 2), ("m@0123456789ab", "error", 1)]
            assert library.journal.count() == 1
            assert [change.state for change in library.journal.unfinished()] == ["ready"]
    Library(new).close()
    for table, (columns, rows) in before.items():
        assert contents(path, table, columns)[1] == rows
        assert contents(path, table)[0] == contents(new, table)[0]
    assert indices(path) == indices(new)
    (_, derived) = contents(path, "tracks", ["present", "checksum"])
    assert derived[0][0] == (b'["mood:calm"]' if version >= 4 else b"")
    assert derived[1][0] == b"" and derived[2] == (None, DAMAGED)
    assert all(isinstance(checksum, int) and checksum >= 0 for _, checksum in derived[:2])


KILLED = """
import os, sys
from genrelab.library import Library
from genrelab.library.store.schema import derived
some, calls = derived._derive_some, iter(range(10))
derived._BLOCK = 100
derived._derive_some = lambda database: some(database) if next(calls) < 3 else os._exit(9)
Library(sys.argv[1])
"""


def test_a_killed_upgrade_continues(tmp_path: Path) -> None:
    path = underived(tmp_path / "l.db")
    records = list(Tracks(Database(path)).all())
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == 9
    assert count(path, "checksum IS NULL") == ROWS - 300
    assert list(Tracks(Database(path)).all()) == records  # half upgraded
    reports: list[tuple[int, int]] = []
    with Library(path, report=lambda _, done, total: reports.append((done, total))) as library:
        assert list(library.tracks.all()) == records
    assert count(path, "checksum IS NULL") == 0
    assert ("tracks_summary",) in names(path)
    assert reports == []  # of large libraries only


def underived(path: Path) -> Path:
    """Write a library whose rows have no derived values, as other programs write them; some are damaged."""
    make_library(path, ROWS, seed=3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX tracks_summary")
        for number, damage in enumerate(
            (
                "genres = '[['",
                "timeline = x'00'",
                "embedding = x'0011'",
                "tags = '[[\"mood\"]]'",
                "duration = -1",
            )
            + ('tags = \'[["mood", "calm", 0.9, true]]\'', "genre = NULL", "model = 'other@123456789012'")
            + ('notices = \'[["cut off", "it is cut off"]]\'', "tags = '[]'", "reason = 'because'")
        ):
            connection.execute(f"UPDATE tracks SET {damage} WHERE id = ?", (3 + 50 * number,))
        connection.execute("UPDATE tracks SET present = NULL, checksum = NULL")
    return path


def count(path: Path, where: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM tracks WHERE {where}").fetchone()[0])


def names(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name FROM sqlite_schema").fetchall()


CONDITIONS = (
    *("genre=rock", "mood=calm", "mood=calm|dark, confidence>0.6", "mood!=sad", "genre!=unsure, mood=tense"),
    *("genre=rock|pop>0.3, mood!=sad", "reason=low confidence", "mood=calm>0.9", "genre=unsure>0.4"),
    *("reason!=low confidence", "confidence<=0.5"),
)


def test_lists_are_the_same_with_and_without_derived_values(tmp_path: Path) -> None:
    path = underived(tmp_path / "l.db")
    bare = Tracks(Database(path))
    artist = "/music/Artist 000003"
    before = [list(bare.all()), list(bare.all([artist, "/music/Artist 000001", f"{artist}/x"]))]
    counts = bare.counts(), bare.count_tags(), bare.genres(), bare.present_tags(before[0][0].model)
    filtered = [list(bare.all((), parse_where([text], bare.known_tags()))) for text in CONDITIONS]
    assert all(filtered)
    with Library(path) as library:
        assert count(path, "checksum >= 0") > ROWS - 12
        tracks = library.tracks
        assert [
            list(tracks.all()),
            list(tracks.all([artist, "/music/Artist 000001", f"{artist}/x"])),
        ] == before
        assert len(before[1]) == 96
        assert (
            tracks.counts(),
            tracks.count_tags(),
            tracks.genres(),
            tracks.present_tags(before[0][0].model),
        ) == counts
        for text, found in zip(CONDITIONS, filtered, strict=True):
            where = parse_where([text], tracks.known_tags())
            assert list(tracks.all((), where)) == found, text
        short = list(tracks.all(shown=Shown(2, timeline=False, tags=False)))
        assert [(each.path, each.genre, each.genres[:2], each.error) for each in short] == [
            (each.path, each.genre, each.genres[:2], each.error) for each in before[0]
        ]
        assert short[0].timeline == () and len(short[0].genres) == 2


def test_short_records_make_the_same_table(tmp_path: Path) -> None:
    with Library(underived(tmp_path / "l.db")) as library:
        for top, tags, guess in ((3, False, False), (1, True, True), (12, True, False)):
            whole, short = io.BytesIO(), io.BytesIO()
            records = (each.with_guess() if guess else each for each in library.tracks.all())
            write_records(records, whole, format="csv", top=top, tags=tags)
            briefs = library.tracks.briefly(shown=Shown(top, timeline=False, tags=tags))
            write_csv((each.with_guess() if guess else each for each in briefs), short, top=top, tags=tags)
            assert short.getvalue() == whole.getvalue()
            assert short.getvalue().count(b"\n") == ROWS + 1


@pytest.mark.parametrize(
    "genres",
    [
        '[["a"',
        "[[1,2",
        "[5]",
        '[["a", 0.5, 3]]',
        '[["a", NaN]]',
        '[["a", 1e999]]',
        '[["a", 1e]]',
        "[[7, 0.5]]",
        "{}",
        "[" * 100_000,
    ],
)
def test_a_checksum_that_another_program_wrote_hides_no_damage(genres: str, tmp_path: Path) -> None:
    path = make_library(tmp_path / "l.db", 2)
    with Library(path) as library:
        (values,) = library.database.rows(f"SELECT {READ_COLUMNS} FROM tracks WHERE id = 1")
        checksum = checksum_of(TrackRow(*values)._replace(genres=genres))
        library.database.execute(
            "UPDATE tracks SET genres = ?, checksum = ? WHERE id = 1", (genres, checksum)
        )
        lists = [list(library.tracks.all()), list(library.tracks.briefly(shown=Shown(1, timeline=False)))]
    for damaged, sound in lists:
        assert damaged.error is not None and "is damaged (genres)" in damaged.error
        assert sound.error is None


@pytest.mark.parametrize(
    "damage", ["timeline = x'00'", "embedding = x'0011'", "tags = '[[1'", "genres = '[[1'"]
)
def test_what_is_not_shown_is_checked_as_well(damage: str, tmp_path: Path) -> None:
    path = make_library(tmp_path / "l.db", 3)
    Library(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE tracks SET {damage} WHERE id = 2")
    with Library(path) as library:
        first, second, third = library.tracks.all(shown=Shown(1, timeline=False, tags=False))
    assert second.error is not None and damage.split()[0] in second.error
    assert (first.error, third.error) == (None, None)
    assert len(first.genres) == 1
