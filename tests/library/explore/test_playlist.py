"""Playlists that players can read."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
import tagged

from genrelab.library.explore.playlist import Entry, title_of, write_m3u


def written(entries: list[Entry], folder: Path, **options: bool) -> tuple[str, list[tuple[Path, str]]]:
    out = io.BytesIO()
    skipped = write_m3u(entries, out, folder=folder, **options)
    return out.getvalue().decode("utf-8"), skipped


@pytest.mark.parametrize("kind", ["mp3-24", "mp3-23", "ogg", "opus", "oga", "m4a", "wma", "aiff", "wav"])
def test_titles_of_all_formats(kind: str, tmp_path: Path) -> None:
    assert title_of(tagged.make(tmp_path, kind)) == "Ensemble Ω - Lied ohne Wörter"


def test_titles_without_tags_are_file_names(tmp_path: Path) -> None:
    for kind in ("flac-bare", "mp3-bare", "m4a-bare", "wav-bare"):
        bare = tagged.make(tmp_path, kind)
        assert title_of(bare) == bare.stem
    words = tmp_path / "no  music.mp3"
    words.write_text("words")
    assert title_of(words) == "no music"
    assert title_of(tmp_path / "gone.flac") == "gone"


def test_a_title_is_one_line(tmp_path: Path) -> None:
    from mutagen.flac import FLAC

    path = tagged.make(tmp_path, "flac-bare")
    file = FLAC(path)
    file["TITLE"] = "First\r\nsecond\n#EXTINF"
    file.save()
    assert title_of(path) == "First second #EXTINF"


def test_the_lines(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    below, beside = folder / "album" / "né 1.mp3", tmp_path / "other.mp3"
    hash_sign, space = folder / "#1.mp3", folder / " x.mp3"
    entries = [Entry(below, 59.6), Entry(beside, None), Entry(hash_sign, 3.0), Entry(space, 3.0)]
    text, skipped = written(entries, folder)
    assert text.splitlines() == [
        *("#EXTM3U", "#EXTINF:60,né 1", os.path.join("album", "né 1.mp3")),
        *("#EXTINF:-1,other", str(beside), "#EXTINF:3,#1", "./#1.mp3", "#EXTINF:3,x", "./ x.mp3"),
    ]
    assert skipped == []
    lines, _ = written(entries, folder, absolute=True)
    assert lines.splitlines()[2::2] == [str(entry.path) for entry in entries]


def test_names_that_a_playlist_cannot_hold(tmp_path: Path) -> None:
    odd = [
        tmp_path / "a\nb.mp3",
        tmp_path / "a\rb.mp3",
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp3")),
    ]
    text, skipped = written([Entry(path, 1.0) for path in [*odd, tmp_path / "c.mp3"]], tmp_path)
    assert text == "#EXTM3U\n#EXTINF:1,c\nc.mp3\n"
    assert [path for path, _ in skipped] == odd
    assert [reason for _, reason in skipped] == [*["its name has a line break"] * 2, "its name is not UTF-8"]


def test_a_link_to_the_folder_of_the_playlist(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    text, _ = written([Entry(tmp_path / "real" / "x.mp3", 1.0)], tmp_path / "link")
    assert text.splitlines()[-1] == "x.mp3"


@pytest.mark.slow
@pytest.mark.needs("mpv")
def test_mpv_plays_it(tmp_path: Path) -> None:
    songs = [tagged.make(tmp_path, kind) for kind in ("flac", "mp3-24")]
    text, _ = written([Entry(song, 1.0) for song in songs], tmp_path)
    (tmp_path / "list.m3u8").write_text(text, encoding="utf-8")
    command = ["mpv", "--no-config", "--ao=null", "--vid=no", "--untimed", str(tmp_path / "list.m3u8")]
    # mpv prints tags as the bytes that they are
    said = subprocess.run(command, capture_output=True, timeout=60).stdout.decode(errors="replace")
    assert all(f"Playing: {song}" in said for song in songs)
