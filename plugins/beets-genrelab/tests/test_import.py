"""Genres on import: what beets knows, what its files contain, and what goes wrong without harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediafile import MediaFile

from conftest import Beets, cut_file, noise_file

NEW = {"one.flac": [], "two.mp3": [], "three.ogg": []}


def test_beets_knows_the_genres_and_the_files_stay_as_they_are(beets, album, genre):
    folder = album(NEW)
    beets.run("import", "-A", folder)
    assert beets.list() == [f"one: {genre}", f"three: {genre}", f"two: {genre}"]
    shares = beets.list(format="$genrelab_genre $genrelab_confidence")
    assert all(0.4 < float(line.split()[1]) <= 1 for line in shares)
    assert len(beets.list("genrelab_confidence:0.4..")) == 3
    assert beets.list("genrelab_confidence:..0.4") == []
    assert [file.genres for file in beets.files().values()] == [None, None, None]


def test_matched_albums_get_genres_and_genrelab_takes_them_back(beets, album, genre):
    beets.plugins = ("knownalbums", "genrelab")
    beets.settings = {"force": True}
    beets.run("import", album({**NEW, "old.flac": ["Polka", "Schlager"]}))
    assert {title: file.genres for title, file in beets.files().items()} == dict.fromkeys(
        ("ONE", "TWO", "THREE", "OLD"), [genre]
    )
    said = beets.genrelab("tag", "--undo", beets.music)
    assert said.count("undone") == 4, said
    files = beets.files()
    assert {title: file.genres for title, file in files.items()} == {
        "ONE": None, "TWO": None, "THREE": None, "OLD": ["Polka", "Schlager"],
    }  # fmt: skip
    assert files["OLD"].mb_albumid == "1"  # the other tags that beets wrote stay


def test_files_imported_as_they_are_get_genres_if_asked(beets, album, genre):
    beets.settings = {"write_asis": True}
    beets.run("import", "-A", album(NEW))
    assert [file.genres for file in beets.files().values()] == [[genre]] * 3
    assert beets.genrelab("tag", "--undo", beets.music).count("undone") == 3


def test_present_genres_stay_and_placeholders_do_not(beets, album, genre):
    beets.run("import", "-A", album({"a.flac": ["Polka"], "b.flac": ["Unknown"]}))
    assert beets.list() == ["a: Polka", f"b: {genre}"]


def test_force_replaces_and_keep_existing_adds(beets, album, genre):
    folder = album({"a.flac": ["Polka"]})
    beets.settings = {"keep_existing": True}
    beets.run("import", "-A", folder)
    assert beets.list() == [f"a: Polka; {genre}"]
    beets.run("genrelab", "-K", "-f")
    assert beets.list() == [f"a: {genre}"]


def test_a_broken_file_and_one_without_music_do_not_stop_the_import(beets, album, genre):
    folder = album({"good.flac": []})
    cut_file(folder / "cut.flac", folder / "good.flac")
    noise_file(folder / "noise.flac", "noise")
    said = beets.run("import", "-A", folder)
    assert "cut.flac" in said
    assert beets.list() == ["cut: ", f"good: {genre}", "noise: "]
    assert beets.list("title:noise", "$genrelab_genre") == ["unsure"]


def test_an_album_gets_one_genre(beets, album, genre):
    beets.settings = {"source": "album"}
    folder = album(NEW)
    noise_file(folder / "noise.flac", "noise")
    beets.run("import", "-A", folder)
    assert beets.list() == [f"{title}: {genre}" for title in ("noise", "one", "three", "two")]
    assert beets.run("ls", "-a", "-f", "$genres").strip() == genre


def test_singletons(beets, album, genre):
    beets.run("import", "-A", "-s", album(NEW))
    assert beets.list() == [f"one: {genre}", f"three: {genre}", f"two: {genre}"]


def test_an_unusable_library_of_genrelab_leaves_the_writing_to_beets(beets, album, genre):
    beets.plugins = ("knownalbums", "genrelab")
    beets.library.write_text("not a database, but a text that somebody wrote over it\n" * 20)
    said = beets.run("import", album(NEW))
    assert str(beets.library) in said and said.count("results are not kept") == 1
    assert {file.genres[0] for file in beets.files().values()} == {genre}


def test_an_unusable_model_stops_no_import(beets, album, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    beets.settings = {"model": str(tmp_path / "model.onnx")}
    said = beets.run("import", "-A", album(NEW))
    assert "model.onnx" in said
    assert beets.list() == ["one: ", "three: ", "two: "]


@pytest.mark.parametrize(
    "settings", [{"count": "many"}, {"first": "me"}, {"map": "none.yaml"}, {"min_confidence": 60}]
)
def test_wrong_settings_are_named_before_anything_happens(beets, album, settings):
    beets.settings = settings
    said = beets.run("import", "-A", album({"a.flac": []}), fails=True)
    assert next(iter(settings)) in said or "none.yaml" in said
    assert not beets.music.exists()


@pytest.mark.parametrize("first", ["lastgenre", "genrelab"])
def test_the_order_of_sources(beets, album, genre, first):
    beets.plugins = ("lastgenre", "offlinelastfm", "genrelab")
    beets.settings = {"first": first}
    folder = album({"a.flac": []}, "known")
    file = MediaFile(folder / "a.flac")
    file.albumartist = "Known"
    file.save()
    beets.run("import", "-A", folder)
    assert beets.list() == [f"a: {'Ambient' if first == 'lastgenre' else genre}"]
    beets.run("import", "-A", album({"b.flac": []}, "new"))  # lastgenre has nothing for it
    assert beets.list("title:b") == [f"b: {genre}"]


def test_an_order_of_plugins_that_contradicts_is_said(beets):
    beets.plugins = ("genrelab", "lastgenre")
    assert "name it before genrelab" in beets.run("ls")


def test_fifty_real_clips(beets, data_dir):
    import csv

    with (data_dir / "clips.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    column = next(name for name in ("path", "file", "audio") if name in rows[0])
    paths = [data_dir / row[column] for row in rows if (data_dir / row[column]).is_file()]
    chosen = paths[:: max(1, len(paths) // 50)][:50]
    folder = beets.home / "clips"
    for number, path in enumerate(chosen):
        (folder / f"{number // 10}").mkdir(parents=True, exist_ok=True)
        copy = folder / f"{number // 10}" / f"{number:02}{path.suffix}"
        copy.write_bytes(path.read_bytes())
        _entitle(copy, number)
    beets.settings = {"write_asis": True, "guess": True, "force": True}
    before = {path.name: MediaFile(path).genres for path in folder.rglob("*.*")}
    beets.run("import", "-A", folder)
    lines = beets.list(format="$title|$genres|$genrelab_genre")
    assert len(lines) == 50
    with_genre = [line for line in lines if line.split("|")[1]]
    assert len(with_genre) > 40, lines
    files = beets.files()
    assert sum(bool(file.genres) for file in files.values()) == len(with_genre)
    said = beets.genrelab("tag", "--undo", beets.music)
    assert said.count("undone") == len(with_genre), said
    after = {title: file.genres for title, file in beets.files().items()}
    assert after == {f"clip {Path(name).stem}": genres for name, genres in before.items()}


def _entitle(path: Path, number: int) -> None:
    file = MediaFile(path)
    file.title, file.artist, file.album = f"clip {number:02}", "Various", f"part {number // 10}"
    file.track = number + 1
    file.save()


def test_beets_types():
    """The list field and its type are those of this beets; the plugin depends on both."""
    from beets.dbcore import types
    from beets.library import Item

    assert Item._fields["genres"] == types.MULTI_VALUE_DSV
    assert Beets  # the host program is the real one
