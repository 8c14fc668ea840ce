"""The weights that a network starts with: of an earlier run, or ImageNet's for its backbones.

An earlier run's fill the whole network (`genrelab.lab.models.pretrained_run`). ImageNet's come from timm's
collection or from a file; their keys are timm's names, which are torchvision's for ResNet and VGG, or those
that `genrelab.lab.models.foreign_weights` knows. A classifier is left out; every other key must fit, and what
a file lacks is named. No pickle is run: files are safetensors, or are read with torch's `weights_only=True`.

Some files hold batch norms inside the convolutions: each norm's scale is 1, mean 0, variance 1, and it
merely shifts. In training such a norm would use the batch's own mean and variance, and so change what
the network computes. `calibrate` measures mean m and variance s^2 of what reaches each of them, and sets
mean = m, variance = s^2, scale = sqrt(s^2 + eps), shift = shift + m: the same function, and one that
training starts from smoothly. A norm behind a convolution that starts at random gets mean = m and
variance = s^2 too: those of the file are of a convolution that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from genrelab.errors import RecipeError, RunError, UsageError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import GenreNetwork
from genrelab.lab.models.foreign_weights import numbered_layers, renamed
from genrelab.lab.models.pretrained_run import is_run, start_from_run
from genrelab.lab.models.weights_file import REMEDIES, Weights, misfits, read_weights, reason

IMAGENET = "imagenet"

_HUB_FILE = "model.safetensors"
_HUB_SECONDS = 10.0  # to wait for the hub's first answer
_CLASSIFIERS = ("fc.", "classifier.", "head.", "pre_logits.")  # torchvision's and timm's names
_COUNTER = ".num_batches_tracked"  # of batch norms: no weight, and not used by those with a momentum


def load_pretrained(network: nn.Module, source: str) -> list[str]:
    """Start a network from the weights of an earlier run, or its backbones from ImageNet weights.

    Parameters
    ----------
    network : nn.Module
        One with at least one `Backbone`; for the weights of an earlier run, any.
    source : str
        `imagenet` for timm's own weights of that architecture, which are downloaded once into the cache
        of huggingface_hub; else the path of a `.safetensors`, `.pt` or `.pth` file. Values of any
        precision become float32. A first convolution over 3 channels is fitted to another number of
        channels as timm does: summed to one channel, else repeated and scaled by 3 / channels. The
        `best.safetensors` of a run folder starts the whole network, but for a classifier of another number
        of genres.

    Returns
    -------
    list of str
        What the user should know: where weights came from, what starts at random nevertheless, what was
        fitted, and whether `calibrate` is needed (`needs_calibration` tells it to programs).

    Raises
    ------
    RecipeError
        If the network has no backbone, the weights cannot be had or read, or they do not fit: keys that
        the backbone does not have (but for a classifier), other shapes, values that are no numbers.
    """
    read = None if source == IMAGENET else read_weights(Path(source).expanduser())
    if read is not None and is_run(read):
        return start_from_run(network, read, source)
    backbones = _backbones(network)
    if not backbones:
        raise RecipeError(
            "this network has no backbone with ImageNet weights; set training.weights to none",
            code="no-backbone",
        )
    notes: list[str] = []
    for backbone in backbones:
        if read is None:
            origin, weights = _download(backbone)
            notes.append(f"{backbone.architecture} starts from {origin}")
            if backbone.tensorflow and not backbone.architecture.startswith("tf_"):
                notes.append(
                    f"{backbone.architecture}: {origin} was trained with PyTorch's padding and batch norms, "
                    "not TensorFlow's as this network has them; set model.tensorflow=false"
                )
        else:
            origin, weights = source, read
        notes += _start(backbone, weights, origin)
    return list(dict.fromkeys(notes))


def needs_calibration(network: nn.Module) -> bool:
    """Tell whether `calibrate` should run before training: batch norms are folded, or strange."""
    return any(backbone.folded or backbone.strange for backbone in _backbones(network))


@torch.no_grad()
def calibrate(network: GenreNetwork, batches: Iterable[Tensor]) -> None:
    """Give folded and strange batch norms the statistics of real input.

    What folded ones compute stays as it is. One pass suffices: as they do not change their function, what
    reaches the later ones stays the same; strange ones normalize by batch meanwhile. Norms that start at
    random are left alone. Does nothing where `needs_calibration` says no.

    Parameters
    ----------
    network : GenreNetwork
        Runs in evaluation mode meanwhile, but for strange norms: without augmentation and dropout.
    batches : iterable of Tensor [shape=(batch, channels, samples)]
        Waveforms of training clips, a few hundred segments; at least one batch.

    Raises
    ------
    UsageError
        If there is no batch, or none of it reaches such a norm.
    RunError
        If what reaches a norm is not finite.
    """
    folded = _norms(network, "folded")
    strange = _norms(network, "strange")
    norms = {**folded, **strange}
    if not norms:
        return
    moments = {name: _Moments() for name in norms}
    handles = [norm.register_forward_pre_hook(partial(_watch, moments[name])) for name, norm in norms.items()]
    modes = {module: module.training for module in network.modules()}
    device = next(network.parameters()).device
    try:
        network.eval()
        for norm in strange.values():
            norm.train()
        for batch in batches:
            network(batch.to(device))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    for name in norms:
        moments[name].check(name)
    for name, norm in norms.items():
        _settle(norm, moments[name], keep_function=name in folded)
    for backbone in _backbones(network):
        backbone.folded = backbone.strange = ()


def _norms(network: nn.Module, kind: Literal["folded", "strange"]) -> dict[str, nn.Module]:
    """Return those batch norms of all backbones that are to be calibrated, by their names."""
    return {
        f"{path}.net.{name}": backbone.net.get_submodule(name)
        for path, backbone in network.named_modules()
        if isinstance(backbone, Backbone)
        for name in getattr(backbone, kind)
    }


class _Moments:
    """Mean and variance of each channel over batches, joined as Chan, Golub and LeVeque (1979) do."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.squares = torch.zeros(())  # sum of squared differences from the mean

    def add(self, x: Tensor) -> None:
        """Take in `[batch, channels, ...]`."""
        values = x.detach().float().transpose(0, 1).flatten(1)
        count = values.shape[1]
        variance, mean = (part.cpu().double() for part in torch.var_mean(values, dim=1, correction=0))
        before, self.count = self.count, self.count + count
        difference = mean - self.mean
        self.mean = self.mean + difference * (count / self.count)
        self.squares = self.squares + variance * count + difference**2 * (before * count / self.count)

    def check(self, name: str) -> None:
        """Raise unless there are finite values."""
        if not self.count:
            raise UsageError(
                f"calibration saw no input of {name}; it needs at least one batch",
                code="calibration-without-input",
            )
        if not (self.mean.isfinite().all() and self.squares.isfinite().all()):
            raise RunError(
                f"calibration found values that are not finite at {name}; verify the corpus",
                code="calibration-not-finite",
            )


