"""Waveform -> time-frequency picture (or a simpler waveform), as torch modules.

Importing this package registers every front-end under the name that recipes use.
"""

from genrelab.lab.frontends.base import FRONTENDS, Frontend
from genrelab.lab.frontends.cqt import Cqt
from genrelab.lab.frontends.descriptors import Descriptors
from genrelab.lab.frontends.image import Image
from genrelab.lab.frontends.mel import MelSpectrogram
from genrelab.lab.frontends.mfcc import Mfcc
from genrelab.lab.frontends.picture import Picture
from genrelab.lab.frontends.sinc import Sinc
from genrelab.lab.frontends.stft import Stft
from genrelab.lab.frontends.table import Table
from genrelab.lab.frontends.waveform import Waveform
from genrelab.lab.frontends.waveform_image import WaveformPicture

__all__ = [
    "FRONTENDS",
    "Cqt",
    "Descriptors",
    "Frontend",
    "Image",
    "MelSpectrogram",
    "Mfcc",
    "Picture",
    "Sinc",
    "Stft",
    "Table",
    "Waveform",
    "WaveformPicture",
]
