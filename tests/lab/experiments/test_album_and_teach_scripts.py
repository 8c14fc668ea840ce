"""The scripts about albums and taught genres run to their end, and notice what they are to notice."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., dict[str, Any]]


def predictions(path: Path, *, alike: bool) -> Path:
    """Write answers for 8 clips of each of 40 artists, whose errors are independent, or all the same."""
    rng = np.random.default_rng(0)
    rows: list[tuple[object, ...]] = []
    for artist in range(40):
        shared = rng.normal(size=2)
        for clip in range(8):
            right, wrong = (shared if alike else rng.normal(size=2)) + (0.8, 0.0)
            share = 1 / (1 + np.exp(wrong - right))
            low = share if artist % 2 else 1 - share
            genre = "low" if artist % 2 else "high"
            rows.append(("clip", f"{artist}.{clip}", genre, f"artist:{artist}", low, 1 - low))
    rows += [("clip", "alone", "low", "file:alone", 0.5, 0.5), ("segment", "0.0", "high", "", 0.5, 0.5)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("level", "clip_id", "genre", "group", "p_low", "p_high"), *rows])
    return path


@pytest.mark.parametrize("alike", [False, True])
def test_albums(alike: bool, run: Run, tmp_path: Path) -> None:
    """Independent clips make an album surer, and correlated ones do not; the fit finds out which they are."""
    result = run("albums.py", predictions(tmp_path / "predictions.csv", alike=alike), "--quick")
    assert (result["clips"], result["with_artist"]) == (321, 320)
    rows = {(row["kind"], row["n"], row["rule"]): row for row in result["rows"]}
    single, mean = rows["", 1, "single clip"], rows["", 8, "mean"]
    fitted, product = rows["", 8, "product, correlated"], rows["", 8, "product"]
    assert single["artists"] == fitted["artists"] == 40
    correlations = [correlation for correlation, _ in fitted["constants"]]
    if alike:
        assert min(correlations) >= 0.7
        assert fitted["accuracy"] == single["accuracy"] == mean["accuracy"]
        assert product["log_loss"]["value"] > fitted["log_loss"]["value"] + 0.1
    else:
        assert max(correlations) <= 0.2
        assert fitted["accuracy"]["value"] > single["accuracy"]["value"] + 0.15
        assert fitted["log_loss"]["value"] < mean["log_loss"]["value"] - 0.1
        assert fitted["answered"]["value"] > single["answered"]["value"] + 0.1
    strangers = rows["with strangers", 8, "as shipped"]
    assert strangers["accuracy"]["value"] <= rows["", 8, "as shipped"]["accuracy"]["value"]


def test_albums_from_embeddings(run: Run, tmp_path: Path) -> None:
    """A genre is in the embedding, with an artist's own offset; some clips have no genre or no artist."""
    rng = np.random.default_rng(0)
    artist = np.repeat(np.arange(40), 4)
    genre = np.array(["high", "low"])[artist % 2]
    clips = 2.0 * (artist % 2)[:, None] + rng.normal(size=(40, 5))[artist] + rng.normal(size=(160, 5))
    segments = np.repeat(clips, 3, axis=0) + 0.1 * rng.normal(size=(480, 5))
    names = np.array([f"singer {number}" for number in artist])
    names[-8:], genre[:4] = "", ""
    np.savez(
        tmp_path / "e.npz", segments=segments, clip_of_segment=np.repeat(np.arange(160), 3),
        ids=np.arange(160).astype(str), artist=names, genre=genre,
    )  # fmt: skip
    result = run("albums.py", tmp_path / "e.npz", "--quick")
    assert (result["clips"], result["with_artist"]) == (156, 148)
    assert result["accuracy"] > 0.8
    assert {row["n"] for row in result["rows"]} == {1, 2, 4}


def test_albums_names_what_it_cannot_use(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("path,seconds\na,1\n")
    with pytest.raises(SystemExit, match="no clips with a column"):
        run("albums.py", other)
    alone = tmp_path / "alone.csv"
    alone.write_text("genre,artist,p_low,p_high\nlow,A,0.7,0.3\nhigh,B,0.2,0.8\n")
    with pytest.raises(SystemExit, match="nothing to combine"):
        run("albums.py", alone, "--quick")


def embeddings(path: Path, *, held_out: int | None = None) -> Path:
    """Write embeddings of clips of three genres by twenty artists each, that differ by genre."""
    rng = np.random.default_rng(0)
    genre = np.repeat(["blues", "jazz", "rock"], 40)
    centres = {name: rng.normal(size=8) for name in ("blues", "jazz", "rock")}
    segments = np.concatenate([centres[name] + rng.normal(0, 0.7, (2, 8)) for name in genre])
    values: dict[str, Any] = {
        "segments": segments.astype(np.float32),
        "clip_of_segment": np.repeat(np.arange(120), 2),
        "ids": np.array([f"c{k}" for k in range(120)]),
        "artist": np.array([f"artist {k // 2}" for k in range(120)]),
        "genre": genre,
        "probabilities": np.tile(np.eye(3, dtype=np.float32)[0], (240, 1)),
        "genres": np.array(["blues", "jazz", "rock"]),
    }
    if held_out is not None:
        values["held_out"] = np.arange(120) // 2 % 2 == held_out
    np.savez(path, **values)
    return path


@pytest.mark.slow
def test_teach_classifier(run: Run, tmp_path: Path) -> None:
    result = run("teach_classifier.py", embeddings(tmp_path / "clips.npz"), "--quick")
    assert len(result) == 6 and all(value > 0.7 for value in result.values())


@pytest.mark.slow
def test_teach(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    genres = {"blues": "Blues;Vocal", "jazz": "Jazz", "rock": "Pop/Rock"}
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip_id", "corpus", "source_genres"])
        names = np.repeat(list(genres), 40)
        writer.writerows([f"c{k}", "allmusic-previews", genres[name]] for k, name in enumerate(names))
    result = run("teach.py", "accuracy", embeddings(tmp_path / "clips.npz"), table)
    assert result["few"]["all"]["value"] > 0.8 > 0.5 > result["few"]["own head"]["value"]
    assert result["several"]["ROC-AUC"]["value"] > 0.8 and result["wrong labels found"] > 0.7
    folds = [embeddings(tmp_path / f"{fold}.npz", held_out=fold) for fold in (0, 1)]
    by_folds = run("teach.py", "folds", *folds)
    assert by_folds["taught, all per genre"]["value"] > 0.8
    assert by_folds["the model's own head"]["value"] == pytest.approx(1 / 3, abs=1e-3)
