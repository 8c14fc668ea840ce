"""The run folder: `<base>/<recipe>/<corpus>/<split>-seed<k>/`, and reading a finished one.

A split with a seed of its own stands in the name: `<split>-split<s>-seed<k>`.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from genrelab.errors import RunError, UsageError
from genrelab.lab.metrics.predictions import Predictions, read_predictions
from genrelab.lab.metrics.tag_predictions import TagPredictions, read_tag_predictions
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.plugins import check_plugins
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs.file_names import (
    COPIES,
    FINAL,
    LEARNED,
    METRICS,
    MODEL,
    PREDICTIONS,
    PRETRAINING,
    RECIPE,
    REPORT,
    SOUND,
    SPLIT,
    TAGGED,
    TAGS,
    WEIGHTS,
)
from genrelab.lab.runs.record import RunRecord, load_record
from genrelab.lab.training.checkpoints import BEST, load_weights

__all__ = [
    "BEST",
    "COPIES",
    "FINAL",
    "LEARNED",
    "METRICS",
    "MODEL",
    "PREDICTIONS",
    "PRETRAINING",
    "RECIPE",
    "REPORT",
    "SOUND",
    "SPLIT",
    "TAGGED",
    "TAGS",
    "WEIGHTS",
    "Run",
    "require_one_cross_validation",
    "run_folder",
    "versions",
]


def run_folder(
    base: Path, *, recipe: str, corpus: str, split: str, seed: int, split_seed: int | None = None
) -> Path:
    """Return where a run lies.

    Parameters
    ----------
    base : Path
    recipe, corpus, split : str
        Their names.
    seed : int
        Of the training.
    split_seed : int or None
        Of the split; None if it depends on no seed.
    """
    own = "" if split_seed in (None, seed) else f"-split{split_seed}"
    return base / recipe.replace("/", "-") / corpus / f"{split}{own}-seed{seed}"


def versions() -> dict[str, str]:
    """Return the versions of what decides a result."""
    found = {"python": platform.python_version()}
    for name in ("genrelab", "torch", "lightning", "numpy", "soundfile", "soxr", "av"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that was never installed
            found[name] = "not installed"
    return found


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    folder : Path
    recipe : Recipe
        As used.
    record : RunRecord
        What it measured.
    """

    folder: Path
    recipe: Recipe
    record: RunRecord

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run folder.

        Raises
        ------
        RunError
            If it holds no finished run.
        """
        try:
            record = load_record(RunRecord, folder / METRICS)
        except FileNotFoundError as error:
            raise RunError(
                f"{folder} holds no finished run ({METRICS} is missing); give the folder that "
                "`genrelab train` printed, or run the training to its end",
                code="run-unfinished",
            ) from error
        return cls(folder, load_recipe(str(folder / RECIPE)), record)

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres, in the order of the network's outputs."""
        return self.record.corpus.genres

    def network(self) -> GenreNetwork:
        """Return the trained network, in evaluation mode; it may need the plugins of its training."""
        check_plugins(self.folder)
        network = build_network(self.recipe, genres=len(self.genres), tags=len(self.record.network_tags))
        load_weights(network, self.folder / BEST)
        return network.eval()

    def predictions(self) -> Predictions:
        """Return the predictions for its test part."""
        return read_predictions(self.folder / PREDICTIONS)

    def tag_predictions(self) -> TagPredictions | None:
        """Return the predictions of tags for its test part; None if it predicts none."""
        path = self.folder / TAGS
        return read_tag_predictions(path) if path.is_file() else None


def require_one_cross_validation(folds: Sequence[Run]) -> None:
    """Refuse runs that are not folds of one cross-validation.

    Raises
    ------
    UsageError
        If their recipes, seeds or corpora differ.
    """
    records = [fold.record for fold in folds]
    different: dict[str, set[object]] = {
        "collections of one name": {each.corpus.recordings_sha256 for each in records},
        "recipes (recipe_sha256)": {each.recipe_sha256 for each in records},
        "seeds (seed)": {each.seed for each in records},
        "seeds of the split (split.seed)": {
            each.split.seed for each in records if each.split.seed is not None
        },
        "corpora": {each.corpus.name for each in records},
    }
    for what, values in different.items():
        if len(values) > 1:
            raise UsageError(
                f"the runs have different {what}: they are not folds of one cross-validation",
                code="not-one-cross-validation",
            )
