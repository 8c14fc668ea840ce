"""The initial weights of a training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import torch

from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.base import Sound, waveform_of
from genrelab.lab.models.descriptor_mlp import DescriptorMLP
from genrelab.lab.models.pretrained import calibrate, load_pretrained, needs_calibration
from genrelab.lab.recipes.schema import Training

_CALIBRATION_SEGMENTS = 256


def load_start(network: GenreNetwork, training: Training) -> list[str]:
    """Load the initial weights of the recipe into a new network.

    Returns
    -------
    list of str
        Notes on them; empty if all weights are random.

    Raises
    ------
    RecipeError
        If the weights are unavailable, or do not fit the network.
    """
    return [] if training.weights == "none" else load_pretrained(network, training.weights)


def weights_hash(training: Training) -> str | None:
    """Return the SHA-256 of the file of initial weights; None if there is no file (any more)."""
    file = training.weights_file
    if file is None or not file.is_file():
        return None
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def calibrate_start(network: GenreNetwork, waveforms: Iterable[Sound]) -> list[str]:
    """Fit statistics of a network to training clips before the first epoch.

    Batch norms that were folded into convolutions get the statistics of 256 segments; the standardization of
    a `DescriptorMLP` is fitted to all segments, unless the weights include it.

    Parameters
    ----------
    network : GenreNetwork
        After `load_start`.
    waveforms : iterable of Tensor [shape=(batch, channels, samples)]
        Of training clips, or outputs of front-ends for them.

    Returns
    -------
    list of str
        Notes on the calibration; empty if none was needed.
    """
    body = network.body
    if isinstance(body, DescriptorMLP) and not body.standardize.fitted:
        _standardize(network, body, waveforms)
        items = int(body.standardize.items)
        return [f"descriptors are standardized by their mean and deviation in {items} training segments"]
    if not needs_calibration(network):
        return []
    calibrate(network, _enough(waveforms))
    return ["these batch norms were calibrated on segments of training clips"]


def _standardize(network: GenreNetwork, body: DescriptorMLP, waveforms: Iterable[Sound]) -> None:
    device = next(network.parameters()).device
    training = network.training
    network.eval()  # without augmentation
    with torch.no_grad():
        body.fit(network.inputs(batch.to(device)) for batch in waveforms)
    network.train(training)


def _enough(waveforms: Iterable[Sound]) -> Iterator[Sound]:
    seen = 0
    for batch in waveforms:
        yield batch
        seen += len(waveform_of(batch))
        if seen >= _CALIBRATION_SEGMENTS:
            return
