"""Lists of clips, splits and leaks: written, read by Croissant's own library, trained on, and compared."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
import soundfile
from raising import raises

from genrelab.cli.main import main
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, fault_filtered, packaged_rows
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.splits.split_file import write_split
from genrelab.lab.sharing import Wishes, compare_list, read_list, write_list

SYNTHETIC = "synthetic:tracks=3,seconds=2,seed=0"


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the records as mlcroissant loads them: texts as str, without the name of the record set."""
    loaded = mlcroissant.Dataset(folder / "croissant.json").records(name)
    return [
        {
            key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value
            for key, value in row.items()
        }
        for row in loaded
    ]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genres with four songs each; `b/copy.wav` repeats `a/0.wav` louder."""
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(0)
    for genre in ("a", "b"):
        (folder / genre).mkdir()
        for number in range(4):
            pitch = rng.uniform(200, 2000, 8).repeat(4000)
            wave = 0.2 * np.sin(np.cumsum(pitch) / 8000) + rng.normal(0, 0.05, pitch.size)
            soundfile.write(folder / genre / f"{number}.wav", wave, 8000, subtype="PCM_16")
    sound, rate = soundfile.read(folder / "a" / "0.wav")
    soundfile.write(folder / "b" / "copy.wav", 1.5 * sound, rate, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def shared(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list of `music`, by the command."""
    folder = tmp_path_factory.mktemp("shared") / "list"
    command = ["corpora", "export", f"folder:{music}", "--split=random:50/25/25", f"--to={folder}"]
    assert main([*command, "--licence=CC0-1.0", "--url=https://example.org/list", "--jobs=1"]) == 0
    return folder


def test_croissant_loads_clips_and_leaks(music: Path, shared: Path) -> None:
    described = mlcroissant.Dataset(shared / "croissant.json").metadata
    assert described.license == ["CC0-1.0"] and described.url == "https://example.org/list"
    split = make_split(load_corpus(f"folder:{music}"), "random:50/25/25", seed=0)
    found = {row["clip_id"]: row for row in records(shared, "clips")}
    assert len(found) == 9
    for part in ("train", "valid", "test"):
        assert {clip_id for clip_id, row in found.items() if row["part"] == part} == set(getattr(split, part))
    song = next(row for clip_id, row in found.items() if clip_id.startswith("a/0"))
    assert song["seconds"] == 4.0 and song["genre"] == "a"
    assert song["file_sha256"] == hashlib.sha256((music / "a" / "0.wav").read_bytes()).hexdigest()
    (pair,) = records(shared, "pairs")
    assert {pair["first"].partition(".")[0], pair["second"].partition(".")[0]} == {"a/0", "b/copy"}
    assert pair["kind"] == "same recording"
    assert pair["crosses_parts"] == (found[pair["first"]]["part"] != found[pair["second"]]["part"])
    assert {row["name"]: row["url"] for row in records(shared, "parts")}["test"] == "cr:TestSplit"


def test_the_description_has_no_faults(shared: Path) -> None:
    issues = mlcroissant.Dataset(shared / "croissant.json").metadata.ctx.issues
    assert issues.errors == set() and issues.warnings == set()


