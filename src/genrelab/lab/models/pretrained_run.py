"""The weights of an earlier run, as initial weights of a network of the same kind.

`best.safetensors` of a run folder contains a whole network under the names of `GenreNetwork`. It fits all
networks that are built in the same way; only the genres and tags may differ. A network that has only the
first layers of another one fits that, too: the other layers start at random.
"""

from __future__ import annotations

from torch import nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import GenreNetwork
from genrelab.lab.models.weights_file import Weights, listed, misfits

_TAGS = "tags."
_PARTS = ("body.", "frontends.", _TAGS)  # prefixes of the names of all weights of a run


def is_run(weights: Weights) -> bool:
    """Return whether these are the weights of a whole network of genrelab."""
    return bool(weights) and all(key.startswith(_PARTS) for key in weights)


def start_from_run(network: nn.Module, weights: Weights, origin: str) -> list[str]:
    """Load the weights of an earlier run into a network.

    The classifier of a run with another number of genres is left out: linear layers that differ only in the
    number of outputs. For a layer before others, the inputs of those would differ too. The layer of tags is
    left out if only one of the two networks has it, or their numbers of tags differ. If the run has only the
    first layers of the network, these are loaded.

    Parameters
    ----------
    network : nn.Module
    weights : dict of str to Tensor
        Weights for which `is_run` is true.
    origin : str
        Their name in messages.

    Returns
    -------
    list of str
        Notes on the source of the weights and on layers that start at random.

    Raises
    ------
    RecipeError
        If any other weight is missing, unexpected, of another shape or type, or not finite; the network
        stays unchanged.
    """
    own: Weights = network.state_dict()
    classifier = _classifier(network, weights, own)
    known, wanted = (any(key.startswith(_TAGS) for key in each) for each in (weights, own))
    left_out = {key for key in (*weights, *own) if known != wanted and key.startswith(_TAGS)}
    kept = {key: value for key, value in weights.items() if key not in classifier and key not in left_out}
    missing = [key for key in own if key not in weights and key not in left_out]
    layers, of_layers = _first_layers(network, weights, own) if missing else (0, set())
    if layers:
        network.load_state_dict({**own, **{key: weights[key] for key in of_layers}})
        return [
            f"the first {layers} layers start from the run {origin}, which has no others; the rest of the "
            "network starts at random"
        ]
    problems = misfits(kept, own)
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
    counts = {key.rpartition(".")[0]: weights[key].shape[0] for key in classifier}
    notes += [
        f"{layer} starts at random: in {origin} it is for {count} {'tags' if layer == 'tags' else 'genres'}"
        for layer, count in counts.items()
    ]
    if known != wanted:
        notes.append(
            f"the layer of tags of {origin} is left out: this network has no tags"
            if known
            else f"the layer of tags starts at random: {origin} has none"
        )
    return notes


def _first_layers(network: nn.Module, weights: Weights, own: Weights) -> tuple[int, set[str]]:
    """Return how many first layers of a network the weights are, and their keys; 0 for anything else.

    Weights of layers that the network lacks, of other sizes, or that are not finite are something else.
    """
    if not isinstance(network, GenreNetwork):
        return 0, set()
    places = {module: name for name, module in network.named_modules()}
    for layers in range(network.body.depth, 0, -1):
        prefixes = tuple(f"{places[module]}." for module in network.body.first(layers))
        keys = {key for key in own if key.startswith((*prefixes, "frontends."))}
        if keys <= weights.keys():
            found = {key: weights[key] for key in keys}
            return (0, set()) if misfits(found, own) or not weights.keys() <= own.keys() else (layers, keys)
    return 0, set()


def _classifier(network: nn.Module, weights: Weights, own: Weights) -> list[str]:
    """Return the keys of linear layers that differ only in their number of outputs."""
    return [
        key
        for key in own
        if key in weights
        and own[key].shape[:1] != weights[key].shape[:1]
        and own[key].shape[1:] == weights[key].shape[1:]
        and isinstance(network.get_submodule(key.rpartition(".")[0]), nn.Linear)
    ]