def _watch(moments: _Moments, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    moments.add(inputs[0])


def _settle(norm: nn.Module, moments: _Moments, *, keep_function: bool) -> None:
    assert isinstance(norm, _BatchNorm) and norm.running_mean is not None and norm.running_var is not None
    variance = moments.squares / moments.count
    norm.running_mean.copy_(moments.mean)
    norm.running_var.copy_(variance)
    if not keep_function:
        return
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.add_(moments.mean.to(norm.bias))


def _backbones(network: nn.Module) -> list[Backbone]:
    return [module for module in network.modules() if isinstance(module, Backbone)]


def _download(backbone: Backbone) -> tuple[str, Weights]:
    """Return the name and the content of timm's weights file for an architecture."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository: str | None = _pretrained_cfg(backbone).get("hf_hub_id")
    if not repository:
        raise RecipeError(
            f"timm has no ImageNet weights for {backbone.architecture}; {REMEDIES}",
            code="no-imagenet-weights",
        )
    try:
        path = hf_hub_download(repository, _HUB_FILE, local_files_only=True)
    except LocalEntryNotFoundError:
        try:
            # Asked once, the hub fails at once; a download tries for half a minute or more.
            get_hf_file_metadata(hf_hub_url(repository, _HUB_FILE), timeout=_HUB_SECONDS)
            path = hf_hub_download(repository, _HUB_FILE)
        except Exception as error:  # the hub's HTTP libraries have no base in common
            raise RecipeError(
                f"cannot download the ImageNet weights {repository} ({reason(error)}); "
                f"try again with a network connection, {REMEDIES}",
                code="weights-download",
            ) from error
    return repository, read_weights(Path(path))


def _start(backbone: Backbone, weights: Weights, origin: str) -> list[str]:
    """Put weights into a backbone; return notes."""
    own = backbone.net.state_dict()
    layers = numbered_layers(weights, backbone.architecture)
    weights = renamed(weights, layers)
    classifier = {key for key in weights if key.startswith(_CLASSIFIERS) and key not in own}
    weights = {
        key: value for key, value in weights.items() if key not in classifier and not key.endswith(_COUNTER)
    }
    notes = _fit_channels(backbone, weights, own, origin)
    _compare(backbone, weights, own, origin, without_classifier=bool(classifier))
    if layers and not backbone.tensorflow:
        notes.append(
            f"{backbone.architecture}: {origin} was trained with TensorFlow's padding and batch norms, which "
            "this network does not have; set model.tensorflow=true"
        )
    missing = [key for key in own if key not in weights and not key.endswith(_COUNTER)]
    if missing:
        names = _compact(missing, own, {ours: theirs for theirs, ours in layers.items()})
        notes.append(f"{backbone.architecture}: {names} start at random: not in {origin}")
    backbone.net.load_state_dict({**own, **weights})
    backbone.folded = _folded(weights)
    if backbone.folded:
        notes.append(
            f"{backbone.architecture}: the {len(backbone.folded)} batch norms of {origin} are folded into "
            "the convolutions; they are to be calibrated on training clips before training"
        )
    backbone.strange = _strange(backbone.net, missing, backbone.folded)
    if backbone.strange:
        notes.append(
            f"{backbone.architecture}: {', '.join(backbone.strange)} of {origin} stand behind what starts at "
            "random; their statistics are to be calibrated on training clips before training"
        )
    return notes


def _pretrained_cfg(backbone: Backbone) -> dict[str, Any]:
    """Return what timm knows of an architecture's weights."""
    config = backbone.net.pretrained_cfg
    assert isinstance(config, dict)
    return config


def _fit_channels(backbone: Backbone, weights: Weights, own: Weights, origin: str) -> list[str]:
    """Fit a first convolution over 3 channels to the backbone's number of channels, in place."""
    from timm.models import adapt_input_conv

    key = f"{_pretrained_cfg(backbone).get('first_conv')}.weight"
    if key not in own or key not in weights or weights[key].ndim != 4:
        return []
    read, channels = weights[key].shape[1], own[key].shape[1]
    if read != 3 or channels == 3:
        return []
    weights[key] = adapt_input_conv(channels, weights[key])
    how = "summed" if channels == 1 else f"repeated and scaled by 3/{channels}"
    return [f"{backbone.architecture}: {key} of {origin} is for 3 channels; {how} to fit {channels}"]


def _compare(
    backbone: Backbone, weights: Weights, own: Weights, origin: str, *, without_classifier: bool
) -> None:
    """Raise unless all weights have a place in the backbone."""
    problems = misfits(weights, own)
    if not any(key in own for key in weights):
        problems.append("no key of the network")
    if problems:
        left_out = " (a classifier was left out)" if without_classifier else ""
        raise RecipeError(
            f"the weights {origin} do not fit {backbone.architecture}: {'; '.join(problems)}{left_out}. "
            f"Name weights of {backbone.architecture}, or set training.weights=none for random weights",
            code="weights-do-not-fit",
        )


def _compact(missing: list[str], own: Weights, theirs: dict[str, str]) -> str:
    """Name missing keys; a layer of which all is missing by its name alone; `theirs` is the file's name."""
    names = []
    for key in missing:
        layer, _, part = key.rpartition(".")
        parts = [other for other in own if other.rpartition(".")[0] == layer and not other.endswith(_COUNTER)]
        whole = bool(layer) and set(parts) <= set(missing)
        also = f" ({theirs[layer]}{'' if whole else '.' + part} there)" if layer in theirs else ""
        names.append((layer if whole else key) + also)
    return ", ".join(dict.fromkeys(names))


def _strange(net: nn.Module, missing: list[str], folded: tuple[str, ...]) -> tuple[str, ...]:
    """Return the batch norms that the file has, and whose convolution it lacks: the last one before them."""
    found, random = [], False
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            random = f"{name}.weight" in missing
        elif isinstance(module, _BatchNorm):
            if random and name not in folded and f"{name}.running_mean" not in missing:
                found.append(name)
            random = False
    return tuple(found)


def _folded(weights: Weights) -> tuple[str, ...]:
    """Return the batch norms that merely shift, in a file where they do shift."""
    norms = [key.removesuffix(".running_mean") for key in weights if key.endswith(".running_mean")]
    still = []
    for norm in norms:
        expected = {"weight": 1.0, "running_mean": 0.0, "running_var": 1.0}
        parts = {name: weights.get(f"{norm}.{name}") for name in expected}
        if all(part is not None and bool((part == expected[name]).all()) for name, part in parts.items()):
            still.append(norm)
    shifts = (weights.get(f"{norm}.bias") for norm in still)
    return tuple(still) if any(shift is not None and bool(shift.any()) for shift in shifts) else ()
