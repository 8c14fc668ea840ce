"""The initial weights of a network: from an earlier run, or ImageNet weights for its backbones.

Weights of an earlier run fill the whole network (`genrelab.lab.models.pretrained_run`). ImageNet weights come
from timm or from a file; their keys are timm's names, which are torchvision's for ResNet and VGG, or names
that `genrelab.lab.models.foreign_weights` translates. A classifier is left out; all other keys must fit, and
a note names missing keys. No pickle is run: files are safetensors, or are read with torch's
`weights_only=True`.

Some files include batch norms in the convolutions: each norm has scale 1, mean 0 and variance 1, and only
shifts. In training such a norm would use the mean and variance of the batch, and change the function of the
network. `calibrate` measures mean m and variance s^2 of what reaches each of them, and sets mean = m,
variance = s^2, scale = sqrt(s^2 + eps), shift = shift + m: the same function, and one that training starts
from smoothly. A norm after a convolution that starts at random also gets mean = m and variance = s^2: the
statistics of the file belong to another convolution.
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
from genrelab.files import expand_home
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import GenreNetwork, Sound
from genrelab.lab.models.foreign_weights import numbered_layers, renamed
from genrelab.lab.models.pretrained_run import is_run, start_from_run
from genrelab.lab.models.weights_file import REMEDIES, Weights, misfits, read_weights, reason

IMAGENET = "imagenet"

_HUB_FILE = "model.safetensors"
_HUB_SECONDS = 10.0  # timeout of the first response of the hub
_CLASSIFIERS = ("fc.", "classifier.", "head.", "pre_logits.")  # torchvision's and timm's names
_COUNTER = ".num_batches_tracked"  # of batch norms: not a weight, and unused with a momentum


def load_pretrained(network: nn.Module, source: str) -> list[str]:
    """Load the weights of an earlier run into a network, or ImageNet weights into its backbones.

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
        Notes for the user: the source of the weights, layers that start at random, what was adapted, and
        whether `calibrate` is needed (see also `needs_calibration`).

    Raises
    ------
    RecipeError
        If the network has no backbone, the weights cannot be had or read, or they do not fit: keys that
        the backbone does not have (but for a classifier), other shapes, values that are no numbers.
    """
    read = None if source == IMAGENET else read_weights(expand_home(source))
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
    """Return whether `calibrate` must run before training: batch norms are folded, or strange."""
    return any(backbone.folded or backbone.strange for backbone in _backbones(network))


@torch.no_grad()
def calibrate(network: GenreNetwork, batches: Iterable[Sound]) -> None:
    """Fit the statistics of folded and strange batch norms to real input.

    The function of folded norms stays the same. One pass therefore suffices: the inputs of later norms do not
    change; strange norms normalize by batch in this pass. Norms that start at random stay unchanged. Does
    nothing unless `needs_calibration`.

    Parameters
    ----------
    network : GenreNetwork
        Runs in evaluation mode, except strange norms: without augmentation and dropout.
    batches : iterable of Tensor [shape=(batch, channels, samples)]
        Waveforms of training clips, a few hundred segments; at least one batch.

    Raises
    ------
    UsageError
        If there is no batch, or such a norm gets no input.
    RunError
        If the input of a norm is not finite.
    """
    folded = _norms(network, "folded")
    strange = _norms(network, "strange")
    norms = {**folded, **strange}
    if not norms:
        return
    moments = {name: _Moments() for name in norms}
    handles = [
        norm.register_forward_pre_hook(partial(_add_input, moments[name])) for name, norm in norms.items()
    ]
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
        _set_statistics(norm, moments[name], keep_function=name in folded)
    for backbone in _backbones(network):
        backbone.folded = backbone.strange = ()


def _norms(network: nn.Module, kind: Literal["folded", "strange"]) -> dict[str, nn.Module]:
    """Return the batch norms of all backbones that need calibration, by name."""
    return {
        f"{path}.net.{name}": backbone.net.get_submodule(name)
        for path, backbone in network.named_modules()
        if isinstance(backbone, Backbone)
        for name in getattr(backbone, kind)
    }


class _Moments:
    """Mean and variance of each channel over batches, combined after Chan, Golub and LeVeque (1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.squares = torch.zeros(())  # sum of squared differences from the mean

    def add(self, x: Tensor) -> None:
        """Add `[batch, channels, ...]`."""
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


def _add_input(moments: _Moments, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    moments.add(inputs[0])


def _set_statistics(norm: nn.Module, moments: _Moments, *, keep_function: bool) -> None:
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
            # A single request fails immediately; a download retries for half a minute or more.
            get_hf_file_metadata(hf_hub_url(repository, _HUB_FILE), timeout=_HUB_SECONDS)
            path = hf_hub_download(repository, _HUB_FILE)
        except Exception as error:  # the HTTP libraries of the hub have no common base class
            raise RecipeError(
                f"cannot download the ImageNet weights {repository} ({reason(error)}); "
                f"try again with a network connection, {REMEDIES}",
                code="weights-download",
            ) from error
    return repository, read_weights(Path(path))


def _start(backbone: Backbone, weights: Weights, origin: str) -> list[str]:
    """Load weights into a backbone; return notes."""
    own = backbone.net.state_dict()
    layers = numbered_layers(weights, backbone.architecture)
    weights = renamed(weights, layers)
    classifier = {key for key in weights if key.startswith(_CLASSIFIERS) and key not in own}
    weights = {
        key: value for key, value in weights.items() if key not in classifier and not key.endswith(_COUNTER)
    }
    notes = _fit_channels(backbone, weights, own, origin)
    _check_fit(backbone, weights, own, origin, without_classifier=bool(classifier))
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
    """Return timm's configuration of the weights of an architecture."""
    config = backbone.net.pretrained_cfg
    assert isinstance(config, dict)
    return config


def _fit_channels(backbone: Backbone, weights: Weights, own: Weights, origin: str) -> list[str]:
    """Adapt a first convolution over 3 channels to the channels of the backbone, in place."""
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


def _check_fit(
    backbone: Backbone, weights: Weights, own: Weights, origin: str, *, without_classifier: bool
) -> None:
    """Raise unless all weights fit the backbone."""
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
    """Name missing keys, and only the layer if all its keys are missing; `theirs` are names in the file."""
    names = []
    for key in missing:
        layer, _, part = key.rpartition(".")
        parts = [other for other in own if other.rpartition(".")[0] == layer and not other.endswith(_COUNTER)]
        whole = bool(layer) and set(parts) <= set(missing)
        also = f" ({theirs[layer]}{'' if whole else '.' + part} there)" if layer in theirs else ""
        names.append((layer if whole else key) + also)
    return ", ".join(dict.fromkeys(names))


def _strange(net: nn.Module, missing: list[str], folded: tuple[str, ...]) -> tuple[str, ...]:
    """Return the batch norms in the file whose convolution, the last one before them, is missing."""
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
    """Return the batch norms that only shift, in a file where they shift."""
    norms = [key.removesuffix(".running_mean") for key in weights if key.endswith(".running_mean")]
    still = []
    for norm in norms:
        expected = {"weight": 1.0, "running_mean": 0.0, "running_var": 1.0}
        parts = {name: weights.get(f"{norm}.{name}") for name in expected}
        if all(part is not None and bool((part == expected[name]).all()) for name, part in parts.items()):
            still.append(norm)
    shifts = (weights.get(f"{norm}.bias") for norm in still)
    return tuple(still) if any(shift is not None and bool(shift.any()) for shift in shifts) else ()
