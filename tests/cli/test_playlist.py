"""`genrelab playlist` on real sound files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrelab.cli.main import main


@pytest.fixture
def known(tiny_model: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of music, which the library of the test knows."""
    monkeypatch.setenv("GENRELAB_LIBRARY", str(tmp_path / "library.db"))
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    main(["recognize", str(music), "--quiet"])
    return music


def test_a_genre_as_list_and_as_file(known: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert main(["playlist", "--genre=low", "--keep-copies", "--format=json"]) == 0
    listed = json.loads(capfd.readouterr().out)
    assert {Path(each["path"]).name for each in listed} == {"a low.wav", "d.ogg"}
    target = tmp_path / "low.m3u8"
    command = ["playlist", "--genre=low", "--keep-copies", f"--to={target}"]
    assert main(command) == 0
    assert "2 tracks written" in capfd.readouterr().err
    assert target.read_text().count("#EXTINF") == 2
    assert main(["playlist", "--genre=low", f"--to={tmp_path / 'low.m3u8'}", "--length=1"]) == 2
    assert (
        main(["playlist", "--genre=low", f"--to={tmp_path / 'low.m3u8'}", "--length=1", "--overwrite"]) == 0
    )
    assert target.read_text().count("#EXTINF") == 1
    capfd.readouterr()
    assert main(["playlist", "--genre=low", "--keep-copies", "--format=xspf"]) == 0
    assert "a%20low.wav</location>" in capfd.readouterr().out


def test_similar_tracks_and_a_path(known: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert main(["playlist", f"--similar-to={known / 'a low.wav'}", "--format=json", "--quiet"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert {Path(each["path"]).name for each in found} <= {"d.ogg", "b.flac", "c.mp3"}
    ends = [f"--from={known / 'a low.wav'}", f"--to-track={known / 'album' / 'c.mp3'}"]
    assert main(["playlist", *ends, "--format=json", "--length=3", "--keep-copies"]) == 0
    path = [Path(each["path"]).name for each in json.loads(capfd.readouterr().out)]
    assert path == ["a low.wav", "b.flac", "c.mp3"]


@pytest.mark.parametrize(
    "options",
    [
        ["--from=x.mp3"],
        ["--from=x.mp3", "--to-track=y.mp3", "--similar-to=z.mp3"],
        ["--from=x.mp3", "--to-track=y.mp3", "--shuffle=1"],
        ["--with-seeds"],
        ["--to=x.mp3"],
        ["--to=x.m3u8", "--format=xspf"],
        ["--overwrite"],
        ["--absolute"],
        ["--folder=/does/not/exist"],
        ["--genre=polka"],
        ["--length=0"],
    ],
    ids=" ".join,
)
def test_wrong_use(known: Path, options: list[str]) -> None:
    assert main(["playlist", *options]) == 2


def test_a_track_of_the_library_is_never_replaced(known: Path, tmp_path: Path) -> None:
    song = (known / "b.flac").read_bytes()
    disguised = tmp_path / "song.m3u8"
    disguised.write_bytes(song)
    main(["recognize", str(known / "b.flac"), "--quiet"])
    linked = tmp_path / "linked.m3u8"
    linked.symlink_to(known / "b.flac")
    assert main(["playlist", "--genre=low", f"--to={linked}", "--overwrite"]) == 2
    assert (known / "b.flac").read_bytes() == song
