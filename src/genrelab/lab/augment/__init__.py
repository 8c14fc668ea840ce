"""Changes to waveforms and to pictures, in training only.

Importing this package registers every augmentation under the name that recipes use.
"""

from genrelab.lab.augment.amplitude import Amplitude
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation, Pipeline
from genrelab.lab.augment.gain import Gain
from genrelab.lab.augment.masks import FrequencyMask, TimeMask
from genrelab.lab.augment.noise import GaussianNoise

__all__ = [
    "AUGMENTATIONS",
    "Amplitude",
    "Augmentation",
    "FrequencyMask",
    "Gain",
    "GaussianNoise",
    "Pipeline",
    "TimeMask",
]
