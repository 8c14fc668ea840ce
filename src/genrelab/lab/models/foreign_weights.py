"""Files of weights with other names of layers than timm's.

Some files of MobileNet version 1 number its layers: `conv1.0` and `conv1.1` are the first
convolution and its batch norm, `b.N.0.0` and `b.N.0.1` the depthwise convolution of block N = 0..12 and its
norm, `b.N.1.0` and `b.N.1.1` the pointwise one's, `fc` the classifier. Such files contain the weights that
TensorFlow trained, which Keras offers too.
"""

from __future__ import annotations

import re

from genrelab.errors import RecipeError
from genrelab.lab.models.weights_file import Weights

_BY_NUMBER = re.compile(r"b\.\d+\.[01]\.[01]\.")
_STAGES = (1, 2, 2, 6, 2)  # blocks in each of timm's stages
_PARTS = {"0.0": "conv_dw", "0.1": "bn1", "1.0": "conv_pw", "1.1": "bn2"}


def numbered_layers(weights: Weights, architecture: str) -> dict[str, str]:
    """Return layer in the file -> timm's layer; empty where the file has no layers by number.

    Parameters
    ----------
    weights : dict of str to Tensor
        Content of a file.
    architecture : str
        timm's name of their network.
    """
    if not architecture.startswith("mobilenetv1_") or not any(_BY_NUMBER.match(key) for key in weights):
        return {}
    names = {"conv1.0": "conv_stem", "conv1.1": "bn1"}
    blocks = [f"blocks.{stage}.{place}" for stage, count in enumerate(_STAGES) for place in range(count)]
    for number, block in enumerate(blocks):
        names |= {f"b.{number}.{part}": f"{block}.{layer}" for part, layer in _PARTS.items()}
    return names


def renamed(weights: Weights, layers: dict[str, str]) -> Weights:
    """Rename weights to timm's names; weights of layers that are not in `layers` keep their names.

    Raises
    ------
    RecipeError
        If a file contains the same weights under both names.
    """
    found: Weights = {}
    for key, value in weights.items():
        layer, dot, part = key.rpartition(".")
        new = f"{layers.get(layer, layer)}{dot}{part}"
        if new in found:
            raise RecipeError(
                f"these weights contain {new} twice, once as {key}; remove one of them", code="weights-twice"
            )
        found[new] = value
    return found
