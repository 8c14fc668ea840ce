"""Waveform -> time-frequency picture (or a plainer waveform), as torch modules.

Importing this package registers every front-end under the name that recipes use.
"""

from genrelab.lab.frontends.base import FRONTENDS, Frontend
from genrelab.lab.frontends.cqt import Cqt
from genrelab.lab.frontends.mel import MelSpectrogram
from genrelab.lab.frontends.mfcc import Mfcc
from genrelab.lab.frontends.sinc import Sinc
from genrelab.lab.frontends.stft import Stft
from genrelab.lab.frontends.waveform import Waveform

__all__ = ["FRONTENDS", "Cqt", "Frontend", "MelSpectrogram", "Mfcc", "Sinc", "Stft", "Waveform"]
