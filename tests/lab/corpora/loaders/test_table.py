from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from raising import raises

from genrelab.lab.corpora import load_corpus, make_split


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "Mine"
    root.mkdir()
    for name in ("a.wav", "b.wav", "c.wav", "d.wav"):
        sf.write(root / name, 0.3 * np.sin(np.arange(800) * 0.1), 8000)
    return root


def write(folder: Path, *lines: str, name: str = "clips.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_two_columns_are_enough(folder: Path) -> None:
    file = write(folder, "path,genre", "b.wav,rock", "a.wav,jazz", "c.wav,")
    corpus = load_corpus(f"table:{file}")
    assert [(clip.id, clip.genre) for clip in corpus.clips] == [
        ("b.wav", "rock"),
        ("a.wav", "jazz"),
        ("c.wav", None),
    ]
    assert corpus.genres == ["jazz", "rock"]
    assert corpus.name == "mine"
    assert corpus.published_splits == {}
    assert load_corpus(f"table:{folder}") == corpus


def test_every_column(folder: Path) -> None:
    write(
        folder,
        "\ufeffpath,genre,clip_id,artist,start,duration,split,corpus",
        "a.wav,jazz,one,Ann,0.02,0.05,train,x",
        "a.wav,jazz,two,Ann,0.05,,Valid,x",
        "b.wav,rock,three,,,,test,y",
        "c.wav,,four,,,,test,y",
        "d.wav,rock,five,,,,,y",
    )
    corpus = load_corpus(f"table:{folder}")
    first, second, third = corpus.clips[:3]
    assert (first.id, first.artist, first.start, first.duration) == ("one", "Ann", 0.02, 0.05)
    assert (second.start, second.duration) == (0.05, None)
    assert (third.artist, third.start) == (None, None)
    split = make_split(corpus, "published", seed=0)
    assert (split.train, split.valid, split.test) == (["one"], ["two"], ["three"])
    assert split.found("file").examples == ("a.wav (train, valid)",)


def test_where_a_label_comes_from(folder: Path) -> None:
    file = write(folder, "path,genre,label_origin", "a.wav,jazz,native", "b.wav,rock,artist-guess", "c.wav,,")
    assert [clip.label_origin for clip in load_corpus(f"table:{file}").clips] == [
        "native",
        "artist-guess",
        None,
    ]


def test_a_clip_of_several_genres_is_selected_by_each_of_them(folder: Path) -> None:
    file = write(folder, "path,genre", "a.wav,rock; pop", "b.wav,jazz", "c.wav,pop")
    for selection, expected in (("rock", "a"), ("pop", "ac"), ("jazz,rock", "ab"), ("rock%3B pop", "a")):
        corpus = load_corpus(f"table:{file}?genre={selection}")
        assert [clip.id[0] for clip in corpus.clips] == list(expected), selection


def test_selection(folder: Path) -> None:
    file = write(
        folder,
        "path,genre,corpus,origin",
        "a.wav,jazz,x,native",
        "b.wav,rock,y,native",
        "c.wav,pop,z,guess",
        'd.wav,rock,"v, w",guess',
    )
    chosen = load_corpus(f"table:{file}?corpus=x,z")
    assert [clip.id for clip in chosen.clips] == ["a.wav", "c.wav"]
    assert chosen.genres == ["jazz", "pop"]
    assert chosen.name != load_corpus(f"table:{file}?corpus=y").name
    both = load_corpus(f"table:{file}?corpus=x,z&origin=guess")
    assert [clip.id for clip in both.clips] == ["c.wav"]
    assert [clip.id for clip in load_corpus(f"table:{file}?corpus=v%2C w").clips] == ["d.wav"]


def test_tags_of_clips(folder: Path) -> None:
    file = write(
        folder,
        "path,genre,tags,split",
        "a.wav,jazz,mood:calm; genre:R&B;,train",
        "b.wav,rock,,valid",
        'c.wav,,"mood:calm;mood:sad",test',
        "d.wav,,;,test",
    )
    corpus = load_corpus(f"table:{file}")
    assert [clip.tags for clip in corpus.clips] == [
        ("genre:R&B", "mood:calm"),
        None,
        ("mood:calm", "mood:sad"),
        None,
    ]
    assert corpus.tags == ("genre:R&B", "mood:calm", "mood:sad")
    split = make_split(corpus, "published", seed=0)
    assert (split.train, split.valid, split.test) == (["a.wav"], ["b.wav"], ["c.wav"])
    chosen = load_corpus(f"table:{file}?genre=rock")
    assert chosen.tags == () and chosen.name == "mine-genre-rock"


@pytest.mark.parametrize(
    ("tags", "code", "quoted"),
    [
        ("calm", "table-tag-faulty", ["row 3", "'calm'"]),
        ("mood:sad;Mood:calm", "table-tag-faulty", ["row 3", "'Mood:calm'"]),
        ("mood:Calm", "table-tag-spellings", ["row 3", "'mood:Calm'", "'mood:calm'", "row 2"]),
        (";".join(f"mood:{number}" for number in range(101)), "table-tags-too-many", ["row 3", 101, 100]),
    ],
)
def test_tags_that_are_not_tags(folder: Path, tags: str, code: str, quoted: list[object]) -> None:
    file = write(folder, "path,genre,tags", "a.wav,jazz,mood:calm", f"b.wav,jazz,{tags}")
    with raises(code, file, *quoted):
        load_corpus(f"table:{file}")


@pytest.mark.parametrize(
    ("selection", "code", "quoted"),
    [
        ("corpsu=x", "table-column-unknown", ["'corpsu'", "'corpus'"]),
        ("corpus", "table-column-unknown", ["'corpus'"]),
        ("corpus=x,q", "table-selection-empty", ["corpus", "q", "x"]),
    ],
)
def test_selection_that_fits_nothing(folder: Path, selection: str, code: str, quoted: list[str]) -> None:
    file = write(folder, "path,genre,corpus", "a.wav,jazz,x")
    with raises(code, file, *quoted):
        load_corpus(f"table:{file}?{selection}")


def test_shared_ids_become_unique_whatever_the_selection(folder: Path) -> None:
    file = write(folder, "path,genre,clip_id,corpus", "a.wav,jazz,1,x", "b.wav,rock,1,y", "c.wav,rock,2,y")
    assert [clip.id for clip in load_corpus(f"table:{file}").clips] == ["x/1", "y/1", "2"]
    assert [clip.id for clip in load_corpus(f"table:{file}?corpus=y").clips] == ["y/1", "2"]


def test_start_distinguishes_excerpts_of_one_file(folder: Path) -> None:
    write(folder, "path,genre,start", "a.wav,jazz,0", "a.wav,jazz,0.05", "b.wav,rock,0")
    assert [clip.id for clip in load_corpus(f"table:{folder}").clips] == ["a.wav@0", "a.wav@0.05", "b.wav"]


def test_two_rows_for_one_clip(folder: Path) -> None:
    write(folder, "path,genre", "a.wav,jazz", "b.wav,rock", "a.wav,jazz")
    with raises("table-clip-twice", "rows 2 and 4", "'a.wav'"):
        load_corpus(f"table:{folder}")


@pytest.mark.parametrize(
    "path", ["../outside.wav", "/etc/hostname", "sub/../../outside.wav", "link/outside.wav"]
)
def test_a_path_that_leads_out_is_refused(folder: Path, path: str) -> None:
    (folder.parent / "outside.wav").write_bytes((folder / "a.wav").read_bytes())
    (folder / "link").symlink_to(folder.parent, target_is_directory=True)
    write(folder, "path,genre", "a.wav,jazz", f"{path},jazz")
    with raises("table-path-outside", "row 3", path):
        load_corpus(f"table:{folder}")


def test_missing_files_are_skipped_and_named(folder: Path) -> None:
    rows = ["a.wav,jazz,train", *(f"gone{number}.wav,folk,train" for number in range(5)), "b.wav,rock,test"]
    write(folder, "path,genre,split", *rows)
    corpus = load_corpus(f"table:{folder}")
    assert [clip.id for clip in corpus.clips] == ["a.wav", "b.wav"]
    assert corpus.genres == ["jazz", "rock"], "a genre without a file is none of the corpus"
    assert corpus.skipped == {f"gone{number}.wav": "its file is missing" for number in range(5)}
    split = corpus.published_splits["published"]
    assert (split.train, split.test) == (["a.wav"], ["b.wav"])


def test_without_any_file_the_table_is_refused(folder: Path) -> None:
    write(folder, "path,genre", *(f"gone{number}.wav,rock" for number in range(5)))
    with raises("table-clips-missing", 5, "gone0.wav", "2 more"):
        load_corpus(f"table:{folder}")


def test_several_genres_of_a_clip_are_separated_by_semicolons(folder: Path) -> None:
    write(folder, "path,genre", "a.wav,rock; pop", "b.wav,pop", "c.wav,rock/folk", "d.wav, ; ")
    corpus = load_corpus(f"table:{folder}")
    assert [clip.genres for clip in corpus.clips] == [("rock", "pop"), ("pop",), ("rock/folk",), ()]
    assert corpus.genres == ["pop", "rock", "rock/folk"]
    assert [clip.genre for clip in corpus.clips] == ["rock", "pop", "rock/folk", None]


@pytest.mark.parametrize(
    ("lines", "code", "quoted"),
    [
        (["file,genre", "a.wav,jazz"], "columns-missing", ["path", "file, genre"]),
        (["path,genre"], "empty", []),
        ([""], "columns-missing", ["path", "genre"]),
        (["path,genre,start", "a.wav,jazz,-1"], "not-a-time", ["row 2: start", "'-1'"]),
        (["path,genre,duration", "a.wav,jazz,0"], "not-a-time", ["row 2: duration", "'0'"]),
        (["path,genre,duration", "a.wav,jazz,nan"], "not-a-time", ["row 2: duration", "'nan'"]),
        (["path,genre,start", "a.wav,jazz,soon"], "not-a-time", ["row 2: start", "'soon'"]),
        (["path,genre,split", "a.wav,jazz,dev"], "part-unknown", ["row 2: split", "'dev'"]),
        (["path,genre", ",jazz"], "path-empty", ["row 2", "''"]),
        (["path,genre", "a\0.wav,jazz"], "path-empty", ["row 2", r"'a\x00.wav'"]),
    ],
)
def test_faults_of_the_table_are_named(folder: Path, lines: list[str], code: str, quoted: list[str]) -> None:
    write(folder, *lines)
    with raises(f"table-{code}", folder, *quoted):
        load_corpus(f"table:{folder}")


def test_not_a_table(folder: Path) -> None:
    with raises("table-unreadable", folder / "latin.csv", "UTF-8"):
        load_corpus(f"table:{_latin(folder)}")
    with raises("table-file-missing", folder / "clips.csv"):
        load_corpus(f"table:{folder}")


def _latin(folder: Path) -> Path:
    file = folder / "latin.csv"
    file.write_bytes("path,genre\na.wav,caf\xe9\n".encode("latin-1"))
    return file


@pytest.mark.data
def test_real_table(data_dir: Path) -> None:
    corpus = load_corpus(f"table:{data_dir}")
    table = pd.read_csv(data_dir / "clips.csv")
    assert len(corpus.clips) == len(table) == 1425
    labelled = Counter(clip.genre for clip in corpus.clips if clip.genre)
    assert labelled == table.genre.value_counts().to_dict()
    assert sum(labelled.values()) == 938
    assert len(corpus.genres) == 11
    assert len(corpus.by_id()) == 1425
    split = make_split(corpus, "artist", seed=0)
    assert not split.found("artist").count
    assert len(split.train) + len(split.valid) + len(split.test) == 938


@pytest.mark.data
def test_selection_of_the_real_table(data_dir: Path) -> None:
    corpus = load_corpus(f"table:{data_dir / 'clips.csv'}?corpus=gtzan-short,emotify")
    assert len(corpus.clips) == 709
    assert "electronic" in corpus.genres
