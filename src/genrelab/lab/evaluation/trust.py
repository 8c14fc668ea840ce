"""What `metrics.json` says of how far a run's figures can be believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from genrelab.lab.corpora.identity import collection_key, recording_keys
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.evaluation.checks import check_run
from genrelab.lab.evaluation.sounds import write_sounds
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.store import AudioStore
from genrelab.lab.training.store_facts import clip_facts


def add_trust(
    metrics: dict[str, Any], recipe: Recipe, corpus: Corpus, split: Split, store: AudioStore, folder: Path
) -> None:
    """Check a run, and put what came of it into its metrics; write `sounds.csv` into its folder.

    Parameters
    ----------
    metrics : dict
        As `metrics_of` returns it. Gets `verdict`, `checked`, `not_checked`, the key of the collection, and
        the figures by which the epoch was chosen; None where nothing chose.
    recipe, corpus, split, store
        Of the run.
    folder : Path
        The run folder, with the history of the training.
    """
    recordings = recording_keys(corpus)
    facts = clip_facts(store)
    verdict = check_run(recipe, corpus, split, store, facts, recordings)
    write_sounds(folder, split, recordings, {key: each.digest for key, each in facts.items()})
    metrics |= verdict.to_dict()
    metrics["corpus"]["recordings_sha256"] = collection_key(recordings)
    best = next(row for row in read_history(folder) if row["best"] == 1)
    figures = {"loss": best["valid_loss"], "accuracy": best["valid_accuracy"]}
    metrics["epoch"] |= {name: value if math.isfinite(value) else None for name, value in figures.items()}
