"""Lists of clips, splits and leaks: written, read by Croissant's own library, trained on, and compared."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
import soundfile
from PIL import Image
from raising import raises

from genrelab.cli.main import main
from genrelab.errors import CorpusError
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, fault_filtered, packaged_rows
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits import split_file
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.splits.split_file import write_split
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.sharing import Wishes, compare_list, list_file, read_list, write, write_list

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
    soundfile.write(copy / "a" / "0.flac", sound, rate)  # lossless, under another id
    sound, rate = soundfile.read(files["1.wav"])
    soundfile.write(files["1.wav"], 0.5 * sound, rate, subtype="PCM_16")
    files["2.wav"].rename(copy / "b" / "moved.wav")
    files["3.wav"].write_bytes(b"RIFF")
    found = compare_list(load_corpus(f"folder:{copy}"), read_list(shared))
    ids = {clip_id.partition(".")[0]: clip_id for clip_id in read_list(shared).clips}
    assert found.other_file == ()  # the ids of `folder` have the suffix of the file
    assert found.differs == {ids["a/1"]: "other sound"}
    assert {ids["a/0"], ids["a/2"], ids["a/3"]} == set(found.missing)
    assert set(found.added) == {"a/0.flac", "b/moved.wav"}
    assert found.same == 5


def test_a_lossless_copy_under_the_same_id_is_the_same(tmp_path: Path) -> None:
    """The ids of GTZAN have no suffix."""
    for suffix in ("wav", "flac"):
        for number in range(2):
            path = tmp_path / suffix / "blues" / f"blues.0000{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            sound = np.random.default_rng(number).integers(-9999, 9999, 8000, dtype=np.int16)
            soundfile.write(path, sound, 8000, subtype="PCM_16")
    write_list(load_corpus(f"gtzan:{tmp_path / 'wav'}"), None, tmp_path / "list", Wishes())
    copy = load_corpus(f"gtzan:{tmp_path / 'flac'}")
    found = compare_list(copy, read_list(tmp_path / "list"))
    assert found.agrees and found.other_file == ("blues.00000", "blues.00001")
    write_list(copy, None, tmp_path / "blind", Wishes(audit=False))
    found = compare_list(load_corpus(f"gtzan:{tmp_path / 'wav'}"), read_list(tmp_path / "blind"))
    assert set(found.differs) == {"blues.00000", "blues.00001"} and not found.agrees


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
    with raises("list-unreadable", tmp_path):
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
        ("list.json", "{", "[" * 100_000),
        ("clips.csv", None, ""),
        ("clips.csv", None, "clip_id,part\n"),
        ("clips.csv", None, "clip_id,part\n" + "x" * 200_000 + ",train\n"),
    ],
)
def test_damaged_lists(name: str, old: str | None, new: str, shared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    text = (folder / name).read_text()
    (folder / name).write_text(new if old is None else text.replace(old, new))
    with raises("list-unreadable", folder / name):
        read_list(folder)


def test_a_clip_twice(shared: Path, tmp_path: Path, music: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    text = (folder / "clips.csv").read_text()
    (folder / "clips.csv").write_text(text + text.splitlines()[1] + "\n")
    with raises("list-unreadable", "twice"):
        read_list(folder)
    clip_id = text.splitlines()[1].partition(",")[0]
    with raises("split-list-clip-twice", folder / "clips.csv", clip_id):
        make_split(load_corpus(f"folder:{music}"), f"file:{folder}", seed=0)


def test_a_name_in_a_list_names_no_folder(shared: Path, tmp_path: Path, music: Path) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")
    facts = json.loads((folder / "list.json").read_text())
    facts["split"] |= {"name": "../../\x1b[31m" + "x" * 500, "made": "m\x1b\n" * 500}
    (folder / "list.json").write_text(json.dumps(facts))
    split = make_split(load_corpus(f"folder:{music}"), f"file:{folder}", seed=0)
    assert "/" not in split.name and not split.name.startswith(".") and len(split.name) < 60
    assert "\x1b" not in split.made and "\n" not in split.made and len(split.made) < 400


@pytest.fixture
def duets(tmp_path: Path) -> Corpus:
    """A table whose artists play in several parts of any split."""
    rng = np.random.default_rng(1)
    lines = ["path,genre,artist"]
    for number in range(12):
        soundfile.write(tmp_path / f"{number}.wav", rng.normal(0, 0.1, 8000), 8000, subtype="PCM_16")
        lines.append(f"{number}.wav,{'ab'[number % 2]},{['Nina Simone', 'Björk'][number % 2]}")
    (tmp_path / "clips.csv").write_text("\n".join(lines), encoding="utf-8")
    return load_corpus(f"table:{tmp_path}")


@pytest.mark.parametrize("artists", ["groups", "names", "none"])
def test_no_file_of_a_list_names_an_artist_unless_asked(artists: Any, duets: Corpus, tmp_path: Path) -> None:
    split = make_split(duets, "random", seed=0)
    folder = tmp_path / "list"
    facts = write_list(duets, split, folder, Wishes(artists=artists))
    (finding,) = [each for each in facts.split["findings"] if each["kind"] == "artist"] if facts.split else []
    assert finding["count"] == 2
    written = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert ("Simone" in written and "Björk" in written) is (artists == "names")
    labels = {row["artist"] for row in rows(folder / "clips.csv")}
    named = {each.partition(" (")[0] for each in finding["examples"]}
    assert named == (set() if artists == "none" else labels)
    assert str(tmp_path) not in written


class TestWhatIsNoFile:
    """A list that somebody shares may hold links to devices and pipes, which never end."""

    @pytest.fixture(params=["device", "pipe", "folder"])
    def trap(self, request: pytest.FixtureRequest, shared: Path, tmp_path: Path) -> Path:
        folder = shutil.copytree(shared, tmp_path / "list")
        for name in ("clips.csv", "list.json"):
            (folder / name).unlink()
            if request.param == "device":
                (folder / name).symlink_to("/dev/zero")
            elif request.param == "pipe":
                os.mkfifo(folder / name)
            else:
                (folder / name).mkdir()
        return folder

    def test_it_is_refused(self, trap: Path, music: Path) -> None:
        corpus = load_corpus(f"folder:{music}")
        with raises("split-list-missing", trap / "clips.csv"):
            make_split(corpus, f"file:{trap}", seed=0)
        with raises("list-unreadable", trap / "list.json"):
            read_list(trap)

    def test_its_name_is_not_waited_for(self, trap: Path, shared: Path, music: Path) -> None:
        shutil.rmtree(trap / "clips.csv") if (trap / "clips.csv").is_dir() else (trap / "clips.csv").unlink()
        shutil.copy(shared / "clips.csv", trap / "clips.csv")
        assert make_split(load_corpus(f"folder:{music}"), f"file:{trap}", seed=0).name.startswith("list-")


def test_a_list_that_is_too_large(shared: Path, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "LARGEST", 100)
    with raises("split-file-unreadable", shared / "clips.csv", "100"):
        make_split(load_corpus(f"folder:{music}"), f"file:{shared}", seed=0)
    with raises("list-unreadable", shared / "clips.csv", "100"):
        read_list(shared)
    monkeypatch.undo()
    monkeypatch.setattr(list_file, "_MOST_CLIPS", 8)
    with raises("list-unreadable", shared / "clips.csv"):
        read_list(shared)


def test_a_list_from_a_spreadsheet(shared: Path, music: Path, tmp_path: Path) -> None:
    """It begins with a byte order mark, and its lines end as on Windows."""
    folder = shutil.copytree(shared, tmp_path / "list")
    text = (folder / "clips.csv").read_text(encoding="utf-8")
    (folder / "clips.csv").write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    corpus = load_corpus(f"folder:{music}")
    whole = make_split(corpus, f"file:{shared}", seed=0)
    assert make_split(corpus, f"file:{folder}", seed=0).train == whole.train
    assert compare_list(corpus, read_list(folder)).same == 9


def test_a_message_about_a_long_value_is_short(shared: Path, music: Path, tmp_path: Path) -> None:
    corpus = load_corpus(f"folder:{music}")
    table = tmp_path / "table.csv"
    for row in (f"x,{'y' * 100_000}", f"{'x' * 100_000},train"):
        table.write_text(f"clip_id,part\n{row}\n")
        with pytest.raises(CorpusError) as caught:
            make_split(corpus, f"file:{table}", seed=0)
        assert len(str(caught.value)) < 1000


def test_nothing_is_decoded_for_a_folder_that_cannot_be_written(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "audit_corpus", lambda *_, **__: pytest.fail("it was decoded first"))
    corpus = load_corpus(f"folder:{music}")
    (tmp_path / "file").touch()
    with raises("list-unwritable", tmp_path / "file"):
        write_list(corpus, None, tmp_path / "file", Wishes())
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "clips.csv").symlink_to(tmp_path / "not mounted")
    with raises("list-exists", tmp_path / "link" / "clips.csv"):
        write_list(corpus, None, tmp_path / "link", Wishes())
    copy = load_corpus(f"folder:{shutil.copytree(music, tmp_path / 'copy')}")
    lost = copy.clips[0].path
    assert lost is not None
    lost.unlink()
    with raises("index-clip-unreadable", lost):
        write_list(copy, None, tmp_path / "list", Wishes())


def test_a_list_that_is_cut_off_while_it_is_replaced_has_no_description(
    shared: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(shared, tmp_path / "list")

    def fill(path: Path, text: str) -> None:
        if path.name == "list.json":
            raise OSError(28, "No space left on device", str(path))
        path.write_text(text)

    monkeypatch.setattr(write, "replace_text", fill)
    with raises("list-unwritable", folder):
        write_list(load_corpus(f"folder:{music}"), None, folder, Wishes(audit=False), overwrite=True)
    assert not (folder / "croissant.json").exists()


def test_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for genre in ("a", "b"):
        (tmp_path / "pictures" / genre).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 255, (64, 64), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / genre / f"{number}.png")
    corpus = load_corpus(f"pictures:{tmp_path / 'pictures'}")
    write_list(corpus, None, tmp_path / "list", Wishes())
    listed = read_list(tmp_path / "list")
    assert compare_list(corpus, listed).same == 6
    picture = corpus.clips[0].path
    assert picture is not None
    with Image.open(picture) as opened:
        opened.load()
    opened.save(picture, optimize=True, compress_level=0)
    found = compare_list(corpus, listed)
    assert (found.same, list(found.differs), dict(found.missing)) == (5, [corpus.clips[0].id], {})
