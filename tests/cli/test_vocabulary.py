"""`genrelab vocabulary`, and the vocabulary in `genrelab tag` and `genrelab library check`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import ModuleType

import mutagen.flac
import pytest
import tagged
import yaml
from doc_commands import ROOT, blocks, shown

from genrelab.cli.main import main
from genrelab.vocabulary import display

Capture = pytest.CaptureFixture[str]
PAGE = ROOT / "docs" / "use" / "vocabulary.md"


@pytest.fixture
def named_model(tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model for low, middle and high tones with names of real genres."""
    path = tiny.write_tiny(tmp_path / "named.onnx", genres=("hiphop", "rock", "metal"))
    monkeypatch.setenv("GENRELAB_MODEL", str(path))
    return path


def run_json(capsys: Capture, *arguments: str, code: int = 0) -> list[dict[str, object]]:
    assert main([*arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_match(named_model: Path, capsys: Capture) -> None:
    assert main(["vocabulary", "match", "Death Metal; Rap", "Finnish Punk"]) == 0
    captured = capsys.readouterr()
    lines = [" ".join(line.split()) for line in captured.out.splitlines()]
    assert lines == [
        "text genre belongs to genre of the model",
        "Death Metal Death Metal Metal, Rock metal",
        "Rap Hip-Hop hiphop",
        "Finnish Punk a kind of Punk Rock rock",
    ]
    assert captured.err == ""
    first, *_ = run_json(capsys, "vocabulary", "match", "Death Metal; Rap")
    assert first == {
        **{"text": "Death Metal; Rap", "value": "Death Metal", "match": "same", "name": "death metal"},
        **{"display": "Death Metal", "level": "style", "ancestors": ["metal", "rock"]},
        **{"model_genres": ["metal"], "nearest": []},
    }


def test_unknown_texts_name_the_nearest(named_model: Path, capsys: Capture) -> None:
    assert main(["vocabulary", "match", "Deth Metal", "Rock", "\x1b[31mx", ""]) == 1
    captured = capsys.readouterr()
    assert "'Deth Metal'" in captured.err and "'Death Metal'" in captured.err and "\x1b" not in captured.out
    assert captured.err.count("note: ") == 3 and "\x1b" not in captured.err
    found = run_json(capsys, "vocabulary", "match", "Deth Metal", "♪", code=1)
    assert [(each["match"], each["name"]) for each in found] == [("unknown", None), ("unknown", None)]
    assert found[0]["nearest"][0] == "Death Metal" and found[1]["nearest"] == []  # type: ignore[index]


def test_match_reads_standard_input(
    named_model: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    give(b"Rap\n\n  Rock \r\nM\xc3\xbasica latina\n")
    found = run_json(capsys, "vocabulary", "match", "House", "-", "Dub")
    assert [each["name"] for each in found] == ["house", "hip hop", "rock", "latin", "dub"]
    give(b"\xff\xfe\n")
    assert main(["vocabulary", "match", "-"]) == 1
    give(b"x" * (1 << 21))
    assert main(["vocabulary", "match", "-"]) == 2


def test_match_needs_no_model(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRELAB_MODEL", str(tmp_path / "gone.onnx"))
    assert main(["vocabulary", "match", "Rap"]) == 0
    captured = capsys.readouterr()
    assert "Hip-Hop" in captured.out and "gone.onnx" in captured.err
    assert main(["vocabulary", "match", "Rap", "--model", str(tmp_path / "gone.onnx")]) == 1


def test_show_a_genre(capsys: Capture) -> None:
    assert main(["vocabulary", "show", "DnB"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("drum and bass (style)\n") and "Drum n Bass" in text and "jungle" in text
    assert main(["vocabulary", "show", "rap", "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["name"] == "hip hop" and record["id3_numbers"] == [7, 15] and record["parents"] == []
    assert record["spellings"]["plain"] == "Hip-Hop" and record["lists"]["id3"] == ["Hip-Hop", "Rap"]
    assert "trap" in record["children"] and "rap" in record["aliases"]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("Metl", "'Metal'"),
        ("Pop/Rock", "Pop, Rock"),
        ("", "''"),
        ("x" * 5000, "(5000 characters)"),
        ("\x1b]0;x\x07", "\\x1b"),
        ("Swedish Death Metal", "'Death Metal'"),
    ],
)
def test_show_what_is_unknown(name: str, quoted: str, capsys: Capture) -> None:
    assert main(["vocabulary", "show", name]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and quoted in captured.err and "\x1b" not in captured.err


@pytest.mark.parametrize(
    ("name", "entries"), [("genrelab", 916), ("id3", 192), ("discogs", 499), ("MusicBrainz", 578)]
)
def test_show_a_vocabulary(name: str, entries: int, capsys: Capture) -> None:
    found = run_json(capsys, "vocabulary", "show", name)
    assert len(found) == entries and all(each["name"] for each in found)
    assert main(["vocabulary", "show", name]) == 0
    assert len(capsys.readouterr().out.splitlines()) == entries + 1
    (listed,) = [each for each in run_json(capsys, "vocabulary", "list") if each["name"] == name.lower()]
    assert listed["entries"] == entries and "Licence: " in str(listed["about"])
    assert f"| `{name.lower()}` | {entries} |" in PAGE.read_text(encoding="utf-8")


def test_the_tree_is_one_of_beets(capsys: Capture) -> None:
    assert main(["vocabulary", "show", "tree"]) == 0
    tree = yaml.safe_load(capsys.readouterr().out)
    assert tree == run_json(capsys, "vocabulary", "show", "tree")

    def paths(branches: list[object], above: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for branch in branches:
            if isinstance(branch, dict):
                ((name, below),) = branch.items()
                found |= {name: above, **paths(below, (name, *above))}
            else:
                found[str(branch)] = above
        return found

    flat = paths(tree)
    assert len(flat) == 916 and flat["death metal"] == ("metal", "rock") and flat["r&b"] == ()


def test_tags_are_written_as_players_show_them(named_model: Path, tmp_path: Path, capsys: Capture) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    low = tagged.make(songs, "flac", frequency=200.0)
    high = tagged.make(songs, "m4a", frequency=3000.0)
    before = {path: path.read_bytes() for path in (low, high)}
    assert main(["recognize", str(songs), "--quiet"]) == 0
    assert main(["tag", str(songs), "--write", "--quiet"]) == 0
    assert tagged.genres(low) == ("Hip-Hop",) and tagged.genres(high) == ("Metal",)
    capsys.readouterr()
    for options in ([], ["--overwrite"], ["--combine"], ["--combine", "--spelling", "model"]):
        found = run_json(capsys, "tag", str(songs), *options)
        assert [each["status"] for each in found] == ["left", "left"], options
    assert main(["tag", str(songs), "--write", "--combine", "--parents", "--quiet"]) == 0
    assert tagged.genres(low) == ("Hip-Hop",) and tagged.genres(high) == ("Metal", "Rock")
    assert main(["tag", str(songs), "--write", "--overwrite", "--spelling", "musicbrainz", "--quiet"]) == 0
    assert tagged.genres(low) == ("hip hop",) and tagged.genres(high) == ("metal",)
    genre_map = tmp_path / "map.yaml"
    genre_map.write_text("names: {hiphop: Rap}\n")
    mapped = ["--write", "--overwrite", "--map", str(genre_map), "--spelling", "discogs", "--quiet"]
    assert main(["tag", str(songs), *mapped]) == 0
    assert tagged.genres(low) == ("Rap",) and tagged.genres(high) == ("Metal",)
    for _ in range(4):
        assert main(["tag", str(songs), "--undo", "--quiet"]) == 0
    assert tagged.genres(low) == tagged.genres(high) == ()
    assert low.read_bytes() == before[low]
    assert main(["tag", str(songs), "--spelling", "itunes"]) == 2


def test_check_understands_synonyms_and_sub_genres(
    named_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tagged.make(tmp_path, "flac", frequency=3000.0)
    assert main(["recognize", str(path), "--quiet"]) == 0
    for text, code in (
        ("Death Metal; Hip Hop", 0),
        ("(9)", 0),
        ("Thrash", 0),
        ("Rock", 1),
        ("Rap", 1),
        ("Polka", 0),
    ):
        file = mutagen.flac.FLAC(path)
        file["GENRE"] = text
        file.save()
        assert main(["library", "check", str(path), "--quiet"]) == code, text


def test_the_page(
    named_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [command for command in shown(PAGE) if command.whole]
    assert len(commands) == 5
    for command in commands:
        assert main(list(command.words[1:])) == 0, command
    capsys.readouterr()
    (example,) = blocks(PAGE, "python")
    exec(compile(example, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.splitlines() == [
        "Swedish Death Metal None metal",
        "Rap hip hop hiphop",
        "Hip-Hop Drum n Bass ('metal',)",
    ]


def test_the_file_on_the_page(named_model: Path, tmp_path: Path, capsys: Capture) -> None:
    (text,) = blocks(PAGE, "yaml")
    own = tmp_path / "own.yaml"
    own.write_text(text, encoding="utf-8")
    found = run_json(capsys, "vocabulary", "match", "Chalga; rap; Alternative", "--vocabulary", str(own))
    assert [each["display"] for each in found] == ["Chalga", "Rap", "Garage Rock"]
    assert found[0]["ancestors"][:2] == ["pop", "balkan"]  # type: ignore[index]


def test_own_names_in_every_command(named_model: Path, tmp_path: Path, capsys: Capture) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("hip hop: {display: Rap Music}\nzzyzx: {parents: metal}\n")
    path = tagged.make(tmp_path, "flac", frequency=200.0)
    assert main(["recognize", str(path), "--quiet"]) == 0
    capsys.readouterr()
    (record,) = run_json(capsys, "tag", str(path), "--vocabulary", str(own))
    assert record["after"] == ["Rap Music"] and display("hiphop") == "Hip-Hop"  # for the command alone
    (record,) = run_json(capsys, "tag", str(path))
    assert record["after"] == ["Hip-Hop"]
    file = mutagen.flac.FLAC(path)
    file["GENRE"] = "Zzyzx"
    file.save()
    assert main(["library", "check", str(path), "--quiet"]) == 0
    assert main(["library", "check", str(path), "--quiet", "--vocabulary", str(own)]) == 1
    capsys.readouterr()
    (found,) = run_json(capsys, "vocabulary", "match", "ZZYZX", "--vocabulary", str(own))
    assert found["model_genres"] == ["metal"]
    assert len(run_json(capsys, "vocabulary", "show", "genrelab", "--vocabulary", str(own))) == 917
    own.write_text("hip hop: {parents: trap}\n")
    for command in (
        ["tag", str(path)],
        ["library", "check"],
        ["vocabulary", "list"],
        ["vocabulary", "match", "x"],
    ):
        assert main([*command, "--vocabulary", str(own)]) == 2, command
        captured = capsys.readouterr()
        assert captured.out == "" and str(own) in captured.err and captured.err.count("\n") == 1
        assert display("hiphop") == "Hip-Hop"
