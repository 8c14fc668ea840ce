"""Records of runs that were never trained."""

from __future__ import annotations

from typing import Any

from genrelab.lab.findings import Verdict
from genrelab.lab.runs.record import RunRecord, upgrade

FIGURE = {"value": 0.5, "low": None, "high": None}
LEVEL = {
    "n": 4, "groups": 2, "accuracy": FIGURE, "balanced_accuracy": FIGURE, "top2_accuracy": FIGURE,
    "log_loss": None, "by_genre": {}, "confusion": {},
}  # fmt: skip


def first_format(**changes: Any) -> dict[str, Any]:
    """Return a record as the first format had it."""
    return {
        "format": 1,
        "recipe": "soundfusion/resnet2d-s",
        "recipe_sha256": "0" * 64,
        "parameters": 10,
        "corpus": {"name": "tones", "genres": ["high", "low"], "licence": "CC0", "citation": "nobody"},
        "split": {
            "name": "fixed", "made": "by hand", "clips": {"train": 2, "valid": 1, "test": 1},
            "checks": {"artist on both sides": "2 artists: Ann (train, test)"},
        },
        "seed": 0,
        "epoch": {"chosen": 1, "trained": 2, "chosen_by": "valid_loss", "chosen_on": "valid"},
        "start": {"weights": "none", "notes": []},
        "training_seconds": 1.0,
        "device": "cpu",
        "precision": "32-true",
        "versions": {"torch": "2"},
        "evaluation": {
            "genres": ["high", "low"], "intervals": {}, "segment": LEVEL, "track": {"majority": LEVEL},
        },
        **changes,
    }  # fmt: skip


def run_record(**changes: Any) -> RunRecord:
    """Return a clean record, with some of its fields changed."""
    record = RunRecord.model_validate(upgrade(first_format()))
    split = record.split.model_copy(update={"findings": ()})
    return record.model_copy(update={"verdict": Verdict(), "split": split, **changes})
