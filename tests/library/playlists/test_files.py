"""Playlists as files: M3U8 and XSPF."""

from __future__ import annotations

import io
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import mutagen.flac
import pytest
import tagged
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.library.explore.playlist import Entry
from genrelab.library.playlists import files
from genrelab.library.playlists.files import format_of, save_playlist, write_playlist
from genrelab.library.playlists.rules import Item
from genrelab.library.playlists.xspf import location_of, write_xspf

SPACE = "{http://xspf.org/ns/0/}"


def parsed(entries: list[Entry], folder: Path, **options: object) -> list[dict[str, str]]:
    out = io.BytesIO()
    write_xspf(entries, out, folder=folder, **options)
    root = ET.fromstring(out.getvalue())
    assert root.tag == f"{SPACE}playlist" and root.get("version") == "1"
    tracks = root.find(f"{SPACE}trackList")
    assert tracks is not None
    return [{child.tag.removeprefix(SPACE): child.text or "" for child in track} for track in tracks]


def test_a_track_has_its_names(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "mp3-24")
    assert parsed([Entry(path, 59.6004)], tmp_path) == [
        {
            **{"location": path.name, "title": "Lied ohne Wörter", "creator": "Ensemble Ω"},
            "duration": "59600",
        }
    ]


def test_hostile_names_and_tags(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "flac-bare")
    odd = path.rename(tmp_path / os.fsdecode(b"<title><script>&\n\xff%41.flac"))
    file = mutagen.flac.FLAC(os.fsencode(odd))
    file["TITLE"], file["ARTIST"], file["ALBUM"] = "]]><b>&amp;", "a\u202eb\x00\ufffe", "<!--"
    file.save()
    (track,) = parsed([Entry(odd, None)], tmp_path, title="<&>\x1b")
    assert unquote_to_bytes(track["location"]) == os.fsencode(odd.name)
    assert track["title"] == "]]><b>&amp;" and track["album"] == "<!--"
    assert "\u202e" not in track["creator"] and "\\u202e" in track["creator"]
    assert "duration" not in track


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_every_name_comes_back(name: bytes) -> None:
    if name in (b".", b".."):
        return
    path = Path(os.fsdecode(b"/music/" + name))
    for reference in (
        location_of(path, b"/music"),
        location_of(path, b"/elsewhere"),
        location_of(path, None),
    ):
        assert reference.isascii() and " " not in reference
        whole = urlsplit(urljoin("file:///music/list.xspf", reference))
        assert whole.scheme == "file" and not whole.netloc and not whole.query and not whole.fragment
        assert unquote_to_bytes(whole.path) == b"/music/" + name


def test_relative_and_absolute(tmp_path: Path) -> None:
    below, beside = tmp_path / "lists" / "a b" / "x.mp3", tmp_path / "y.mp3"
    entries = [Entry(below, None), Entry(beside, None)]
    found = [track["location"] for track in parsed(entries, tmp_path / "lists")]
    assert found == ["a%20b/x.mp3", f"file://{tmp_path}/y.mp3"]
    found = [track["location"] for track in parsed(entries, tmp_path / "lists", absolute=True)]
    assert found[0] == f"file://{tmp_path}/lists/a%20b/x.mp3"


def test_the_name_says_the_format(tmp_path: Path) -> None:
    assert format_of(Path("x.M3U")) == format_of(Path("x.m3u8")) == "m3u8"
    assert format_of(Path("x.xspf")) == "xspf"
    for name, wanted in (("x.mp3", None), ("x", None), ("x.m3u8", "xspf"), ("x.xspf", "m3u8")):
        with raises("playlist-suffix", name):
            format_of(Path(name), wanted)
    with raises("playlist-suffix", ".m3u8 or .m3u or .xspf"):
        format_of(Path("x.txt"), None)


def test_an_existing_file_stays(tmp_path: Path) -> None:
    items = [Item(tmp_path / "a.mp3", "rock", 1.0, 3.0)]
    target = tmp_path / "x.m3u8"
    save_playlist(items, target)
    assert target.read_text() == "#EXTM3U\n#EXTINF:3,a\na.mp3\n"
    target.write_text("mine")
    with raises("output-exists", target):
        save_playlist(items, target)
    assert target.read_text() == "mine"
    save_playlist(items, target, overwrite=True)
    assert target.read_text().startswith("#EXTM3U")
    with raises("output-is-input"):
        save_playlist([Item(target, "rock", 1.0, 3.0)], target, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.m3u8"]


def test_a_file_made_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x.m3u8"

    def write(*arguments: Any, **options: Any) -> list[tuple[Path, str]]:
        target.write_text("mine")
        return write_playlist(*arguments, **options)

    monkeypatch.setattr(files, "write_playlist", write)
    with raises("output-exists", target):
        save_playlist([Item(tmp_path / "a.mp3", "rock", 1.0, 3.0)], target)
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.m3u8"]
