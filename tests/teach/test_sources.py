"""Examples: names, groups, tables, and what is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from raising import raises
from teaching import run, write_song, write_table

from genrelab.library import Library
from genrelab.recognize.albums.names import AlbumTags
from genrelab.teach.sources.examples import Examples, clean
from genrelab.teach.sources.examples_file import examples_file, read_examples
from genrelab.teach.sources.grouping import MOST_IN_FOLDER, group_keys, number_groups
from genrelab.teach.sources.labelled import Labelled, read_csv, read_folders
from genrelab.teach.sources.names import Naming


def examples(genres: list[tuple[str, ...]], sounds: list[int] | None = None) -> Examples:
    numbers = range(len(genres)) if sounds is None else sounds
    return Examples(
        tuple(f"/music/{k}.mp3" for k in range(len(genres))),
        tuple(genres),
        tuple(f"artist {k}" for k in range(len(genres))),
        tuple(k.to_bytes(32, "big") for k in numbers),
        np.random.default_rng(0).normal(size=(len(genres), 4)).astype(np.float32),
    )


def test_genres_with_few_examples_are_left_out() -> None:
    kept, left = clean(examples([("a",), ("a", "c"), ("b",), ("b",), ("c",), ("d",)]), fewest=2, multi=True)
    assert kept.names() == ("a", "b", "c") and left.small == {"d": 1} and left.without_genre == 1
    kept, left = clean(examples([("a",), ("a", "d"), ("b",), ("b",)]), fewest=2, multi=False)
    assert kept.genres == (("a",), ("a",), ("b",), ("b",)) and left.without_genre == 0


def test_too_few_and_too_many_genres() -> None:
    with raises("teach-too-few-genres", "'a'"):
        clean(examples([("a",), ("a",)]), fewest=2, multi=False)
    with raises("teach-too-few-genres"):
        clean(examples([("a",)]).only([]), fewest=2, multi=False)
    every = [(f"genre {k // 2}",) for k in range(4002)]
    with raises("teach-too-many-genres", "2,001", "2,000"):
        clean(examples(every), fewest=2, multi=False)
    assert len(clean(examples(every[:4000]), fewest=2, multi=False)[0].names()) == 2000


def test_styles_that_their_genre_would_save_are_named() -> None:
    styles = [("Death Metal",)] * 2 + [("Heavy Metal",)] * 2 + [("Techno",)]
    _, left = clean(examples([("Jazz",)] * 3 + [("Pop",)] * 3 + styles), fewest=3, multi=False)
    assert left.united_by_genre == ["Death Metal", "Heavy Metal"]
    with raises("teach-too-few-genres", "--level genre"):
        clean(examples([("Jazz",)] * 3 + styles), fewest=3, multi=False)


def test_examples_that_all_contradict_each_other_are_named() -> None:
    with raises("teach-too-few-genres", "/music/0", "a different genre"):
        clean(examples([("a",), ("b",)], sounds=[1, 1]), fewest=1, multi=False)


def test_copies_and_contradictions() -> None:
    genres: list[tuple[str, ...]] = [("a",), ("a",), ("b",), ("b",), ("a",), ("b",)]
    kept, left = clean(examples(genres, [0, 0, 1, 2, 3, 3]), fewest=1, multi=False)
    assert kept.paths == ("/music/0.mp3", "/music/2.mp3", "/music/3.mp3")
    assert left.repeated == 1 and left.contradictory == ["/music/4.mp3", "/music/5.mp3"]
    kept, left = clean(examples(genres, [0, 0, 1, 2, 3, 3]), fewest=1, multi=True)
    assert kept.genres[-1] == ("a", "b") and not left.contradictory


def test_later_examples_replace_earlier_ones_of_the_same_file_or_sound() -> None:
    old = examples([("a",), ("a",), ("b",)])
    later = Examples(
        ("/music/0.mp3", "/elsewhere.mp3"), (("b",), ("c",)), ("x", "y"), (b"new", old.sounds[1]),
        np.zeros((2, 4), np.float32),
    )  # fmt: skip
    found = old.updated(later)
    assert found.paths == ("/music/2.mp3", "/music/0.mp3", "/elsewhere.mp3")
    assert found.genres == (("b",), ("b",), ("c",)) and found.vectors.shape == (3, 4)


def test_groups(tmp_path: Path) -> None:
    album, heap = tmp_path / "album", tmp_path / "heap"
    for folder, count in ((album, 3), (heap, MOST_IN_FOLDER + 1)):
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.mp3").touch()
    files = [
        Labelled(album / "0.mp3", ("a",), artist="The Artist"),
        Labelled(heap / "0.mp3", ("a",)),
        Labelled(heap / "1.mp3", ("a",)),
        Labelled(album / "1.mp3", ("a",)),
        Labelled(album / "2.mp3", ("a",)),
        Labelled(heap / "2.mp3", ("a",)),
        Labelled(heap / "3.mp3", ("a",)),
        Labelled(album / "1.mp3", ("a",), of_genre=True),
    ]
    tags = [AlbumTags()] * 8
    tags[1] = AlbumTags(artist="the artist feat. Guest")
    tags[2] = AlbumTags(album="Hits", album_artist="Various Artists", artist="Somebody")
    keys = group_keys(files, tags)
    assert keys[0] == keys[1] != keys[2] and "somebody" in keys[2]
    assert keys[3] == keys[4] != keys[0]
    assert len({keys[5], keys[6], keys[7], keys[3]}) == 4
    assert number_groups(["a", "b", "a", "c"], [b"1", b"2", b"3", b"2"]) == [0, 1, 0, 1]


def test_tables(tmp_path: Path) -> None:
    song = write_song(tmp_path / "a song.flac", 440.0)
    write_song(tmp_path / "=1.flac", 440.0)
    path = tmp_path / "table.csv"
    path.write_text('﻿Genre;FILE\r\n"Rock; Pop";a song.flac\r\n;a song.flac\r\nJazz;gone.flac\r\nJazz\r\n')
    found = read_csv(path)
    assert [(file.path, file.genres) for file in found.files] == [(song, ("Rock", "Pop"))]
    assert found.without == 1 and len(found.problems) == 2 and "gone.flac" in found.problems[0]
    write_table(path, [("'=1.flac", "'=x"), ("a song.flac", "'=y")])
    assert [(file.path.name, file.genres) for file in read_csv(path).files] == [
        ("=1.flac", ("=x",)), ("a song.flac", ("=y",)),
    ]  # fmt: skip
    path.write_text("name,mood\n")
    with raises("teach-csv-columns", path, "name, mood"):
        read_csv(path)
    path.write_text("")
    with raises("teach-csv-columns", path, "is empty"):
        read_csv(path)
    path.write_bytes("path\tgenre\r\na song.flac\tMúsica\r\n".encode("utf-16"))
    assert [file.genres for file in read_csv(path).files] == [("Música",)]
    path.write_bytes("path,genre\na song.flac,Música\n".encode("latin-1"))
    with raises("teach-csv-encoding", path, "line 2"):
        read_csv(path)
    with raises("teach-csv-unreadable", tmp_path):
        read_csv(tmp_path)
    path.write_text('path,genre\n"' + "x" * 200_000)
    with raises("teach-csv-damaged", path):
        read_csv(path)


def test_blocked_names_that_no_file_has_are_known() -> None:
    assert Naming.of("style").unused(["rap", "Nonsense"], [("Hip-Hop", "Jazz")]) == ["Nonsense"]


def test_folders(tmp_path: Path) -> None:
    with raises("teach-folder-without-genres", tmp_path):
        read_folders(tmp_path)
    write_song(tmp_path / "Jazz" / "one" / "a.flac", 440.0)
    write_song(tmp_path / "Jazz" / "b.flac", 440.0)
    (tmp_path / ".hidden").mkdir()
    found = read_folders(tmp_path)
    assert {file.path.name: file.of_genre for file in found.files} == {"a.flac": False, "b.flac": True}
    assert {file.genres for file in found.files} == {("Jazz",)}


def test_names() -> None:
    written = Naming.of("as-written").unify(
        [("hip hop", "JAZZ"), ("Hip-Hop",), ("Hip-Hop", "JAZZ"), ("Rap",)]
    )
    assert written == [("Hip-Hop", "JAZZ"), ("Hip-Hop",), ("Hip-Hop", "JAZZ"), ("Rap",)]
    assert Naming.of("style").unify([("Rap",), ("hip hop",)]) == [("Hip-Hop",), ("Hip-Hop",)]
    assert Naming.of("style", ["Hip-Hop"]).unify([("Rap", "Jazz")]) == [("Jazz",)]
    assert Naming.of("as-written").unify([("unsure", "\x07", "x" * 300, "ok")]) == [("ok",)]
    assert Naming.of("as-written").unify([("JAZZ",)], known=["Jazz"]) == [("Jazz",)]


@pytest.mark.slow
def test_a_killed_run_goes_on(lesson: Path, tiny_model: Path, tmp_path: Path, own_library: Path) -> None:
    target = tmp_path / "mine.onnx"
    command = [sys.executable, "-m", "genrelab", "teach", "--folders", str(lesson), "--to", str(target)]
    command += ["--model", str(tiny_model), "--jobs", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if own_library.exists():
            with Library(own_library) as library:
                if sum(count for *_, count in library.tracks.counts()) > 2:
                    break
        time.sleep(0.02)
    process.kill()
    process.wait()
    with Library(own_library) as library:
        known = {record.path for record in library.tracks.all()}
        library.database.execute("UPDATE tracks SET version = 'kept'")
    assert known
    assert run(*command[3:], "--quiet") == 0
    with Library(own_library) as library:
        kept = library.database.rows("SELECT path FROM tracks WHERE version = 'kept'")
    assert {Path(os.fsdecode(path)) for (path,) in kept} == known
    assert not list(tmp_path.glob(".genrelab-*")) and target.exists()


def test_a_changed_file_is_recognized_again(lesson: Path, tiny_model: Path, tmp_path: Path) -> None:
    music = Path(shutil.copytree(lesson, tmp_path / "music"))
    song = music / "Hum" / "0.flac"
    target = tmp_path / "mine.onnx"
    command = ("teach", "--folders", music, "--model", tiny_model, "--to", target, "--quiet", "--no-page")
    assert run(*command) == 0
    before = read_examples(examples_file(target)).examples
    write_song(song, 2500.0)
    assert run(*command) == 0
    after = read_examples(examples_file(target)).examples
    at = before.paths.index(str(song))
    assert before.paths == after.paths and before.sounds[at] != after.sounds[at]
    assert after.vectors[at, 0] > 1.5 * before.vectors[at, 0]
