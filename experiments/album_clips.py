"""The clips of `albums.py`: held-out probabilities of genres, from runs or from embeddings."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
FOLDS = 5
TINY = 1e-9


class Clips(NamedTuple):
    """Clips with held-out predictions: names, artists, albums ("" = unknown), truth, probabilities [n, K]."""

    genres: tuple[str, ...]
    names: tuple[str, ...]
    artists: tuple[str, ...]
    albums: tuple[str, ...]
    truth: Ints
    probabilities: Floats


def softmax(logits: Floats) -> Floats:
    """Return the probabilities along the last axis."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def read_predictions(paths: Sequence[Path]) -> Clips:
    """Read clips from CSV files; a clip that occurs several times has its mean probabilities."""
    rows: dict[str, list[dict[str, str]]] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file)):
                if row.get("level", "clip") == "clip":
                    rows.setdefault(row.get("clip_id") or f"{path} {number}", []).append(row)
    first = [each[0] for each in rows.values()]
    if not first or "genre" not in first[0]:
        names = ", ".join(map(str, paths))
        sys.exit(f"{names}: no clips with a column `genre`. Name predictions.csv of runs.")
    columns = [column for column in first[0] if column.startswith("p_")]
    genres = tuple(column.removeprefix("p_") for column in columns)
    shares = [
        np.mean([[float(row[column]) for column in columns] for row in each], axis=0)
        for each in rows.values()
    ]
    return Clips(
        genres,
        tuple(rows),
        tuple(_artist(row) for row in first),
        tuple(row.get("album") or "" for row in first),
        np.array([genres.index(row["genre"]) for row in first]),
        np.array(shares),
    )


def _artist(row: Mapping[str, str]) -> str:
    """Return the artist of a row; the group of a run is one if it says so."""
    group = row.get("group") or ""
    return row.get("artist") or (group.removeprefix("artist:") if group.startswith("artist:") else "")


def read_embeddings(path: Path) -> Clips:
    """Cross-validate a logistic regression on embeddings of segments, with folds by artist."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with np.load(path) as arrays:
        segments, of = arrays["segments"].astype(np.float64), arrays["clip_of_segment"]
        ids, artists, labels = (arrays[name].astype(str) for name in ("ids", "artist", "genre"))
    kept = np.flatnonzero(labels != "")
    genres, truth = np.unique(labels[kept], return_inverse=True)
    vectors = np.stack([segments[of == number].mean(axis=0) for number in kept])
    groups = [artists[number] or f"clip {ids[number]}" for number in kept]
    probabilities = np.zeros((len(kept), len(genres)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for known, held in folds.split(vectors, truth, groups):
        regression = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.003, class_weight="balanced", max_iter=1000)
        )
        regression.fit(vectors[known], truth[known])
        probabilities[held] = regression.predict_proba(vectors[held])
    names, singers = tuple(ids[kept].tolist()), tuple(artists[kept].tolist())
    return Clips(tuple(genres.tolist()), names, singers, ("",) * len(names), truth, probabilities)


def calibrated(clips: Clips) -> Clips:
    """Return the clips with the temperature that fits all of them best: models ship with one."""
    logs = np.log(clips.probabilities + TINY)
    here = np.arange(len(clips.truth))
    losses = {
        power: -np.log(softmax(power * logs)[here, clips.truth] + TINY).mean()
        for power in np.geomspace(0.3, 3, 47)
    }
    return clips._replace(probabilities=softmax(min(losses, key=losses.__getitem__) * logs))
