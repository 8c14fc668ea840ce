"""Run folders for figures: invented predictions, really evaluated, and a history, without any training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from run_records import run_record

from genrelab.lab.metrics.predictions import Predictions, write_predictions
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.recipes import load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.record import CopiesRecord, RunRecord

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def invented(seed: int, *, tracks: int = 8, share: float = 0.7) -> Predictions:
    """Return predictions of two segments a track, of which about a share is right."""
    random = np.random.default_rng(seed)
    names = [f"{genre}/{number}" for genre in GENRES for number in range(tracks)]
    truth = {name: name.split("/")[0] for name in names}
    ids = [name for name in names for _ in range(2)]
    scores = random.random((len(ids), len(GENRES)))
    right = random.random(len(ids)) < share
    scores[np.arange(len(ids)), [GENRES.index(truth[name]) for name in ids]] += right
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return Predictions(GENRES, tuple(ids), np.tile([0.0, 3.0], len(names)), probabilities, truth, {})


def write_run(base: Path, recipe: str, *, seed: int = 0, corpus: str = "gtzan", epochs: int = 8) -> Path:
    """Write a run folder, and return it."""
    folder = base / recipe.replace("/", "-") / corpus / f"random-seed{seed}"
    folder.mkdir(parents=True)
    predictions = invented(seed)
    write_predictions(folder / folders.PREDICTIONS, predictions)
    loaded = load_recipe(recipe)
    (folder / folders.RECIPE).write_text(dump_recipe(loaded), encoding="utf-8")
    record = run_record(
        recipe=recipe, recipe_sha256=recipe, seed=seed, parameters=70_000 * (1 + len(recipe) % 7)
    )
    evaluation = evaluate(predictions, seed=0, resamples=20).to_dict()
    shape = RunRecord.model_fields["evaluation"].annotation
    assert shape is not None
    copies = tuple({"kind": part.kind, **part.options(), "clips": 60} for part in loaded.augment.copies)
    about = {"name": corpus, "original": corpus, "genres": GENRES}
    record = record.model_copy(
        update={
            "corpus": record.corpus.model_copy(update=about),
            "split": record.split.model_copy(
                update={"name": "random", "clips": {"train": 60, "valid": 20, "test": 80}}
            ),
            "evaluation": shape.model_validate(evaluation),
            "copies": CopiesRecord(of="train", made=copies),
        }
    )
    (folder / folders.METRICS).write_text(record.text(), encoding="utf-8")
    random = np.random.default_rng(seed)
    rows = [
        f"{epoch},{2.3 * 0.8**epoch + 0.1 * random.random():.4f},{2.3 * 0.9**epoch:.4f},"
        f"{0.1 + 0.08 * epoch:.3f},{0.1 + 0.06 * epoch:.3f},{10 + seed:.1f},{float(epoch == epochs - 1)}"
        for epoch in range(epochs)
    ]
    head = "epoch,train_loss,valid_loss,train_accuracy,valid_accuracy,seconds,best"
    (folder / "history.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return folder


def write_elsewhere(run: Path, corpus: str, *, seed: int = 7) -> None:
    """Add predictions of a run for another corpus."""
    folder = run / "elsewhere" / corpus
    folder.mkdir(parents=True)
    write_predictions(folder / folders.PREDICTIONS, invented(seed, tracks=4, share=0.4))
