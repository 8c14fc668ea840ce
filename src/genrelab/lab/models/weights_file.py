"""Files of weights: read without running a pickle, with descriptions of what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from genrelab.errors import RecipeError

Weights = dict[str, Tensor]

REMEDIES = (
    "set training.weights=FILE to a .safetensors, .pt or .pth file with such weights, "
    "or training.weights=none to start at random"
)

_SHOWN = 8  # most keys of one kind in an error


def read_weights(path: Path) -> Weights:
    """Return the tensors of a `.safetensors`, `.pt` or `.pth` file; floating-point ones as float32.

    Raises
    ------
    RecipeError
        If the file is missing, damaged, of another type, or is not a plain table of tensors.
    """
    if not path.is_file():
        what = (
            "it is a directory"
            if path.is_dir()
            else "there is no such file; if another run is to make it, train that one first"
        )
        raise RecipeError(
            f"cannot read the weights {path}: {what}. You can {REMEDIES}", code="weights-missing"
        )
    if path.suffix == ".safetensors":
        try:
            content: Any = load_file(path)
        except (OSError, SafetensorError) as error:
            raise RecipeError(
                f"cannot read the weights {path}: {reason(error)}; "
                f"delete it if it was downloaded and try again, or {REMEDIES}",
                code="weights-damaged",
            ) from error
    elif path.suffix in (".pt", ".pth"):
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged pickles raise errors of a dozen kinds
            raise RecipeError(
                f"cannot read the weights {path}: it is damaged, or contains more than tensors "
                f"({type(error).__name__}); save network.state_dict() as .safetensors",
                code="weights-damaged",
            ) from error
    else:
        raise RecipeError(
            f"cannot read the weights {path}: its file type is unknown; {REMEDIES}", code="weights-kind"
        )
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise RecipeError(
            f"cannot read the weights {path}: it is not a plain table of tensors; save network.state_dict()",
            code="weights-not-a-table",
        )
    return {str(key): value.float() if value.is_floating_point() else value for key, value in content.items()}


def reason(error: Exception) -> str:
    """Return the first line of an error's message, else its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def misfits(weights: Weights, own: Weights) -> list[str]:
    """Describe weights that do not fit a network; empty if all fit.

    Weights of the network that the file lacks are allowed.
    """
    both = [key for key in weights if key in own]
    shapes = [
        f"{key} {tuple(weights[key].shape)} instead of {tuple(own[key].shape)}"
        for key in both
        if weights[key].shape != own[key].shape
    ]
    kinds = [key for key in both if weights[key].is_floating_point() != own[key].is_floating_point()]
    broken = [key for key in both if not weights[key].isfinite().all()]
    return [
        f"{what} {listed(keys)}"
        for what, keys in (
            ("unexpected", [key for key in weights if key not in own]),
            ("of another shape", shapes),
            ("of another type", kinds),
            ("not finite", broken),
        )
        if keys
    ]


def listed(keys: Sequence[str]) -> str:
    """Return the first keys, and how many more there are."""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
