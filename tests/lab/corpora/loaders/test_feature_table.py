"""Tables of descriptors: what is read, what is refused, what reaches a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from raising import raises
from sklearn.preprocessing import StandardScaler

from genrelab.lab.corpora import load_corpus, make_split
from genrelab.lab.corpora.loaders.feature_table import TableRows
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.training.store.audio_store import open_store, sound_key

HEADER = "filename,length,rms_mean,tempo,label"


def table(folder: Path, *rows: str, header: str = HEADER, name: str = "mine.csv") -> str:
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return f"features:{file}"


def rows_of(corpus: Corpus) -> TableRows:
    assert isinstance(corpus.renderer, TableRows)
    return corpus.renderer


def test_gtzans_file_names_are_known(tmp_path: Path) -> None:
    lines = [
        "jazz.00001.wav,1,0.1,90,jazz",
        "blues.00000.wav,1,0.2,120,blues",
        "blues.00010.au,1,0.3,60,blues",
    ]
    corpus = load_corpus(table(tmp_path, *lines))
    assert corpus.name == "gtzan-features"
    assert corpus.genres == ["blues", "jazz"]
    assert [clip.id for clip in corpus.clips] == ["jazz.00001", "blues.00000", "blues.00010"]
    assert corpus.by_id()["blues.00000"].artist == "John Lee Hooker"
    assert all(clip.path is None for clip in corpus.clips)
    assert len(corpus.skipped) == 997 and corpus.skipped["rock.00099"] == "not in this table"
    published = corpus.published_splits["published"]
    assert published is corpus.published_splits["fault-filtered"]
    assert "blues.00000" in published.valid  # as in the packaged list
    assert rows_of(corpus).columns == ("rms_mean", "tempo")
    np.testing.assert_array_equal(rows_of(corpus).values, [[0.1, 90], [0.2, 120], [0.3, 60]])


def test_other_names_are_kept_as_they_are(tmp_path: Path) -> None:
    corpus = load_corpus(table(tmp_path, "live/a.flac,1,0.1,90,rock", "a.b,1,0.2,120,", name="My Table.csv"))
    assert corpus.name == "my-table"
    assert [(clip.id, clip.genre, clip.artist) for clip in corpus.clips] == [
        ("live/a", "rock", None),
        ("a.b", None, None),
    ]
    assert corpus.genres == ["rock"] and not corpus.published_splits and not corpus.skipped


def test_a_folder_and_a_byte_order_mark_will_do(tmp_path: Path) -> None:
    table(tmp_path, "a,1,0.1,90,rock", header=f"\ufeff{HEADER}", name="features_30_sec.csv")
    assert len(load_corpus(f"features:{tmp_path}").clips) == 1


def test_some_columns_can_be_taken(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,1,0.1,90,rock", "b,1,0.3,60,jazz")
    corpus = load_corpus(f"{spec}?columns=tempo")
    assert corpus.name == "mine-1"
    assert rows_of(corpus).columns == ("tempo",)
    np.testing.assert_array_equal(rows_of(corpus).values, [[90], [60]])


@pytest.mark.parametrize(
    ("header", "rows", "code", "quoted"),
    [
        ("", [], "table-columns-missing", ["filename", "label"]),
        (HEADER, [], "table-empty", []),
        ("filename,rms_mean,tempo", ["a,1,2"], "table-columns-missing", ["label", "rms_mean"]),
        ("filename,length,label", ["a,1,rock"], "features-selection-empty", []),
        ("filename,tempo,tempo,label", ["a,1,2,rock"], "features-column-twice", ["'tempo'"]),
        (HEADER, ["a,1,loud,90,rock"], "features-not-a-number", ["row 2: rms_mean", "'loud'"]),
        (HEADER, ["a,1,0.1,90,rock", "b,1,0.1,,rock"], "features-not-a-number", ["row 3: tempo", "''"]),
        (HEADER, ["a,1,nan,90,rock"], "features-not-a-number", ["row 2: rms_mean", "'nan'"]),
        (HEADER, ["a,1,0.1,-inf,rock"], "features-not-a-number", ["row 2: tempo", "'-inf'"]),
        (HEADER, ["a,1,0.1,1e300,rock"], "features-not-a-number", ["row 2: tempo", "'1e300'"]),
        (HEADER, ["a,1,0.1,90"], "features-row-length", ["row 2", 4, 5]),
        (HEADER, ["a,1,0.1,90,rock,9"], "features-row-length", ["row 2", 6, 5]),
        (HEADER, [",1,0.1,90,rock"], "features-name-missing", ["row 2"]),
        (HEADER, ["a.wav,1,0.1,90,rock", "a.wav,1,0.2,80,jazz"], "table-clip-twice", ["rows 2 and 3", "a"]),
        (
            HEADER,
            ["x/jazz.00001.wav,1,0.1,90,jazz", "jazz.00001.au,1,0.2,80,jazz"],
            "table-clip-twice",
            ["rows 2 and 3", "jazz.00001"],
        ),
        (HEADER, ["blues.00000.0.wav,1,0.1,90,blues"], "features-cut-of-clip", ["blues.00000.0"]),
    ],
)
def test_a_bad_table_is_refused(
    header: str, rows: list[str], code: str, quoted: list[object], tmp_path: Path
) -> None:
    with raises(code, *quoted):
        load_corpus(table(tmp_path, *rows, header=header))


@pytest.mark.parametrize(
    ("selection", "code", "quoted"),
    [
        ("columns=temp", "features-descriptor-unknown", ["temp", "did you mean 'tempo'?"]),
        ("columns=length", "features-descriptor-unknown", ["length"]),
        ("columns=", "features-descriptor-unknown", ["rms_mean, tempo"]),
        ("columns=tempo,tempo", "features-selection-empty", []),
        ("genre=rock", "features-selection-unknown", ["?genre=rock"]),
    ],
)
def test_a_bad_selection_is_refused(selection: str, code: str, quoted: list[str], tmp_path: Path) -> None:
    spec = table(tmp_path, "a,1,0.1,90,rock")
    with raises(code, *quoted):
        load_corpus(f"{spec}?{selection}")


def test_no_table_is_refused(tmp_path: Path) -> None:
    with raises("table-file-missing", tmp_path / "features_30_sec.csv"):
        load_corpus(f"features:{tmp_path}")
    (tmp_path / "b.csv").write_bytes(b"filename,label\n\xff\xfe,rock\n")
    with raises("table-unreadable", tmp_path / "b.csv"):
        load_corpus(f"features:{tmp_path / 'b.csv'}")


def test_what_a_network_gets_is_the_row_but_for_scale_and_rounding(tmp_path: Path, cache: Path) -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(3e6, 1e5, 50), rng.normal(0, 1e-6, 50), np.full(50, 7.0)])
    lines = [f"clip{n},{','.join(map(repr, row.tolist()))},rock" for n, row in enumerate(values)]
    corpus = load_corpus(table(tmp_path, *lines, header="filename,big,small,constant,label"))
    store = open_store(corpus, sample_rate=3, channels=1)
    kept = np.stack([store.read(clip.id, 0, 10)[0] for clip in corpus.clips])
    assert kept.shape == (50, 3) and np.abs(kept).max() <= 1.0
    # Standardized by some clips alone, both are the same.
    first, second = StandardScaler().fit(values[:30]), StandardScaler().fit(kept[:30])
    np.testing.assert_allclose(second.transform(kept), first.transform(values), atol=1e-3)
    assert (kept[:, 2] == kept[0, 2]).all()


def test_the_recipe_must_have_as_many_values_as_the_table(tmp_path: Path, cache: Path) -> None:
    corpus = load_corpus(table(tmp_path, "a,1,0.1,90,rock"))
    with raises("features-sample-rate", 2, 22050, "--set audio.sample_rate=2"):
        open_store(corpus, sample_rate=22050, channels=1)


def test_another_value_is_another_table(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,1,0.1,90,rock", "b,1,0.3,60,jazz")
    first = sound_key(load_corpus(spec), sample_rate=2, channels=1)
    assert first == sound_key(load_corpus(spec), sample_rate=2, channels=1)
    table(tmp_path, "a,1,0.1,90,rock", "b,1,0.3000001,60,jazz")
    assert first != sound_key(load_corpus(spec), sample_rate=2, channels=1)
    renamed = table(tmp_path, "a,1,0.1,90,rock", "b,1,0.3,60,jazz", header=HEADER.replace("tempo", "bpm"))
    assert first != sound_key(load_corpus(renamed), sample_rate=2, channels=1)


@pytest.mark.data
def test_the_published_table(data_dir: Path) -> None:
    corpus = load_corpus(f"features:{data_dir / 'gtzan-features'}")
    assert len(corpus.clips) == 1000 and len(corpus.genres) == 10 and not corpus.skipped
    rows = rows_of(corpus)
    assert len(rows.columns) == 57 and "length" not in rows.columns
    split = make_split(corpus, "published", seed=0)
    assert [len(part) for part in (split.train, split.valid, split.test)] == [443, 197, 290]
    assert not split.found("artist").count
    _, counts = np.unique(rows.values, axis=0, return_counts=True)
    assert counts[counts > 1].sum() == 28  # repetitions of GTZAN, to the last digit
    # 16 bits are enough: a step is far below the deviation, for the column with the longest tail too.
    step = np.ptp(rows.values, axis=0) / 65_534
    assert (step < 5e-4 * rows.values.std(axis=0)).all()
