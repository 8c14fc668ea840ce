from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from raising import raises

from genrelab.errors import CorpusError
from genrelab.lab.corpora import Clip, Corpus, Split, check_split, make_split, read_split, write_split
from genrelab.lab.corpora.splits.split_checks import shared_artists, shared_by, shared_files
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import checked

CLIPS = [
    Clip("a1", Path("a1.wav"), "jazz", "Ann"),
    Clip("a2", Path("a2.wav"), "rock", "The  ANN"),
    Clip("b1", Path("b.wav"), "jazz", "Bob, the 2nd", start=0.0),
    Clip("b2", Path("b.wav"), "rock", None, start=5.0),
    Clip("c1", Path("c.wav"), "jazz", "Cleo"),
    Clip("u", Path("u.wav"), None),
]
CORPUS = Corpus(name="five", genres=["jazz", "rock"], clips=CLIPS)


def split_of(train: list[str], valid: list[str], test: list[str]) -> Split:
    return Split(name="mine", train=train, valid=valid, test=test, made="by hand")


def test_finds_each_leak() -> None:
    found = check_split(CORPUS, split_of(["a1", "b2"], ["c1"], ["a2", "b1"]))
    both = ("train", "test")
    assert found == (
        Finding(kind="clip", count=0),
        Finding(kind="file", parts=both, examples=("b.wav (train, test)",)),
        Finding(kind="artist", parts=both, examples=("Ann (train, test)",), values={"unknown": 1}),
        Finding(kind="test", count=2, values={"of": 5}),
        Finding(kind="missing genres", parts=("valid",), examples=("valid: rock",)),
    )
    assert checked(found) == {
        "clip on both sides": "none",
        "same file on both sides": "1: b.wav (train, test)",
        "artist on both sides": "1: Ann (train, test); 1 clip names no artist",
        "test clips": "2 of 5",
        "genres missing from a part": "valid: rock",
    }


def test_says_what_is_shared_and_by_whom() -> None:
    split = split_of(["a1", "b2"], ["c1"], ["a2", "b1"])
    (file,) = shared_files(CORPUS, split)
    assert ([clip.id for clip in file.clips], file.parts) == (["b2", "b1"], ("train", "test"))
    (artist,) = shared_artists(CORPUS, split)
    assert ([clip.id for clip in artist.clips], artist.parts) == (["a1", "a2"], ("train", "test"))
    genres = shared_by(CORPUS, split, lambda clip: clip.genre)
    assert [each.parts for each in genres] == [("train", "valid", "test"), ("train", "test")]
    assert shared_by(CORPUS, split, lambda clip: None) == []


def test_links_to_one_file_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    clips = [replace(CLIPS[0], path=tmp_path / "a.wav"), replace(CLIPS[4], path=tmp_path / "b.wav")]
    corpus = Corpus(name="links", genres=["jazz"], clips=clips)
    (found,) = shared_files(corpus, split_of(["a1"], [], ["c1"]))
    assert found.parts == ("train", "test")


def test_finds_none_where_there_is_none() -> None:
    checks = {each.kind: each for each in check_split(CORPUS, split_of(["a1", "a2"], [], ["c1"]))}
    assert checks["file"].count == 0
    assert checks["artist"].count == 0
    assert checks["missing genres"].examples == ("test: rock",)


def test_says_when_artists_are_not_known() -> None:
    corpus = Corpus(name="x", genres=["jazz"], clips=[replace(clip, artist=None) for clip in CLIPS])
    checks = {each.kind: each for each in check_split(corpus, split_of(["a1"], ["b1"], ["c1"]))}
    assert checks["artist"].count is None


def test_rendered_clips_have_no_files() -> None:
    corpus = Corpus(name="x", genres=["jazz"], clips=[replace(clip, path=None) for clip in CLIPS])
    found = check_split(corpus, split_of(["a1"], [], ["c1"]))
    assert found[1] == Finding(kind="file", count=0, values={"rendered": 1})


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (split_of(["a1"], [], ["a1"]), "'a1' is in train and test"),
        (split_of(["a1", "a1"], [], []), "'a1' is twice in train"),
        (split_of(["a1"], ["zz"], []), "'zz' is not in the corpus five"),
        (split_of(["a1"], ["u"], []), "'u' has neither a genre nor tags"),
    ],
)
def test_wrong_splits_are_errors(split: Split, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        check_split(CORPUS, split)
    with pytest.raises(CorpusError, match=message):
        make_split(replace(CORPUS, published_splits={"published": split}), "published", seed=0)


def test_split_file_round_trip(tmp_path: Path) -> None:
    split = split_of(["b2", "a1"], ["c1"], ["a2", "b1"])
    file = tmp_path / "split.csv"
    write_split(file, CORPUS, split)
    assert read_split(file, name="mine", made="by hand") == split


def test_pandas_reads_a_split_without_options(tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    write_split(file, CORPUS, split_of(["a1"], ["b2"], ["b1"]))
    table = pd.read_csv(file)
    assert list(table.columns) == ["clip_id", "part", "genre", "artist"]
    assert table.clip_id.tolist() == ["a1", "b2", "b1"]
    assert table.part.tolist() == ["train", "valid", "test"]
    assert table.artist.fillna("").tolist() == ["Ann", "", "Bob, the 2nd"]


def test_unusable_split_files(tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    with raises("split-file-unreadable", file):
        read_split(file, name="x", made="x")
    file.write_text("clip_id,genre\na1,jazz\n")
    with raises("split-file-columns", file, "part"):
        read_split(file, name="x", made="x")
    file.write_text("clip_id,part\na1,dev\n")
    with raises("split-file-part", file, "row 2", "'dev'"):
        read_split(file, name="x", made="x")
    with raises("split-clip-not-in-corpus", "'zz'", CORPUS.name):
        write_split(file, CORPUS, split_of(["zz"], [], []))
