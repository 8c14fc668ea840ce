"""Tags in the commands about the library: `--where`, playlists, `library tags`, moods and styles in files."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import mutagen
import pytest
import soundfile
from tiny_onnx import RATE, tone

from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def songs(tagged_model: Path, own_library: Path, tmp_path: Path, capsys: Capture) -> Path:
    """Songs that the library knows: two calm folk songs, a punk song, and one that is no music."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for name, frequency in (("a.flac", 200.0), ("b.wav", 200.0), ("c.flac", 1000.0), ("d.flac", 3000.0)):
        soundfile.write(folder / name, tone(frequency, 2.0 if name < "b" else 2.5), RATE)
    assert main(["recognize", str(folder), "--model", str(tagged_model), "--quiet"]) == 1
    capsys.readouterr()
    return folder


def names(text: str) -> list[str]:
    return [Path(record["path"]).name for record in json.loads(text)]


def test_list(songs: Path, capsys: Capture) -> None:
    for options, expected in (
        (["--where", "mood=calm"], ["a.flac", "b.wav"]),
        (["--where", "mood=calm, genre=folk", str(songs / "b.wav")], ["b.wav"]),
        (["--where", "style=punk", "--where", "confidence>0.9"], ["c.flac"]),
        (["--where", "reason=no music"], ["d.flac"]),
        (["--where", "mood=calm and style=punk"], []),
    ):
        assert main(["library", "list", "--format", "json", *options]) == 0
        assert names(capsys.readouterr().out) == expected


