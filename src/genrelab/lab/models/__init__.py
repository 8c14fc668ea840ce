"""Pictures and waveforms -> genre scores. Importing this package registers all networks."""

from genrelab.lab.models import (
    crnn,
    descriptor_mlp,
    ensemble,
    fcn,
    fds,
    mel_augmentation,
    mfcc_cqt,
    ms_sincresnet,
    soundfusion,
    soundfusion_baselines,
)
from genrelab.lab.models.base import MODELS, Body, GenreNetwork, Scores
from genrelab.lab.models.build import build_network

__all__ = [
    "MODELS",
    "Body",
    "GenreNetwork",
    "Scores",
    "build_network",
    "crnn",
    "descriptor_mlp",
    "fcn",
    "fds",
    "mel_augmentation",
    "mfcc_cqt",
    "ms_sincresnet",
    "soundfusion",
    "soundfusion_baselines",
    "ensemble",
]
