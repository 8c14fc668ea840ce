"""The laboratory: train, compare and export genre recognizers.

It needs the extra `lab`, apart from `corpora` and `metrics`, which need no PyTorch.

Examples
--------
>>> from genrelab.lab import Experiment, compare, evaluate, load_corpus, load_recipe, make_split, train
>>> corpus = load_corpus("folder:/music/by-genre")  # doctest: +SKIP
>>> split = make_split(corpus, "artist", seed=0)  # doctest: +SKIP
>>> run = train(Experiment(load_recipe("soundfusion-1"), corpus, split, seed=0))  # doctest: +SKIP
>>> run.record.evaluation.track["mean"].accuracy  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genrelab.extras import missing_extra

if TYPE_CHECKING:
    from genrelab.lab.api import evaluate as evaluate
    from genrelab.lab.api import predict as predict
    from genrelab.lab.api import train as train
    from genrelab.lab.augment import AUGMENTATIONS as AUGMENTATIONS
    from genrelab.lab.corpora.registry import load_corpus as load_corpus
    from genrelab.lab.corpora.splits.make_split import make_split as make_split
    from genrelab.lab.frontends import FRONTENDS as FRONTENDS
    from genrelab.lab.losses import LOSSES as LOSSES
    from genrelab.lab.models import MODELS as MODELS
    from genrelab.lab.recipes import load_recipe as load_recipe
    from genrelab.lab.runs.folders import Run as Run
    from genrelab.lab.studies.compare import compare as compare
    from genrelab.lab.training.experiment import Experiment as Experiment

_HOMES = {
    "AUGMENTATIONS": "augment",
    "Experiment": "training.experiment",
    "FRONTENDS": "frontends",
    "LOSSES": "losses",
    "MODELS": "models",
    "Run": "runs.folders",
    "compare": "studies.compare",
    "evaluate": "api",
    "load_corpus": "corpora.registry",
    "load_recipe": "recipes",
    "make_split": "corpora.splits.make_split",
    "predict": "api",
    "train": "api",
}
__all__ = list(_HOMES)  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for, so that `genrelab.lab.corpora` needs no PyTorch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "genrelab").startswith("genrelab"):
            raise
        raise missing_extra("lab", f"genrelab.lab.{name}", error.name or "a package") from error


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*globals(), *_HOMES])
