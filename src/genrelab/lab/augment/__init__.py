"""Random changes of waveforms and pictures, in training only.

Importing this package registers every augmentation under the name that recipes use.
"""

from genrelab.lab.augment.amplitude import Amplitude
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation, Pipeline
from genrelab.lab.augment.filter import Filter
from genrelab.lab.augment.gain import Gain
from genrelab.lab.augment.masks import FrequencyMask, TimeMask
from genrelab.lab.augment.noise import GaussianNoise
from genrelab.lab.augment.speed import Speed

__all__ = [
    "AUGMENTATIONS",
    "Amplitude",
    "Augmentation",
    "Filter",
    "FrequencyMask",
    "Gain",
    "GaussianNoise",
    "Pipeline",
    "Speed",
    "TimeMask",
]
