"""Playlists: what they name is found, whoever wrote them, and what cannot be is said."""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from pathlib import Path

import pytest
import soundfile
from tiny_onnx import tone

from genrelab.library.explore.playlist import Entry, write_m3u
from genrelab.recognize import Problem, Recognizer, ScanLog, SheetTrack, scan
from genrelab.recognize.inputs import playlist
from genrelab.recognize.inputs.list_file import MOST_BYTES
from genrelab.recognize.inputs.playlist import MOST_DEPTH

linux = pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "Music"
    for name in ("a.mp3", "album/b c.flac", "album/Größe.ogg", "#1.mp3", "50%20.mp3", "100% x.mp3"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (tmp_path / "beside.mp3").touch()
    return folder


def _scan(path: Path, content: str | bytes, **options: object) -> list[str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [_say(found, path.parent) for found in scan([path], **options)]  # type: ignore[arg-type]


def _say(found: object, folder: Path) -> str:
    if isinstance(found, Problem):
        return f"! {found.message}".replace(f"{folder}/", "")
    return str(found).replace(f"{folder}/", "")


@pytest.mark.parametrize("name", ["x.m3u", "x.m3u8", "X.M3U"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_entries_in_their_order(name: str, end: str, music: Path) -> None:
    lines = ["#EXTM3U", "#EXTINF:3,A - B", "album/b c.flac", "", "  ", "a.mp3", "# a.flac", "../beside.mp3"]
    expected = ["album/b c.flac", "a.mp3", "../beside.mp3"]
    assert _scan(music / name, end.join(lines)) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("album\\b c.flac", "album/b c.flac"),
        (".\\album\\b c.flac\t", "album/b c.flac"),
        ("ALBUM/B C.FLAC", "album/b c.flac"),
        ("album/b%20c.flac", "album/b c.flac"),
        ("50%20.mp3", "50%20.mp3"),
        ("100% x.mp3", "100% x.mp3"),
        ("./#1.mp3", "#1.mp3"),
        (unicodedata.normalize("NFD", "album/Größe.ogg"), "album/Größe.ogg"),
        ("album/Gr%C3%B6%C3%9Fe.ogg", "album/Größe.ogg"),
        ("file://{}/a.mp3", "a.mp3"),
        ("file://localhost{}/album/b%20c.flac", "album/b c.flac"),
        ("FILE:{}/a.mp3", "a.mp3"),
        ("file://{}/#1.mp3", "#1.mp3"),
        ("{}/a.mp3", "a.mp3"),
    ],
)
def test_ways_to_name_a_file(entry: str, expected: str, music: Path) -> None:
    assert _scan(music / "x.m3u", entry.replace("{}", str(music))) == [expected]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("name", ["x.m3u", "x.m3u8"])
def test_encodings(encoding: str, name: str, music: Path) -> None:
    assert _scan(music / name, "album/Größe.ogg\r\na.mp3".encode(encoding)) == ["album/Größe.ogg", "a.mp3"]


def test_windows_has_signs_that_latin_1_has_not(music: Path) -> None:
    (music / "It’s 5 €.mp3").touch()
    assert _scan(music / "x.m3u", "It’s 5 €.mp3".encode("cp1252")) == ["It’s 5 €.mp3"]


@linux
def test_names_that_are_not_text(music: Path) -> None:
    name = os.fsencode(music) + b"/caf\xe9 \x81.mp3"
    Path(os.fsdecode(name)).touch()
    (music / "x.m3u").write_bytes(b"caf\xe9 \x81.mp3\n")
    (found,) = scan([music / "x.m3u"])
    assert os.fsencode(found) == name  # type: ignore[arg-type]


def test_entries_that_are_not_files_are_problems(music: Path) -> None:
    entries = [
        "http://radio.example/a.mp3",
        "none.mp3",
        "a.mp3",
        "album",
        "C:\\Music\\a.mp3",
        "file://nas/a.mp3",
    ]
    found = _scan(music / "x.m3u", "\n".join(entries))
    assert [line[:2] == "! " for line in found] == [True, True, False, True, True, True]
    assert "line 1" in found[0] and "http://radio.example/a.mp3" in found[0]
    assert all(data in found[1] for data in ("none.mp3", "x.m3u", "line 2"))
    assert found[3].startswith("! album ")
    assert "C:/Music/a.mp3 was not found" in found[4]
    assert "file://nas/a.mp3" in found[5]


def test_messages_are_short(music: Path) -> None:
    for entry in ("x" * 100_000, "http://" + "y" * 100_000):
        (line,) = _scan(music / "x.m3u", entry)
        assert len(line) < 1000


@pytest.mark.parametrize("content", ["", "#EXTM3U\n# nothing\n\n"])
def test_a_playlist_without_entries(content: str, music: Path) -> None:
    (line,) = _scan(music / "x.m3u", content)
    assert "names no files" in line


@pytest.mark.parametrize("name", ["x.m3u", "x.cue"])
def test_what_is_no_text_is_refused(name: str, music: Path) -> None:
    (line,) = _scan(music / name, b"ID3\x04\0\0\0\0\0\0" + bytes(100))
    assert "binary file" in line
    with (music / name).open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    (found,) = scan([music / name])
    assert isinstance(found, Problem) and "larger than 16 MiB" in found.message


def test_playlists_in_playlists(music: Path) -> None:
    (music / "album" / "in.m3u").write_text("b c.flac\nin.m3u\n../x.m3u\n")
    found = _scan(music / "x.m3u", "album/in.m3u\na.mp3\n")
    assert found[0] == "album/b c.flac" and found[3] == "a.mp3" and len(found) == 4
    assert all("by itself" in line for line in found[1:3])
    log = ScanLog()
    list(scan([music / "x.m3u"], log=log))
    assert log.lists == [music / "x.m3u", music / "album" / "in.m3u"]


def test_how_deep_and_how_many(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST_DEPTH + 5):
        (music / f"{number}.m3u").write_text(f"{number + 1}.m3u\na.mp3\n")
    found = [_say(one, music) for one in scan([music / "0.m3u"])]
    assert found[0].startswith(f"! {MOST_DEPTH}.m3u ")
    assert found[1:] == ["a.mp3"] * MOST_DEPTH
    monkeypatch.setattr(playlist, "MOST_ENTRIES", 10)
    found = _scan(music / "x.m3u", "a.mp3\n" * 11)
    assert found[:10] == ["a.mp3"] * 10
    assert len(found) == 11 and "only the first 10 entries" in found[10]
    assert _scan(music / "x.m3u", "a.mp3\n" * 10) == ["a.mp3"] * 10


def test_lists_in_folders_are_not_followed(music: Path) -> None:
    (music / "x.m3u").write_text("../beside.mp3")
    (music / "x.cue").write_text('FILE "a.mp3" MP3\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n')
    assert music.parent / "beside.mp3" not in list(scan([music]))
    assert not any(isinstance(found, SheetTrack) for found in scan([music]))


def test_lists_are_not_followed_where_files_are_written(music: Path) -> None:
    for name in ("x.m3u", "x.cue"):
        (line,) = _scan(music / name, "a.mp3", follow_lists=False)
        assert line.startswith(f"! {name} ")


def test_entries_can_be_excluded(music: Path) -> None:
    log = ScanLog()
    assert _scan(music / "x.m3u", "a.mp3\nalbum/b c.flac", exclude=["*.flac"], log=log) == ["a.mp3"]
    assert log.summary() == "1 file by --exclude"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_what_never_ends_is_not_opened(music: Path) -> None:
    os.mkfifo(music / "pipe.m3u")
    (line,) = _scan(music / "x.m3u", "pipe.m3u")
    assert line.startswith("! pipe.m3u ")
    assert list(scan([music / "pipe.m3u"])) == [music / "pipe.m3u"]  # which reading will refuse


def test_what_genrelab_writes_it_reads(music: Path) -> None:
    paths = sorted(path for path in music.rglob("*") if path.is_file()) + [music.parent / "beside.mp3"]
    out = io.BytesIO()
    assert write_m3u([Entry(path, 1.0) for path in paths], out, folder=music) == []
    (music / "x.m3u8").write_bytes(out.getvalue())
    assert [Path(os.path.normpath(found)) for found in scan([music / "x.m3u8"])] == paths  # type: ignore[arg-type]


def test_entries_are_recognized(tiny_model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "low.wav", tone(200.0), 8000)
    soundfile.write(tmp_path / "high.wav", tone(3000.0), 8000)
    (tmp_path / "x.m3u").write_text("high.wav\nnone.wav\nlow.wav\nhigh.wav\n/etc/hostname\n")
    said = list(Recognizer.load(tiny_model).recognize_many(scan([tmp_path / "x.m3u"])))
    assert [record.genre for record in said] == ["high", None, "low", "high", None]
    assert said[4].error is not None
