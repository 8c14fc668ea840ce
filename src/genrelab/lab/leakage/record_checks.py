"""What `metrics.json` says of how far a run's figures can be believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from genrelab.lab.corpora.identity import collection_key, recording_keys
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.leakage.checks import check_run
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.known_recordings import write_sounds
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.distillation.distillation import distillation_of
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.store.facts import clip_facts


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
    verdict = check_run(recipe, corpus, split, store, clip_facts(store), recordings)
    keep_sounds(recipe, corpus, split, store, folder)
    metrics |= verdict.to_dict()
    metrics["corpus"]["recordings_sha256"] = collection_key(recordings)
    best = next(row for row in read_history(folder) if row["best"] == 1)
    figures = {"loss": best["valid_loss"], "accuracy": best["valid_accuracy"]}
    metrics["epoch"] |= {name: value if math.isfinite(value) else None for name, value in figures.items()}


def keep_sounds(recipe: Recipe, corpus: Corpus, split: Split, store: AudioStore, folder: Path) -> None:
    """Write `sounds.csv` into a folder: the clips of a training, those without a genre as well."""
    found = distillation_of(recipe, corpus, split)
    free: dict[str, str | None] = {}
    if found is not None and found.unlabelled:
        others = open_store(
            corpus, sample_rate=store.sample_rate, channels=recipe.audio.channels, which="unlabelled"
        )
        facts = clip_facts(others)
        free = {key: facts[key].digest for key in found.unlabelled if key in facts}
    digests = {key: each.digest for key, each in clip_facts(store).items()}
    write_sounds(folder, split, recording_keys(corpus), digests, free)
