"""The tables of a model card: accuracy and calibration of the folds of a recipe on held-out clips.

    python experiments/model_card.py FOLD... --corpus SPEC [--targets FILE]

The baselines are linear classifiers on hand-crafted descriptors and on the arrays of the teacher, with the
same folds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genrelab.files import replace_text
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.experiment.finalize import Held, held_out
from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.inference.predict import groups_of
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.lab.metrics.predictions import Predictions, pool
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.metrics.summary import figure
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.reports.charts import confusion_matrix, reliability_diagram
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.distillation.clip_answers import clip_answers
from genrelab.lab.training.distillation.target_file import read_targets
from genrelab.lab.training.distillation.teacher_set import load_teachers
from genrelab.lab.training.store.audio_store import open_store

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

Floats = npt.NDArray[np.float64]
RATE = 22_050
PIECE = 3 * RATE


def descriptors(corpus: Corpus) -> dict[str, Floats]:
    """Return mean and standard deviation of librosa's descriptors over pieces of 3 s, one vector per clip."""
    store = open_store(corpus, sample_rate=RATE, channels=1)
    frontend = FRONTENDS.create("descriptors", {}, sample_rate=RATE, channels=1).eval()
    found = {}
    for clip_id in store.clips:
        wave = store.read(clip_id, 0, store.frames(clip_id))
        whole = max(1, wave.shape[-1] // PIECE)
        pieces = np.resize(wave[0], whole * PIECE).reshape(whole, 1, PIECE)
        with torch.no_grad():
            each = frontend(torch.from_numpy(pieces)).flatten(1).double().numpy()
        found[clip_id] = np.concatenate([each.mean(axis=0), each.std(axis=0)])
    return found


def linear(
    folds: Sequence[Predictions], corpus: Corpus, features: Callable[[str], Floats], *, strength: float
) -> Predictions:
    """Cross-validate a class-balanced logistic regression on the given folds; return their predictions."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    ids = [list(fold.clips) for fold in folds]
    truth = pool(folds).truth
    folded = []
    for number, tested in enumerate(ids):
        learned = [key for at, each in enumerate(ids) if at != number for key in each]
        regression = make_pipeline(
            StandardScaler(), LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
        )
        regression.fit(np.stack([features(key) for key in learned]), [truth[key] for key in learned])
        shares = regression.predict_proba(np.stack([features(key) for key in tested]))
        order = [list(regression.classes_).index(genre) for genre in corpus.genres]
        folded.append(
            Predictions(
                tuple(corpus.genres),
                tuple(tested),
                np.zeros(len(tested)),
                shares[:, order],
                {key: truth[key] for key in tested},
                groups_of(corpus, tested),
            )
        )
    return pool(folded)


def row(name: str, predictions: Predictions, ours: Predictions) -> dict[str, Any]:
    """Return a row of the first table, with the paired difference of the model to it."""
    track = evaluate(predictions, seed=0).track["mean"].to_dict()
    keys = ("accuracy", "balanced_accuracy", "top2_accuracy")
    apart = {"difference": difference(ours, predictions)._asdict()} if predictions is not ours else {}
    return {"system": name, **{key: track[key] for key in keys}, **apart}


def difference(ours: Predictions, theirs: Predictions) -> Estimate:
    """Return how much higher the balanced accuracy of one is on the same clips, resampled by artist."""
    first, second = ours.tracks("mean"), theirs.tracks("mean")
    place = {key: at for at, key in enumerate(second.clip_ids)}
    rows = [place[key] for key in first.clip_ids]
    if theirs.genres != ours.genres or not np.array_equal(second.truth[rows], first.truth):
        raise SystemExit("the two systems were not tested on the same clips")
    groups = [ours.groups.get(key, key) for key in first.clip_ids]
    group = np.unique(groups, return_inverse=True)[1].astype(np.intp)
    bootstrap = ClusterBootstrap(int(group.max()) + 1, rng=np.random.default_rng(0))
    recalls, measured = [], []
    for number in range(len(ours.genres)):
        own = first.truth == number
        right = [own & (each == number) for each in (first.orders[:, 0], second.orders[rows, 0])]
        counts = bootstrap.sums(own, group)
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls.append((bootstrap.sums(right[0], group) - bootstrap.sums(right[1], group)) / counts)
        measured.append((right[0].sum() - right[1].sum()) / max(1, own.sum()))
    low, high = np.nanquantile(np.nanmean(recalls, axis=0), [0.025, 0.975])
    return Estimate(float(np.mean(measured)), float(low), float(high))


def by_collection(predictions: Predictions, corpus: Corpus, names: Sequence[str]) -> dict[str, Any]:
    """Return the number of correct predictions and of tracks in each dataset."""
    clips = corpus.by_id()
    answers = predictions.tracks("mean")
    found: dict[str, Any] = {name: {"right": 0, "tracks": 0} for name in names}
    for clip_id, truth, order in zip(answers.clip_ids, answers.truth, answers.orders, strict=True):
        path = clips[clip_id].path
        name = next(each for each in names if path is not None and each in path.parts)
        found[name]["tracks"] += 1
        found[name]["right"] += int(order[0] == truth)
    return found


def draw(folder: Path, recipe: str, genres: Sequence[str], held: Held) -> None:
    """Write the reliability diagram and the confusion matrix as SVG."""
    name = recipe.rsplit("/", 1)[-1]
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / f"{name}-calibration.svg", reliability_diagram(held.bins).document())
    matrix = confusion_matrix(genres, held.evaluation.track["mean"])
    replace_text(folder / f"{name}-confusion.svg", matrix.document())


def tables(result: dict[str, Any]) -> dict[str, str]:
    """Return the tables as Markdown, by name."""
    head = (
        "| system | accuracy | balanced accuracy | top-2 accuracy | the model minus it, balanced |\n"
        "| --- | ---: | ---: | ---: | ---: |"
    )
    keys = ("accuracy", "balanced_accuracy", "top2_accuracy")
    systems = [
        f"| {each['system']} | {' | '.join(figure(each[key]) for key in keys)} | {_points(each)} |"
        for each in result["systems"]
    ]
    collections = [
        f"| {name} | {each['tracks']} | {100 * each['right'] / each['tracks']:.0f} % |"
        for name, each in result["collections"].items()
    ]
    bins = [
        f"| {low:.2f}-{high:.2f} | {tracks} | {100 * confidence:.0f} % | {100 * accuracy:.0f} % |"
        for low, high, tracks, confidence, accuracy in result["reliability"]
        if tracks
    ]
    calibrated = (
        f"Temperature {result['temperature']}, threshold {result['threshold']}. Fitted to all folds but one "
        f"and tested on that one: expected calibration error {result['calibration_error']}; answers "
        f"{100 * result['answered']:.0f} % of the clips, {100 * result['precision']:.0f} % of them correctly."
    )
    return {
        "systems": "\n".join([head, *systems]),
        "genres": _by_genre(result["track"]),
        "collections": "\n".join(["| dataset | tracks | accuracy |\n| --- | ---: | ---: |", *collections]),
        "confidence": "\n".join(
            ["| confidence | tracks | mean confidence | accuracy |\n| --- | ---: | ---: | ---: |", *bins]
        ),
        "calibration": calibrated,
    }


def _points(system: dict[str, Any]) -> str:
    apart = system.get("difference")
    if apart is None:
        return ""
    return f"{100 * apart['value']:+.1f} ({100 * apart['low']:+.1f} to {100 * apart['high']:+.1f})"


def of_teachers(corpus: Corpus, files: Sequence[Path], *, samples: int) -> dict[str, dict[str, Floats]]:
    """Return name -> clip id -> values: each teacher's `multi`, and those of all teachers together."""
    store = open_store(corpus, sample_rate=16_000, channels=1)
    found: dict[str, dict[str, Floats]] = {}
    for teacher in load_teachers(Distill(teachers=[str(file) for file in files], regress={"multi": 1.0})):
        answers = clip_answers(teacher, store, samples=samples)
        found[teacher.name] = {key: answers.of("multi", [key])[0] for key in store.clips}
    if len(found) > 1:
        parts = list(found.values())
        found[" and ".join(found)] = {key: np.concatenate([each[key] for each in parts]) for key in parts[0]}
    return found


def _by_genre(track: dict[str, Any]) -> str:
    genres = list(track["by_genre"])
    rows = [
        "| genre | clips | recall | precision | most often confused with |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for number, (genre, scores) in enumerate(track["by_genre"].items()):
        counts = list(track["confusion"]["counts"][number])
        counts[number] = -1
        worst = int(np.argmax(counts))
        confused = f"{genres[worst]} ({counts[worst]})" if counts[worst] > 0 else "-"
        cells = (str(scores["support"]), figure(scores["recall"]), figure(scores["precision"]), confused)
        rows.append(f"| {genre} | {' | '.join(cells)} |")
    return "\n".join(rows)


def fill(card: Path, texts: dict[str, str]) -> None:
    """Put each text between the two comments of a page that have its name."""
    page = card.read_text(encoding="utf-8")
    for name, text in texts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise SystemExit(f"{card} must contain {begin} and {end} exactly once")
        page = f"{page.split(begin)[0]}{begin}\n{text}\n{end}{page.split(end)[1]}"
    replace_text(card, page)


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folds", type=Path, nargs="+", help="finished folds of one recipe")
    parser.add_argument("--corpus", required=True, help="NAME:PATH of the corpus that they were trained on")
    parser.add_argument("--collections", nargs="+", default=["gtzan-short", "emotify", "allmusic-previews"])
    parser.add_argument("--targets", type=Path, help="targets file of the teacher, for rows of their own")
    parser.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        help="weights of a teacher, for a row; repeatable",
    )
    parser.add_argument(
        "--beside",
        nargs="+",
        action="append",
        default=[],
        metavar="TEXT",
        help="a name and the folds of another recipe, tested on the same clips; repeatable",
    )
    parser.add_argument("--precision", type=float, default=0.8)
    parser.add_argument(
        "--pictures", type=Path, help="folder for the reliability diagram and the confusion matrix"
    )
    parser.add_argument("--card", type=Path, help="Markdown page to update with the tables")
    options = parser.parse_args()
    corpus = load_corpus(options.corpus)
    runs = [Run.load(folder) for folder in options.folds]
    folds = [run.predictions() for run in runs]
    held = held_out(folds, precision=options.precision, seed=runs[0].record.seed)
    ours, table = held.predictions, descriptors(corpus)
    systems = [row(f"`{runs[0].recipe.name.rsplit('/', 1)[-1]}`", ours, ours)]
    for name, *others in options.beside:
        apart = [Run.load(Path(folder)).predictions() for folder in others]
        if sorted(map(sorted, (each.clips for each in apart))) != sorted(
            map(sorted, (each.clips for each in folds))
        ):
            raise SystemExit(f"{name}: its folds were tested on other clips")
        systems.append(row(name, pool(apart), ours))
    found = linear(folds, corpus, table.__getitem__, strength=0.1)
    systems.append(row("linear, on descriptors", found, ours))
    if options.targets:
        targets = read_targets(str(options.targets), ["pen", "multi"])
        places = targets.rows(corpus.clips)
        for name, strength in (("pen", 0.1), ("multi", 0.01)):
            values = targets.arrays[name]
            found = linear(folds, corpus, lambda key, v=values: v[places[key]], strength=strength)  # type: ignore[misc]
            systems.append(row(f"linear, on the teacher's {name}", found, ours))
    audio = runs[0].recipe.audio
    samples = round(16_000 * audio.segment_seconds * runs[0].recipe.training.view_segments)
    for name, vectors in (
        of_teachers(corpus, options.teacher, samples=samples).items() if options.teacher else ()
    ):
        found = linear(folds, corpus, vectors.__getitem__, strength=0.01)
        systems.append(row(f"linear, on {name}", found, ours))
    result = {
        "benchmark": "model_card",
        "systems": systems,
        "track": held.evaluation.track["mean"].to_dict(),
        "collections": by_collection(held.predictions, corpus, options.collections),
        "reliability": [
            (each.low, each.high, each.tracks, each.confidence, each.accuracy) for each in held.bins
        ],
        "temperature": held.temperature,
        "threshold": held.threshold.confidence,
        "calibration_error": round(held.error, 4),
        "answered": round(held.answered, 4),
        "precision": round(held.precision, 4),
    }
    if options.pictures:
        draw(options.pictures, runs[0].recipe.name, corpus.genres, held)
    texts = tables(result)
    if options.card:
        fill(options.card, texts)
    print("\n\n".join(texts.values()))
    print(
        json.dumps(
            {key: value for key, value in result.items() if key != "reliability"}
            | machine("torch", "scikit-learn")
        )
    )


if __name__ == "__main__":
    main()
