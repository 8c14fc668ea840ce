from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from raising import raises

from genrelab.lab.corpora import load_corpus, make_split, verify_corpus

# The columns of the official file that matter, in its order, among some that do not.
HEADER = [
    ("album", "comments"),
    ("album", "information"),
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "genre_top"),
    ("track", "title"),
]
TRACKS = [
    # number, album information, artist id, artist name, split, subset, top genre
    (2, "<p>two\nlines, and a comma</p>", 1, "AWOL", "training", "small", "Hip-Hop"),
    (5, "", 1, "AWOL", "training", "small", "Hip-Hop"),
    (10, "", 6, "Kurt Vile", "validation", "small", "Pop"),
    (140, "", 54, "Alec K. Redfearn", "test", "small", "Folk"),
    (141, "", 54, "NA", "test", "medium", "Folk"),
    (666, "", 77, "", "training", "medium", "Jazz"),
    (20, "", 4, "Nicky Cook", "training", "large", ""),
    (99134, "", 5, "Nobody", "training", "small", "Pop"),
]


def write_tracks(path: Path, *, index_row: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["", *(first for first, _ in HEADER)])
        writer.writerow(["", *(second for _, second in HEADER)])
        if index_row:
            writer.writerow(["track_id", *[""] * len(HEADER)])
        for number, information, artist_id, artist, split, subset, genre in TRACKS:
            writer.writerow([number, 0, information, artist_id, artist, split, subset, genre, "Title"])


def write_mp3(folder: Path, number: int) -> None:
    name = f"{number:06d}"
    file = folder / name[:3] / f"{name}.mp3"
    file.parent.mkdir(parents=True, exist_ok=True)
    sf.write(file, 0.3 * np.sin(np.arange(4410) * 0.05), 44100, format="MP3")


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    write_tracks(tmp_path / "fma_metadata" / "tracks.csv")
    for number in (2, 5, 10, 140):
        write_mp3(tmp_path / "fma_small", number)
    write_mp3(tmp_path / "fma_small", 99134)
    for number in (141, 666):
        write_mp3(tmp_path / "fma_medium", number)
    return tmp_path


@pytest.mark.parametrize("spec", ["fma:{}", "fma-small:{}", "fma-small:{}/fma_small"])
def test_small(fma: Path, spec: str) -> None:
    corpus = load_corpus(spec.format(fma))
    assert [(clip.id, clip.genre, clip.artist) for clip in corpus.clips] == [
        ("fma-000002", "Hip-Hop", "AWOL"),
        ("fma-000005", "Hip-Hop", "AWOL"),
        ("fma-000010", "Pop", "Kurt Vile"),
        ("fma-000140", "Folk", "Alec K. Redfearn"),
    ]
    assert corpus.name == "fma-small"
    assert corpus.genres == ["Folk", "Hip-Hop", "Pop"]
    assert "no audio" in corpus.skipped["fma-099134"]
    assert verify_corpus(corpus).readable == 4


def test_medium_includes_small(fma: Path) -> None:
    corpus = load_corpus(f"fma-medium:{fma}")
    assert [clip.id for clip in corpus.clips[-2:]] == ["fma-000141", "fma-000666"]
    assert len(corpus.clips) == 6
    assert [clip.artist for clip in corpus.clips[-2:]] == ["NA", "artist 77"]


def test_official_split(fma: Path) -> None:
    split = make_split(load_corpus(f"fma:{fma}"), "published", seed=0)
    assert (split.train, split.valid, split.test) == (
        ["fma-000002", "fma-000005"],
        ["fma-000010"],
        ["fma-000140"],
    )
    assert split.found("artist").count == 0
    assert "Folk" in split.found("missing genres").examples[0]


def test_missing_audio_is_counted(fma: Path) -> None:
    (fma / "fma_small" / "000" / "000005.mp3").unlink()
    corpus = load_corpus(f"fma:{fma}")
    assert len(corpus.clips) == 3
    assert corpus.skipped["fma-000005"] == "not in this copy"


def test_no_audio_at_all(tmp_path: Path) -> None:
    write_tracks(tmp_path / "fma_metadata" / "tracks.csv")
    with raises("fma-without-audio", 5, tmp_path):
        load_corpus(f"fma:{tmp_path}")


def test_no_metadata(tmp_path: Path) -> None:
    with raises("fma-metadata-missing", "fma_metadata.zip", tmp_path):
        load_corpus(f"fma:{tmp_path}")


def test_foreign_header_is_named(fma: Path) -> None:
    tracks = fma / "fma_metadata" / "tracks.csv"
    write_tracks(tracks, index_row=False)
    with raises("fma-header-unknown", tracks, "track_id"):
        load_corpus(f"fma:{fma}")
    tracks.write_text("a,b\n1,2\n")
    with raises("fma-header-unknown", tracks, "set.split"):
        load_corpus(f"fma:{fma}")


def test_foreign_values_are_named(fma: Path) -> None:
    tracks = fma / "fma_metadata" / "tracks.csv"
    tracks.write_text(tracks.read_text().replace("validation", "development"))
    with raises("fma-track-unknown", tracks, "'10'", "'development'"):
        load_corpus(f"fma:{fma}")
