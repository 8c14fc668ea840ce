"""`beet genrelab`, and undo after other writes."""

from __future__ import annotations

import logging

from beetsplug.genrelab import session as sessions
from beetsplug.genrelab.settings import DEFAULTS, Settings
from confuse import Configuration


def test_pretend_changes_nothing(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": []}))
    said = beets.run("genrelab", "-p")
    assert genre in said
    assert beets.list() == ["a: "]
    assert beets.list(format="$genrelab_genre") == ["$genrelab_genre"]


def test_the_command_writes_and_undo_takes_back_files_and_database(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": ["Unknown"], "b.mp3": []}))
    beets.run("genrelab", "title:a")
    assert beets.list() == [f"a: {genre}", "b: "]
    beets.run("genrelab")
    assert [file.genres for file in beets.files().values()] == [[genre]] * 2
    beets.run("genrelab", "--undo")
    assert beets.list() == ["a: Unknown", "b: "]
    assert [file.genres for file in beets.files().values()] == [["Unknown"], None]
    assert beets.list(format="$genrelab_genres") == ["$genrelab_genres"] * 2


def test_no_write_changes_the_database_alone(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": []}))
    beets.run("genrelab", "-W")
    assert beets.list() == [f"a: {genre}"]
    assert beets.files()["a"].genres is None
    beets.run("write")
    assert beets.files()["a"].genres == [genre]
    assert "undone" in beets.genrelab("tag", "--undo", beets.music)


def test_undo_works_after_beets_wrote_other_tags(beets, album):
    beets.run("import", "-A", album({"a.flac": ["Other"], "b.mp3": [], "c.ogg": []}))
    beets.run("write")
    beets.run("modify", "-y", "year=1971")
    said = beets.genrelab("tag", "--undo", beets.music)
    assert said.count("undone") == 3, said
    files = beets.files()
    assert {title: file.genres for title, file in files.items()} == {"a": ["Other"], "b": None, "c": None}
    assert {file.year for file in files.values()} == {1971}


def test_a_genre_that_the_user_changed_is_not_taken_back(beets, album):
    beets.run("import", "-A", album({"a.flac": []}))
    beets.run("write")
    beets.run("modify", "-y", "genres=Polka")
    assert beets.files()["a"].genres == ["Polka"]
    said = beets.genrelab("tag", "--undo", beets.music)
    assert "undone" not in said
    assert beets.files()["a"].genres == ["Polka"]


def test_undo_gives_back_genres_that_only_the_database_had(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": [], "b.flac": ["Rock"]}))
    beets.run("modify", "-y", "-W", "genres=Polka; Schlager")
    for words in (["-f"], ["-f", "-W"]):
        beets.run("genrelab", *words)
        beets.run("genrelab", "-f", *words)  # a second run makes no difference
        assert beets.list() == [f"a: {genre}", f"b: {genre}"]
        beets.run("genrelab", "--undo")
        assert beets.list() == ["a: Polka; Schlager", "b: Polka; Schlager"]
        assert [file.genres for file in beets.files().values()] == [None, ["Rock"]]
    assert beets.list(format="$genrelab_before") == ["$genrelab_before"] * 2


def test_undo_keeps_a_genre_that_the_user_changed_in_the_database(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": []}))
    beets.run("genrelab")
    beets.run("modify", "-y", "-W", "genres=Polka")
    beets.run("genrelab", "--undo")
    assert beets.list() == ["a: Polka"]
    assert beets.files()["a"].genres is None
    assert beets.list(format="$genrelab_genres") == ["$genrelab_genres"]


def test_tracks_without_an_album_get_genres_if_the_source_is_the_album(beets, album, genre):
    beets.settings = {"auto": False, "source": "album"}
    beets.run("import", "-A", "-s", album({"single.flac": []}, "singles"))
    beets.run("import", "-A", album({"a.flac": []}))
    beets.run("genrelab")
    assert beets.list() == [f"a: {genre}", f"single: {genre}"]


def test_an_album_genre_replaces_no_genre_of_a_track(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": [], "b.flac": ["Polka"]}))
    beets.run("genrelab", "-a")
    assert beets.list() == [f"a: {genre}", "b: Polka"]
    beets.run("genrelab", "-a", "-f")
    assert beets.list() == [f"a: {genre}", f"b: {genre}"]
    beets.run("genrelab", "-u")
    assert beets.list() == ["a: ", "b: Polka"]
    assert beets.run("ls", "-a", "-f", "[$genres]").strip() == "[]"


def test_album_genres_by_command(beets, album, genre):
    beets.settings = {"auto": False}
    beets.run("import", "-A", album({"a.flac": [], "b.mp3": []}))
    beets.run("genrelab", "-a")
    assert beets.run("ls", "-a", "-f", "$genres").strip() == genre
    assert [file.genres for file in beets.files().values()] == [[genre]] * 2
    beets.run("genrelab", "-u")
    assert beets.run("ls", "-a", "-f", "[$genres]").strip() == "[]"


def test_names_follow_the_map_and_the_spelling(beets, album, genre, tmp_path):
    (tmp_path / "map.yaml").write_text(f"names: {{{genre.lower()}: [Nu {genre}]}}\nparents: {{}}\n")
    beets.settings = {"map": str(tmp_path / "map.yaml")}
    beets.run("import", "-A", album({"a.flac": []}))
    assert beets.list() == [f"a: Nu {genre}"]
    beets.settings = {"count": 2, "min_confidence": 0.0, "spelling": "musicbrainz"}
    beets.run("genrelab", "-f")
    (line,) = beets.list()
    assert line.startswith(f"a: {genre.lower()}; ")


def test_a_session_recognizes_a_file_once(album, tmp_path):
    config = Configuration("genrelab", read=False)
    config.set({**DEFAULTS, "library": str(tmp_path / "music.db")})
    session = sessions.Session(logging.getLogger("test"))
    session.use(Settings.read(config))
    paths = sorted(album({"a.flac": [], "b.mp3": []}).iterdir())
    first = session.recognize(paths)
    assert session._recognizer.recalled == 0
    again = sessions.Session(logging.getLogger("test"))
    again.use(Settings.read(config))
    assert [record.genre for record in again.recognize(paths)] == [record.genre for record in first]
    assert again._recognizer.recalled == 2