def test_json_and_csv_have_the_tags(songs: Path, capsys: Capture) -> None:
    assert main(["library", "list", "--format", "json", "--where", "style=punk"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert [(tag["kind"], tag["name"]) for tag in record["tags"] if tag["present"]] == [("style", "punk")]
    assert len(record["tags"]) == 3
    assert main(["library", "list", "--format", "csv", "--tags"]) == 0
    rows = {
        Path(row["path"]).name: row["tags"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))
    }
    assert rows["a.flac"].startswith("mood:calm=") and ";genre:folk=" in rows["a.flac"]
    assert rows["d.flac"] == ""
    assert main(["library", "list", "--tags", "--where", "style=punk"]) == 0
    assert "style:punk" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["library", "list", "--out", "never.json", "--format", "json"],
        ["library", "map", "--out", "never.html"],
        ["library", "playlist", "never.m3u8"],
        ["similar", "songs/a.flac", "--m3u", "never.m3u8"],
    ],
)
@pytest.mark.parametrize(
    ("where", "closest"), [("mood=clam", "calm"), ("modo=calm", "mood"), ("style=pnk", "punk")]
)
def test_unknown_names(
    where: str,
    closest: str,
    command: list[str],
    songs: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(songs.parent)
    assert main([*command, "--where", where]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and f"'{closest}'" in captured.err
    assert not list(songs.parent.glob("never*"))


def test_playlist(songs: Path, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "calm.m3u8"
    command = ["library", "playlist", str(out), "--where", "mood=calm"]
    assert main(command) == 0
    assert out.read_text().splitlines()[2::2] == ["songs/a.flac", "songs/b.wav"]
    assert "2 tracks" in capsys.readouterr().err
    (songs / "a.flac").unlink()
    assert main([*command, "--absolute"]) == 0
    assert out.read_text().splitlines()[2::2] == [str(songs / "b.wav")]
    assert "1 " in capsys.readouterr().err
    whole = out.read_bytes()
    assert main([*command, "--where", "style=punk"]) == 1
    assert out.read_bytes() == whole and capsys.readouterr().err
    assert main(["library", "playlist", str(songs / "c.flac")]) == 2  # an input
    assert main(["library", "playlist", str(out), str(songs / "c.flac"), "--quiet"]) == 0
    assert out.read_text().splitlines()[2::2] == ["songs/c.flac"]


@pytest.mark.parametrize(
    "command",
    [
        ["library", "playlist", "OUT", "--where", "mood=calm"],
        ["library", "list", "--where", "mood=calm", "--out", "OUT"],
        ["library", "map", "--where", "mood=calm", "--out", "OUT"],
        ["similar", "a.flac", "--where", "mood=calm", "--m3u", "OUT"],
    ],
)
@pytest.mark.parametrize("named", ["c.flac", "link.flac"])
def test_no_output_replaces_a_track_that_the_condition_leaves_out(
    named: str, command: list[str], songs: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(songs)
    whole = (songs / "c.flac").read_bytes()
    os.symlink("c.flac", "link.flac")
    assert main([named if word == "OUT" else word for word in command]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and named in captured.err
    assert (songs / "c.flac").read_bytes() == whole


def test_a_playlist_without_tracks_is_a_failure(songs: Path, tagged_model: Path, capsys: Capture) -> None:
    odd = (songs / "a.flac").rename(songs / "a\nb.flac")
    out = songs / "odd.m3u8"
    assert main(["recognize", str(odd), "--model", str(tagged_model), "--quiet"]) == 0
    assert main(["library", "playlist", str(out), str(odd)]) == 1
    assert "0 tracks" in capsys.readouterr().err


def test_map_and_similar(songs: Path, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "map.html"
    assert main(["library", "map", "--out", str(out), "--where", "mood=calm|"[:-1]]) == 0
    assert "2 tracks" in capsys.readouterr().err and "mood=calm" in out.read_text()
    assert main(["library", "map", "--out", str(out), "--where", "mood=calm<0.5, confidence>0"]) == 0
    assert "mood=calm&lt;0.5" in out.read_text()
    assert main(["library", "map", "--out", str(out)]) == 0
    assert "mood=calm" not in out.read_text()
    capsys.readouterr()
    assert main(["similar", str(songs / "a.flac"), "--where", "style=punk", "--format", "json"]) == 0
    assert names(capsys.readouterr().out) == ["c.flac"]


@pytest.mark.parametrize("format", ["json", "csv", "table"])
def test_tags(format: str, songs: Path, capsys: Capture) -> None:
    assert main(["library", "tags", "--format", format]) == 0
    text = capsys.readouterr().out
    expected = [("genre", "folk", "2"), ("mood", "calm", "2"), ("style", "punk", "1")]
    if format == "json":
        found = [tuple(map(str, row.values())) for row in json.loads(text)]
    else:
        found = [tuple(line.replace(",", " ").split()) for line in text.splitlines()[1:]]
    assert found == expected


def test_a_model_without_tags(music: Path, tiny_model: Path, own_library: Path, capsys: Capture) -> None:
    """Everything is as before; what needs tags says so."""
    assert main(["recognize", str(music), "--model", str(tiny_model), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["library", "tags"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "tags" in captured.err
    assert main(["library", "list", "--where", "mood=calm"]) == 2
    assert "'mood'" in capsys.readouterr().err
    assert main(["library", "list", "--where", "genre=low", "--format", "json"]) == 0
    assert names(capsys.readouterr().out) == ["a low.wav", "d.ogg"]
    assert main(["tag", str(music), "--moods", "--styles", "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert all(record["mood_after"] == [] and "mood, grouping: " in record["note"] for record in records)


def tag(songs: Path, *options: str) -> int:
    return main(["tag", str(songs), "--format", "json", "--quiet", *options])


def test_moods_and_styles_in_files(songs: Path, capsys: Capture) -> None:
    whole = {path: path.read_bytes() for path in songs.iterdir()}
    assert tag(songs, "--moods", "--styles") == 0
    plan = json.loads(capsys.readouterr().out)
    assert {path: path.read_bytes() for path in songs.iterdir()} == whole
    assert tag(songs, "--moods", "--styles", "--write") == 0
    written = json.loads(capsys.readouterr().out)
    for planned, record in zip(plan, written, strict=True):
        assert {**planned, "status": "written"} == record or planned["status"] == record["status"] == "left"
    first, second, third, fourth = written
    assert (first["after"], first["mood_after"], first["grouping_after"]) == (["low"], ["calm"], ["Folk"])
    assert (third["mood_after"], third["grouping_after"]) == ([], ["Punk"])
    assert fourth["status"] == "left" and "no music" in fourth["note"]
    file = mutagen.File(songs / "a.flac")
    assert (file["GENRE"], file["MOOD"], file["GROUPING"]) == (["low"], ["calm"], ["Folk"])
    assert mutagen.File(songs / "b.wav").tags["TMOO"].text == ["calm"]
    assert tag(songs, "--undo") == 0
    undone = json.loads(capsys.readouterr().out)
    assert undone[0]["mood_before"] == ["calm"] and undone[0]["mood_after"] == []
    assert {path: path.read_bytes() for path in songs.iterdir()} == whole


def test_moods_without_genres(songs: Path, capsys: Capture) -> None:
    assert tag(songs, "--moods", "--no-genre", "--write") == 0
    file = mutagen.File(songs / "a.flac")
    assert file["MOOD"] == ["calm"] and "GENRE" not in file and "GROUPING" not in file
    capsys.readouterr()
    assert tag(songs, "--no-genre", "--write") == 2
    assert "--moods" in capsys.readouterr().err
    assert tag(songs, "--styles", "--no-genre", "--itunes-grouping", "--write") == 0
    tags = mutagen.File(songs / "b.wav").tags
    assert tags["GRP1"].text == ["Folk"] and "TIT1" not in tags


@pytest.mark.parametrize("options", [[], ["--moods"], ["--moods", "--styles"]])
def test_columns_in_csv_and_tables(options: list[str], songs: Path, capsys: Capture) -> None:
    assert main(["tag", str(songs), "--format", "csv", "--quiet", *options]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    columns = ["path", "status", "before", "after", "confidence", "note", "guess"]
    columns += ["mood_before", "mood_after"] * ("--moods" in options)
    columns += ["grouping_before", "grouping_after"] * ("--styles" in options)
    assert rows[0] == columns and {len(row) for row in rows} == {len(columns)}
    assert main(["tag", str(songs), "--quiet", *options]) == 0
    table = capsys.readouterr().out.splitlines()
    assert ("new mood" in table[0]) == bool(options) and ("calm" in table[1]) == bool(options)


def test_names_of_ones_own(songs: Path, capsys: Capture, tmp_path: Path) -> None:
    names_file = tmp_path / "map.yaml"
    names_file.write_text("names: {'mood:calm': Ruhig, folk: Volksmusik, 'mood:sdad': Traurig}")
    assert main(["tag", str(songs), "--moods", "--styles", "--map", str(names_file), "--format", "json"]) == 0
    captured = capsys.readouterr()
    first = json.loads(captured.out)[0]
    assert (first["mood_after"], first["grouping_after"]) == (["Ruhig"], ["Volksmusik"])
    assert (
        "'mood:sdad'" in captured.err and "'mood:calm'" not in captured.err and "'folk'" not in captured.err
    )
