"""The weights of an earlier run, as the start of a network of the same kind.

`best.safetensors` of a run folder holds a whole network under the names that `GenreNetwork` gives its
parts. It fits every network that was built alike; only the genres may be others.
"""

from __future__ import annotations

from torch import nn

from genrelab.errors import RecipeError
from genrelab.lab.models.weights_file import Weights, listed, misfits

_PARTS = ("body.", "frontends.")  # what the names of all weights of a run begin with


def is_run(weights: Weights) -> bool:
    """Tell whether these are the weights of a whole network of genrelab."""
    return bool(weights) and all(key.startswith(_PARTS) for key in weights)


def start_from_run(network: nn.Module, weights: Weights, origin: str) -> list[str]:
    """Put the weights of an earlier run into a network.

    The classifier of a run with another number of genres is left out: linear layers of which nothing but
    the number of outputs differs. If it were a layer before others, their inputs would differ too.

    Parameters
    ----------
    network : nn.Module
    weights : dict of str to Tensor
        As `is_run` knows them.
    origin : str
        What messages call them.

    Returns
    -------
    list of str
        Where the weights came from, and what starts at random.

    Raises
    ------
    RecipeError
        If any other weight is missing, unexpected, of another shape or type, or not finite; the network
        is left as it was.
    """
    own: Weights = network.state_dict()
    classifier = _classifier(network, weights, own)
    kept = {key: value for key, value in weights.items() if key not in classifier}
    problems = misfits(kept, own)
    missing = [key for key in own if key not in weights]
    if missing:
        problems.append(f"missing {listed(missing)}")
    if problems:
        raise RecipeError(
            f"the weights {origin} of an earlier run do not fit this network: {'; '.join(problems)}. Train "
            "both with the same inputs and model, or set training.weights=none for random weights",
            code="weights-do-not-fit",
        )
    network.load_state_dict({**own, **kept})
    notes = [f"the network starts from the run {origin}"]
    genres = {key.rpartition(".")[0]: weights[key].shape[0] for key in classifier}
    notes += [
        f"{layer} starts at random: in {origin} it is for {count} genres" for layer, count in genres.items()
    ]
    return notes


def _classifier(network: nn.Module, weights: Weights, own: Weights) -> list[str]:
    """Return the keys of linear layers that differ in their number of outputs alone."""
    return [
        key
        for key in own
        if key in weights
        and own[key].shape[:1] != weights[key].shape[:1]
        and own[key].shape[1:] == weights[key].shape[1:]
        and isinstance(network.get_submodule(key.rpartition(".")[0]), nn.Linear)
    ]