def test_a_changed_file_is_noticed_by_its_checksum(shared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    (folder / "clips.csv").write_text((folder / "clips.csv").read_text().replace("train", "test"))
    with pytest.raises(Exception, match=r"clips\.csv"):
        records(folder, "clips")


def test_the_split_of_a_list_is_the_same_again(music: Path, shared: Path) -> None:
    corpus = load_corpus(f"folder:{music}")
    made = make_split(corpus, "random:50/25/25", seed=0)
    again = make_split(corpus, f"file:{shared}", seed=5)
    assert [again.train, again.valid, again.test] == [made.train, made.valid, made.test]
    assert again.seed is None and again.findings == made.findings
    assert again.name.startswith(made.name) and "9 of its 9 clips" in again.made


def test_the_split_file_of_a_run(music: Path, tmp_path: Path) -> None:
    corpus = load_corpus(f"folder:{music}")
    made = make_split(corpus, "random", seed=3)
    write_split(tmp_path / "split.csv", corpus, made)
    again = make_split(corpus, f"file:{tmp_path / 'split.csv'}", seed=0)
    assert (set(again.train), set(again.test)) == (set(made.train), set(made.test))


def test_a_partial_copy(
    music: Path, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(music, tmp_path / "copy")
    whole = make_split(load_corpus(f"folder:{music}"), f"file:{shared}", seed=0)
    gone = whole.train[0]
    lost = load_corpus(f"folder:{copy}").by_id()[gone].path
    assert lost is not None
    lost.unlink()
    corpus = load_corpus(f"folder:{copy}")
    left = make_split(corpus, f"file:{shared}", seed=0)
    assert left.train == whole.train[1:] and left.name == whole.name and "8 of its 9 clips" in left.made
    found = compare_list(corpus, read_list(shared))
    assert dict(found.missing).keys() == {gone} and found.same == 8 and not found.agrees
    assert main(["corpora", "verify", f"folder:{copy}", f"--list={shared}"]) == 1
    assert gone in capsys.readouterr().out


def test_other_files_and_other_sound(music: Path, shared: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(music, tmp_path / "copy")
    assert compare_list(load_corpus(f"folder:{copy}"), read_list(shared)).same == 9
    files = {path.name: path for path in sorted((copy / "a").iterdir())}
    sound, rate = soundfile.read(files["0.wav"], dtype="int16")
    files["0.wav"].unlink()
    soundfile.write(copy / "a" / "0.flac", sound, rate)  # lossless, under the same id
    sound, rate = soundfile.read(files["1.wav"])
    soundfile.write(files["1.wav"], 0.5 * sound, rate, subtype="PCM_16")
    files["2.wav"].rename(copy / "b" / "moved.wav")
    files["3.wav"].write_bytes(b"RIFF")
    found = compare_list(load_corpus(f"folder:{copy}"), read_list(shared))
    ids = {clip_id.partition(".")[0]: clip_id for clip_id in read_list(shared).clips}
    lossless = {*found.other_file, *(each for each in found.missing if each == ids["a/0"])}
    assert lossless == {ids["a/0"]}
    assert found.differs == {ids["a/1"]: "other sound"}
    assert {ids["a/2"], ids["a/3"]} <= set(found.missing)
    assert [each.partition(".")[0] for each in found.added if "moved" in each] == ["b/moved"]
    assert found.same == 5


def test_another_genre_and_a_rendered_corpus(tmp_path: Path) -> None:
    corpus = load_corpus(SYNTHETIC)
    write_list(corpus, make_split(corpus, "published", seed=0), tmp_path, Wishes())
    listed = read_list(tmp_path)
    assert compare_list(corpus, listed).agrees and compare_list(corpus, listed).same == 30
    assert compare_list(load_corpus(SYNTHETIC.replace("seed=0", "seed=1")), listed).same == 0
    text = (tmp_path / "clips.csv").read_text().replace("blues/0000,train,blues", "blues/0000,train,jazz")
    (tmp_path / "clips.csv").write_text(text)
    assert compare_list(corpus, read_list(tmp_path)).differs == {"blues/0000": "genre blues, not jazz"}
    assert len(records(tmp_path, "parts")) == 3


@pytest.mark.parametrize("artists", ["groups", "names", "none"])
def test_artists(artists: Any, tmp_path: Path) -> None:
    corpus = load_corpus(SYNTHETIC)
    write_list(corpus, None, tmp_path, Wishes(artists=artists, audit=False))
    given = {row["clip_id"]: row["artist"] for row in rows(tmp_path / "clips.csv")}
    true = {clip.id: clip.artist for clip in corpus.clips}
    if artists == "none":
        assert set(given.values()) == {""}
    elif artists == "names":
        assert given == true
    else:
        text = (tmp_path / "clips.csv").read_text()
        assert not any(str(name) in text for name in true.values())
        pairs = {(given[clip_id], true[clip_id]) for clip_id in given}
        assert len(pairs) == len(set(given.values())) == len(set(true.values()))


@pytest.mark.slow(5)
def test_the_packaged_lists_of_gtzan(tmp_path: Path) -> None:
    """Its artists and its published split, on files that have the names of its clips and no music."""
    for clip_id in EXPECTED_IDS:
        path = tmp_path / "gtzan" / clip_id.partition(".")[0] / f"{clip_id}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        number = EXPECTED_IDS.index(clip_id)
        soundfile.write(path, np.full(8, number, np.int16), 8000, subtype="PCM_16")
    corpus = load_corpus(f"gtzan:{tmp_path / 'gtzan'}")
    split = make_split(corpus, "published", seed=0)
    facts = write_list(corpus, split, tmp_path / "list", Wishes("names", audit=False))
    found = {row["clip_id"]: row for row in records(tmp_path / "list", "clips")}
    packaged = fault_filtered(set(EXPECTED_IDS))
    for part in ("train", "valid", "test"):
        listed = {clip_id for clip_id, row in found.items() if row["part"] == part}
        assert listed == set(getattr(packaged, part)) and facts.split
    assert sum(row["part"] is None for row in found.values()) == len(found) - 930
    artists = {row["clip_id"]: row["artist"] for row in packaged_rows("gtzan-artists.csv")}
    assert all((row["artist"] or "") == artists[clip_id] for clip_id, row in found.items())
    again = make_split(corpus, f"file:{tmp_path / 'list'}", seed=0)
    assert (again.train, again.test) == (split.train, split.test)
    assert compare_list(corpus, read_list(tmp_path / "list")).agrees


def test_a_list_of_another_corpus(shared: Path) -> None:
    with raises("split-list-foreign", shared):
        make_split(load_corpus(SYNTHETIC), f"file:{shared}", seed=0)


def test_lists_that_cannot_be_used(shared: Path, music: Path, tmp_path: Path) -> None:
    corpus = load_corpus(f"folder:{music}")
    with raises("split-list-missing", tmp_path / "none"):
        make_split(corpus, f"file:{tmp_path / 'none'}", seed=0)
    with raises("split-list-missing", tmp_path):
        read_list(tmp_path)
    write_list(corpus, None, tmp_path / "unsplit", Wishes(audit=False))
    with raises("split-list-empty"):
        make_split(corpus, f"file:{tmp_path / 'unsplit'}", seed=0)
    with raises("list-exists", tmp_path / "unsplit" / "clips.csv"):
        write_list(corpus, None, tmp_path / "unsplit", Wishes(audit=False))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("clips.csv", "4.0", "soon"),
        ("clips.csv", "4.0", "nan"),
        ("clips.csv", "clip_id", "id"),
        ("list.json", '"corpus"', '"corps"'),
        ("list.json", '"format": 1', '"format": 99'),
        ("list.json", "{", "["),
    ],
)
def test_damaged_lists(name: str, old: str, new: str, shared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    (folder / name).write_text((folder / name).read_text().replace(old, new))
    with raises("list-unreadable", folder / name):
        read_list(folder)


def test_a_clip_twice(shared: Path, tmp_path: Path, music: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    text = (folder / "clips.csv").read_text()
    (folder / "clips.csv").write_text(text + text.splitlines()[1] + "\n")
    with raises("list-unreadable", "twice"):
        read_list(folder)
    with pytest.raises(Exception, match="twice"):
        make_split(load_corpus(f"folder:{music}"), f"file:{folder}", seed=0)


def test_a_name_in_a_list_names_no_folder(shared: Path, tmp_path: Path, music: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    facts = json.loads((folder / "list.json").read_text())
    facts["split"] |= {"name": "../../\x1b[31m" + "x" * 500, "made": "m\x1b\n" * 500}
    (folder / "list.json").write_text(json.dumps(facts))
    split = make_split(load_corpus(f"folder:{music}"), f"file:{folder}", seed=0)
    assert "/" not in split.name and not split.name.startswith(".") and len(split.name) < 60
    assert "\x1b" not in split.made and "\n" not in split.made and len(split.made) < 400
