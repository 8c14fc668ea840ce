"""The run folder: `<base>/<recipe>/<corpus>/<split>-seed<k>/`, and reading a finished one."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genrelab.errors import RunError
from genrelab.lab.metrics.predictions import Predictions, read_predictions
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.plugins import check_plugins
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.checkpoints import BEST, load_weights

RECIPE = "recipe.yaml"
SPLIT = "split.csv"
SOUND = "sound.sha256"
WEIGHTS = "weights.sha256"
LEARNED = "learned.sha256"
COPIES = "copies.txt"
METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
REPORT = "report.html"
MODEL = "model.onnx"
METRICS_FORMAT = 1


def run_folder(base: Path, *, recipe: str, corpus: str, split: str, seed: int) -> Path:
    """Return where a run lies."""
    return base / recipe.replace("/", "-") / corpus / f"{split}-seed{seed}"


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
    metrics : dict
        What `metrics.json` says.
    """

    folder: Path
    recipe: Recipe
    metrics: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run folder.

        Raises
        ------
        RunError
            If it holds no finished run.
        """
        path = folder / METRICS
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(
                f"{folder} holds no finished run ({METRICS} is missing); give the folder that "
                "`genrelab train` printed, or run the training to its end"
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(f"cannot read {path}: {error}") from error
        if metrics.get("format") != METRICS_FORMAT:
            raise RunError(
                f"{path} has the format {metrics.get('format')!r}, this genrelab reads {METRICS_FORMAT}; "
                "use the genrelab that made the run, or train it again"
            )
        return cls(folder, load_recipe(str(folder / RECIPE)), metrics)

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres, in the order of the network's outputs."""
        return tuple(self.metrics["corpus"]["genres"])

    def network(self) -> GenreNetwork:
        """Return the trained network, in evaluation mode; it may need the plugins of its training."""
        check_plugins(self.folder)
        network = build_network(self.recipe, genres=len(self.genres))
        load_weights(network, self.folder / BEST)
        return network.eval()

    def predictions(self) -> Predictions:
        """Return what the run said of its test part."""
        return read_predictions(self.folder / PREDICTIONS)
